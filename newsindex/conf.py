"""The only reader of settings: one property per setting, read live."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.db import connections
from django.db.backends.base.creation import TEST_DATABASE_PREFIX

#: What keeps the documents of a test run, unless the entry of the engine has a TEST.
ENGINE_OF_TESTS: Final = {"BACKEND": "newsindex.engines.memory.MemoryEngine", "OPTIONS": {}}


class Conf:
    """Each property has the name of its setting, so that a search for the setting finds every use."""

    def __init__(self) -> None:
        self._databases: dict[str, str] = {}
        self._at_start: dict[str, dict[str, Any]] = {}

    def remember_start(self) -> None:
        """Keep in mind the names of the databases and the engines with which this process began: the live ones."""
        self._databases = {alias: str(database.get("NAME")) for alias, database in connections.settings.items()}
        configured: object = self._configured()
        if isinstance(configured, dict):
            self._at_start = {alias: dict(entry) for alias, entry in configured.items() if isinstance(entry, dict)}

    def test_database(self) -> str:
        """The names of the test databases that have taken the place of the live ones; "" where none has."""
        names = {alias: str(connections.settings[alias].get("NAME")) for alias in self._databases}
        changed = [names[alias] for alias, name in self._databases.items() if _is_test(alias, name, names[alias])]
        return ", ".join(changed)

    @staticmethod
    def databases() -> list[str]:
        """The aliases of Django's databases, without copies for reading, as ``TEST["MIRROR"]`` tells them."""
        return [alias for alias in connections if not connections.settings[alias]["TEST"]["MIRROR"]]

    @property
    def NEWSINDEX(self) -> dict[str, dict[str, Any]]:
        """Engines by alias: ``{"default": {"BACKEND": dotted path, "OPTIONS": {...}}}``.

        With a test database nobody comes near the index of the live one: an engine that was configured at the start is
        kept in memory then, or where its TEST says. What a test configures for itself stays as it is.
        """
        configured = self._configured()
        if not self._at_start or not isinstance(configured, dict) or not self.test_database():
            return configured
        return {
            alias: _apart(entry) if entry in self._at_start.values() else entry for alias, entry in configured.items()
        }

    def _configured(self) -> dict[str, dict[str, Any]]:
        configured = getattr(settings, "NEWSINDEX", None)
        if configured is not None:
            engines: dict[str, dict[str, Any]] = configured
            return engines
        base = Path(getattr(settings, "BASE_DIR", "."))
        return {
            "default": {
                "BACKEND": "newsindex.engines.whoosh.WhooshEngine",
                "OPTIONS": {"path": base / "search_index"},
            }
        }

    @property
    def NEWSINDEX_ENGINE(self) -> str:
        """The alias of the engine that is asked wherever none is named."""
        alias: str = getattr(settings, "NEWSINDEX_ENGINE", "default")
        return alias

    def replica(self, alias: str) -> str | None:
        """The name under which this process keeps the index ``alias``: NEWSINDEX[alias]["REPLICA"].

        None: there is one index for all, the entry has no REPLICA. "": this process keeps none, others do.
        """
        name = self.NEWSINDEX.get(alias, {}).get("REPLICA")
        return None if name is None else str(name)

    def replica_days(self, alias: str) -> float:
        """After so many days without a word a replica is dropped, and must be built again."""
        return float(self.NEWSINDEX.get(alias, {}).get("REPLICA_DAYS", 7))

    @property
    def NEWSINDEX_TRIGGERS(self) -> bool:
        """Whether ``migrate`` puts triggers into the database that note changes which send no signals."""
        wanted: bool = getattr(settings, "NEWSINDEX_TRIGGERS", False)
        return wanted

    @property
    def NEWSINDEX_UPDATE(self) -> str:
        """When the index sees a change: right after its transaction "inline" or by a "task", or by a "command"."""
        when: str = getattr(settings, "NEWSINDEX_UPDATE", "inline")
        return when

    @property
    def NEWSINDEX_MAX_LAG(self) -> float:
        """For how many seconds a change may be pending before checks and monitors call that too long."""
        lag: float = getattr(settings, "NEWSINDEX_MAX_LAG", 3600)
        return lag

    @property
    def NEWSINDEX_LANGUAGES(self) -> dict[str, str]:
        """Language codes, each with that of a language with a stemmer whose rules it takes, or "": ``{"lb": "de"}``."""
        languages: dict[str, str] = getattr(settings, "NEWSINDEX_LANGUAGES", {})
        return languages

    @property
    def MEDIA_ROOT(self) -> str:
        """Django's own: what lies there is served to everybody."""
        return str(settings.MEDIA_ROOT or "")

    @property
    def STATIC_ROOT(self) -> str:
        """Django's own: what lies there is served to everybody."""
        return str(settings.STATIC_ROOT or "")

    @property
    def STATICFILES_DIRS(self) -> list[str]:
        """Django's own: what lies there is copied to STATIC_ROOT. Directories, without the prefixes they may have."""
        places = getattr(settings, "STATICFILES_DIRS", None) or ()
        return [str(place[1] if isinstance(place, list | tuple) else place) for place in places]

    def unknown(self) -> list[str]:
        """Names of settings that begin as ours do, and are not."""
        ours = {name for name in dir(type(self)) if name.isupper()}
        return sorted(name for name in dir(settings) if name.startswith("NEWSINDEX") and name not in ours)

    @property
    def USE_TZ(self) -> bool:
        """Django's own: whether the dates of rows know their time zone."""
        return bool(settings.USE_TZ)

    @property
    def LANGUAGE_CODE(self) -> str:
        """Django's own: the language of articles that name none."""
        return str(settings.LANGUAGE_CODE)


def _is_test(alias: str, before: str, now: str) -> bool:
    if now == before:
        return False
    own = connections.settings[alias].get("TEST", {}).get("NAME")
    return TEST_DATABASE_PREFIX in now or "mode=memory" in now or bool(own and str(own) in now)


def _apart(entry: dict[str, Any]) -> dict[str, Any]:
    if "TEST" not in entry:
        return ENGINE_OF_TESTS
    live = {key: value for key, value in entry.items() if key not in ("TEST", "REPLICA", "REPLICA_DAYS")}
    return {**live, **entry["TEST"]}


conf = Conf()
