"""``engines["default"]``: the configured engines by alias, one instance of each for the process."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from django.core.signals import setting_changed
from django.dispatch import receiver
from django.utils.connection import BaseConnectionHandler, ConnectionDoesNotExist
from django.utils.module_loading import import_string

from newsindex.conf import conf
from newsindex.engines.base import Engine
from newsindex.exceptions import ConfigurationError

if TYPE_CHECKING:
    _Handler = BaseConnectionHandler[Engine]
else:
    # Generic in the type stubs only.
    _Handler = BaseConnectionHandler


class EngineHandler(_Handler):
    """Django's handler of aliases, but with instances shared by the threads: engines are made for that."""

    settings_name = "NEWSINDEX"

    def __init__(self) -> None:
        super().__init__(None)
        self._instances: dict[tuple[str, str], Engine] = {}
        self._lock = threading.RLock()

    @property
    def configured(self) -> dict[str, dict[str, Any]]:
        return conf.NEWSINDEX

    def __iter__(self) -> Iterator[str]:
        return iter(self.configured)

    def __getitem__(self, alias: str) -> Engine:
        # Each test database has engines of its own: those of a forked worker are not those of its parent.
        place = (alias, conf.test_database())
        with self._lock:
            if place not in self._instances:
                self._instances[place] = self.create_connection(alias)
            return self._instances[place]

    def create_connection(self, alias: str) -> Engine:
        """A new engine from its settings; ConfigurationError says which alias and what is wrong."""
        try:
            settings = self.configured[alias]
        except KeyError:
            known = ", ".join(sorted(self.configured)) or "none"
            raise ConnectionDoesNotExist(f"NEWSINDEX has no engine {alias!r}; it has: {known}.") from None
        path = settings.get("BACKEND")
        if not isinstance(path, str):
            raise ConfigurationError(
                f"NEWSINDEX[{alias!r}]['BACKEND'] must be the dotted path of an engine, for example "
                f"'newsindex.engines.whoosh.WhooshEngine', not {path!r}."
            )
        try:
            engine_class: object = import_string(path)
        except ImportError as error:
            raise ConfigurationError(f"NEWSINDEX[{alias!r}]: {error}") from error
        if not (isinstance(engine_class, type) and issubclass(engine_class, Engine)):
            raise ConfigurationError(f"NEWSINDEX[{alias!r}]['BACKEND']: {path!r} is no Engine.")
        options = settings.get("OPTIONS", {})
        try:
            return engine_class(**options)
        except TypeError as error:
            wrong = _wrong_options(engine_class, options) or str(error)
            raise ConfigurationError(f"NEWSINDEX[{alias!r}]: {wrong}") from error

    def close_all(self) -> None:
        """Close every engine and forget it; the next use makes it anew from the settings."""
        with self._lock:
            for engine in self._instances.values():
                engine.close()
            self._instances.clear()


def _wrong_options(engine_class: type[Engine], options: dict[str, Any]) -> str:
    """Which options are missing or unknown, in other words than Python's; "" where it is something else."""
    taken = inspect.signature(engine_class).parameters.values()
    names = [each.name for each in taken if each.kind in (each.KEYWORD_ONLY, each.POSITIONAL_OR_KEYWORD)]
    needed = [each.name for each in taken if each.name in names and each.default is each.empty]
    wrong = [f"has no {name!r}" for name in needed if name not in options]
    if not any(each.kind is each.VAR_KEYWORD for each in taken):
        wrong += [f"has the unknown option {name!r}" for name in options if name not in names]
    if not wrong:
        return ""
    return f"OPTIONS {' and '.join(wrong)}; {engine_class.__name__} takes {', '.join(names) or 'none'}."


engines = EngineHandler()


def named(engine: str | None) -> str:
    """``engine``, an alias; where it is None that of the engine which the site asks: NEWSINDEX_ENGINE."""
    return conf.NEWSINDEX_ENGINE if engine is None else engine


@receiver(setting_changed)
def _forget(*, setting: str, **kwargs: Any) -> None:
    if setting in ("NEWSINDEX", "BASE_DIR"):
        engines.close_all()


__all__ = ["engines", "named"]
