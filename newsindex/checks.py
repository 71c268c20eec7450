"""System checks.

newsindex.E001  NEWSINDEX is no dict of engines
newsindex.E002  NEWSINDEX has no engine "default", or not the one of NEWSINDEX_ENGINE
newsindex.E003  an engine's settings have an unknown key, or no dict of OPTIONS
newsindex.E004  an engine can't be made: its BACKEND or its OPTIONS are wrong
newsindex.E005  NEWSINDEX_UPDATE is none of "inline", "task", "command"
newsindex.E006  a source does not define paragraphs()
newsindex.E007  a source's model has a composite primary key
newsindex.E008  a source follows what is no relation of its model
newsindex.E012  two engines have one directory, or one lies in the other's
newsindex.E020  NEWSINDEX_UPDATE is "task", and there is no backend for tasks
newsindex.E021  an index lies inside of MEDIA_ROOT, STATIC_ROOT or one of STATICFILES_DIRS
newsindex.E022  NEWSINDEX_MAX_LAG is no number of seconds
newsindex.E023  NEWSINDEX_LANGUAGES is no dict of language codes, or names a language without a stemmer
newsindex.E024  NEWSINDEX_TRIGGERS is neither True nor False
newsindex.E025  USE_TZ is False, and newsindex compares moments
newsindex.E030  REPLICA, REPLICA_DAYS or TEST of an engine's settings is wrong
newsindex.W001  the URLs of newsindex are not included, so no page of it can be reached
newsindex.W002  an index was never built (asked for by ``check --database``, and so by ``migrate``)
newsindex.W003  the primary key of a source's model may be too long to be noted
newsindex.W004  a setting begins with NEWSINDEX, and is none of newsindex
newsindex.W020  NEWSINDEX_UPDATE is "task", and the backend runs a task where it is asked for
newsindex.W021  a change has been pending for longer than NEWSINDEX_MAX_LAG (asked for like W002)
newsindex.W022  an index and the database are not of the same time, or not of one site (asked for like W002)
newsindex.W030  database triggers are missing or out of date (asked for as W002)
newsindex.W031  there are replicas, but this process notes changes for one index only (asked for as W002)
newsindex.W032  an index was built under an alias that NEWSINDEX does not have here (asked for as W002)

An engine adds its own (newsindex.E010, E011 and W010 to W018).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from itertools import combinations
from pathlib import Path
from typing import Any

from django.apps import AppConfig
from django.core.checks import CheckMessage, Error, Tags, Warning
from django.core.checks import register as register_check
from django.db import DatabaseError
from django.db.models import CharField, TextField
from django.urls import NoReverseMatch, reverse

from newsindex import triggers
from newsindex.conf import conf
from newsindex.engines import engines
from newsindex.engines.base import Engine
from newsindex.exceptions import ConfigurationError, EngineError
from newsindex.indexing import lag
from newsindex.languages import STEMMERS, are_codes
from newsindex.models import LONGEST_KEY, Replica
from newsindex.receivers import resolve
from newsindex.replicas import require_current
from newsindex.sources import Source, sources
from newsindex.tasks import has_tasks, has_workers

ENGINE_KEYS = frozenset({"BACKEND", "OPTIONS", "REPLICA", "REPLICA_DAYS", "TEST"})
UPDATES = ("inline", "task", "command")
EXAMPLE = '{"default": {"BACKEND": "newsindex.engines.whoosh.WhooshEngine", "OPTIONS": {"path": ...}}}'


def register() -> None:
    """Register the checks with Django. Harmless when called again."""
    register_check(check_settings, "newsindex")
    register_check(check_sources, "newsindex")
    register_check(check_urls, "newsindex", Tags.urls)
    register_check(check_built, "newsindex", Tags.database)
    register_check(check_noting, "newsindex", Tags.database)
    register_check(check_lag, "newsindex", Tags.database)


def check_settings(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """The shape of the settings, then what each engine says of its own."""
    messages: list[CheckMessage] = [*_update_setting(), *_tasks(), *_lag_setting(), *_languages_setting()]
    messages += [*_triggers_setting(), *_time_zones(), *_unknown_settings()]
    shape = list(_shape())
    messages += shape
    if not shape:
        for alias in engines:
            messages += _engine(alias)
        messages += _shared()
    return messages


def check_sources(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    return [message for source in sources for message in _source(source)]


def check_urls(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    try:
        reverse("newsindex:search")
    except NoReverseMatch:
        return [
            Warning(
                "The URLs of newsindex are not included: nobody can search.",
                hint='Add path("search/", include("newsindex.urls")) to your urlpatterns.',
                id="newsindex.W001",
            )
        ]
    return []


def check_built(
    app_configs: Sequence[AppConfig] | None, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    if not databases or any(_shape()):
        return []
    return [message for alias in engines for message in _built(alias)]


def check_noting(
    app_configs: Sequence[AppConfig] | None, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Whether what changes is noted for every index, by triggers too where there are any."""
    if not databases or any(_shape()):
        return []
    looks = (_triggers, _unnoted, _left_out)
    return [message for database in databases for look in looks for message in look(database)]


def _triggers(database: str) -> Iterator[CheckMessage]:
    try:
        triggers.require_vendor(database)
        if not (conf.NEWSINDEX_TRIGGERS or triggers.installed(database) or triggers.taken(database)):
            return
        missing, extra = triggers.differences(database)
    except (ConfigurationError, DatabaseError) as error:
        if conf.NEWSINDEX_TRIGGERS and isinstance(error, ConfigurationError):
            yield Warning(str(error), id="newsindex.W030")
        return
    if missing or extra:
        yield Warning(
            f"In the database {database!r} {missing} triggers of newsindex are missing or out of date, "
            f"and {extra} should not be there.",
            hint=f"Run manage.py newsindex_triggers install --database {database}",
            id="newsindex.W030",
        )


def _unnoted(database: str) -> Iterator[CheckMessage]:
    alone = [alias for alias in engines if conf.replica(alias) is None]
    found = Replica.objects.using(database).filter(engine__in=alone).exclude(name="")
    try:
        names = list(found.values_list("engine", "name"))
    except DatabaseError:
        return  # not migrated yet
    for alias, name in names:
        yield Warning(
            f"NEWSINDEX[{alias!r}] has no REPLICA here, so what this process saves is not noted for {name!r}.",
            hint="Give each process a REPLICA, and those without an index an empty one.",
            id="newsindex.W031",
        )


def _left_out(database: str) -> Iterator[CheckMessage]:
    """A process that was not told of an engine is how changes are lost while a site moves to it."""
    built = Replica.objects.using(database).exclude(engine__in=list(engines)).order_by("engine", "name")
    try:
        names = list(built.values_list("engine", "name"))
    except DatabaseError:
        return  # not migrated yet
    for alias, name in names:
        yield Warning(
            f"An index {alias!r} was built, and NEWSINDEX has no engine of that name here: what this process saves is "
            "not noted for it.",
            hint=f"Give this process the entry too. If the index is gone for good, run manage.py newsindex_replicas "
            f"--engine {alias} --drop {name}".rstrip(),
            id="newsindex.W032",
        )


def check_lag(
    app_configs: Sequence[AppConfig] | None, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    if not databases or any(_shape()) or any(_lag_setting()):
        return []
    return [message for alias in engines for message in _late(alias)]


def _update_setting() -> Iterator[CheckMessage]:
    if conf.NEWSINDEX_UPDATE not in UPDATES:
        yield Error(
            f"NEWSINDEX_UPDATE must be 'inline', 'task' or 'command', not {conf.NEWSINDEX_UPDATE!r}.",
            hint=(
                "'inline' indexes a change after its transaction, 'task' has a task do it, "
                "'command' leaves it to newsindex_update."
            ),
            id="newsindex.E005",
        )


def _tasks() -> Iterator[CheckMessage]:
    if conf.NEWSINDEX_UPDATE != "task":
        return
    if not has_tasks():
        yield Error(
            "NEWSINDEX_UPDATE is 'task', but there is no backend for tasks.",
            hint='Set TASKS["default"], on Django 5.2 with the package django-tasks; if it has QUEUES, "default" must '
            'be among them. Or write "inline" or "command".',
            id="newsindex.E020",
        )
    elif not has_workers():
        yield Warning(
            "NEWSINDEX_UPDATE is 'task', but the backend of TASKS runs a task where it is asked for.",
            hint='Whoever saves waits for all that is pending. Set a backend with workers, or write "inline".',
            id="newsindex.W020",
        )


def _lag_setting() -> Iterator[CheckMessage]:
    lag: object = conf.NEWSINDEX_MAX_LAG
    if isinstance(lag, bool) or not isinstance(lag, int | float) or not lag > 0:
        yield Error(
            f"NEWSINDEX_MAX_LAG must be a number of seconds above 0, not {lag!r}.",
            hint="Write for example 3600: a change that is pending for more than an hour is too late.",
            id="newsindex.E022",
        )


def _languages_setting() -> Iterator[CheckMessage]:
    languages: object = conf.NEWSINDEX_LANGUAGES
    if not are_codes(languages):
        yield Error(
            f"NEWSINDEX_LANGUAGES must be a dict of language codes, not {languages!r}: each stands with the code of a "
            'language that has a stemmer, or with "".',
            hint=f'Write for example {{"lb": "de"}}. There are stemmers for: {", ".join(sorted(STEMMERS))}.',
            id="newsindex.E023",
        )


def _triggers_setting() -> Iterator[CheckMessage]:
    wanted: object = conf.NEWSINDEX_TRIGGERS
    if not isinstance(wanted, bool):
        yield Error(
            f"NEWSINDEX_TRIGGERS must be True or False, not {wanted!r}.",
            hint='What comes from the environment is text, and "False" and "0" would mean yes. Compare it with "1".',
            id="newsindex.E024",
        )


def _time_zones() -> Iterator[CheckMessage]:
    if not conf.USE_TZ:
        yield Error(
            "USE_TZ is False: newsindex compares moments, and dates without a time zone are none. No search would be "
            "answered, and no article with a date indexed.",
            hint="Set USE_TZ = True, as it is by default. TIME_ZONE may stay what it is.",
            id="newsindex.E025",
        )


def _unknown_settings() -> Iterator[CheckMessage]:
    rest = ("ENGINE", "UPDATE", "TRIGGERS", "MAX_LAG", "LANGUAGES")
    names = ("NEWSINDEX", *(f"NEWSINDEX_{name}" for name in rest))
    for name in conf.unknown():
        near = get_close_matches(name, names, n=1)
        yield Warning(
            f"{name} is no setting of newsindex: nobody reads it.",
            hint=f"Did you mean {near[0]}?" if near else f"There are: {', '.join(names)}.",
            id="newsindex.W004",
        )


def _shape() -> Iterator[CheckMessage]:
    configured: object = conf.NEWSINDEX
    if not isinstance(configured, dict) or not all(isinstance(value, dict) for value in configured.values()):
        yield Error(
            f"NEWSINDEX must be a dict of engines by alias, not {configured!r}.",
            hint=f"Write NEWSINDEX = {EXAMPLE}",
            id="newsindex.E001",
        )
        return
    yield from _asked(configured)
    for alias, settings in configured.items():
        yield from _alias(alias, settings)


def _asked(configured: dict[str, object]) -> Iterator[CheckMessage]:
    asked: object = conf.NEWSINDEX_ENGINE
    if asked in list(configured):
        return
    names = ", ".join(map(repr, configured)) or "none"
    if asked == "default":
        message = f"NEWSINDEX has no engine {asked!r}, only: {names}."
    else:
        message = f"NEWSINDEX_ENGINE must be the alias of an engine in NEWSINDEX, not {asked!r}; there are: {names}."
    write = f"NEWSINDEX_ENGINE = {next(iter(configured))!r}" if configured else f"NEWSINDEX = {EXAMPLE}"
    yield Error(message, hint=f"Write {write}", id="newsindex.E002")


def _alias(alias: str, settings: dict[str, object]) -> Iterator[CheckMessage]:
    for key in sorted(set(settings) - ENGINE_KEYS, key=str):
        yield Error(
            f"NEWSINDEX[{alias!r}] has the unknown key {key!r}.",
            hint="It takes BACKEND, OPTIONS, REPLICA, REPLICA_DAYS and TEST; what an engine is told goes into OPTIONS.",
            id="newsindex.E003",
        )
    yield from _replica(alias, settings)
    if not isinstance(options := settings.get("OPTIONS", {}), dict):
        yield Error(
            f"NEWSINDEX[{alias!r}]['OPTIONS'] must be a dict of the engine's options, not {options!r}.",
            hint='Write for example "OPTIONS": {"path": BASE_DIR / "search_index"}.',
            id="newsindex.E003",
        )


def _replica(alias: str, settings: dict[str, object]) -> Iterator[CheckMessage]:
    test = settings.get("TEST", {})
    if not isinstance(test, dict) or not set(test) <= ENGINE_KEYS - {"TEST"}:
        yield Error(
            f"NEWSINDEX[{alias!r}]['TEST'] must be a dict of what differs with a test database, not {test!r}.",
            hint='Write for example "TEST": {"OPTIONS": {"path": BASE_DIR / "test_index"}}.',
            id="newsindex.E030",
        )
    name, days = settings.get("REPLICA"), settings.get("REPLICA_DAYS", 7)
    if not (name is None or isinstance(name, str) and len(name) <= 64):
        yield Error(
            f"NEWSINDEX[{alias!r}]['REPLICA'] must be the name of this host, of at most 64 characters, not {name!r}.",
            hint='Leave it out where all processes share one index; "" is for those that keep none.',
            id="newsindex.E030",
        )
    if not isinstance(days, int | float) or not days > 0:
        yield Error(
            f"NEWSINDEX[{alias!r}]['REPLICA_DAYS'] must be a number of days above 0, not {days!r}.",
            hint="Write for example 7: a host that was down for longer builds its index anew.",
            id="newsindex.E030",
        )


def _engine(alias: str) -> Iterator[CheckMessage]:
    try:
        engine = engines[alias]
    except ConfigurationError as error:
        yield Error(str(error), hint="See the engine's documentation for its options.", id="newsindex.E004")
        return
    yield from _served(alias, engine)
    for problem in engine.check():
        kind = Error if problem.level == "error" else Warning
        yield kind(problem.message, hint=problem.hint or None, obj=f"NEWSINDEX[{alias!r}]", id=problem.id)


def _served(alias: str, engine: Engine) -> Iterator[CheckMessage]:
    """What a web server gives to everybody is no place for drafts."""
    path = getattr(engine, "path", None)
    if not isinstance(path, Path):
        return
    served = [("MEDIA_ROOT", conf.MEDIA_ROOT), ("STATIC_ROOT", conf.STATIC_ROOT)]
    for name, root in (*served, *(("STATICFILES_DIRS", place) for place in conf.STATICFILES_DIRS)):
        if root and path.resolve().is_relative_to(Path(root).resolve()):
            yield Error(
                f"The index {alias!r} lies in {path}, which is inside of {name}: everybody can download it.",
                hint="Set OPTIONS['path'] of the engine to a directory that no web server serves.",
                obj=f"NEWSINDEX[{alias!r}]",
                id="newsindex.E021",
            )


def _shared() -> Iterator[CheckMessage]:
    """Two engines that write in one place each replace what the other has built."""
    places: list[tuple[str, Path]] = []
    for alias in engines:
        try:
            path = getattr(engines[alias], "path", None)
        except ConfigurationError:
            continue
        if isinstance(path, Path):
            places.append((alias, path.resolve()))
    for (first, one), (second, other) in combinations(places, 2):
        if one.is_relative_to(other) or other.is_relative_to(one):
            yield Error(
                f"The engines {first!r} and {second!r} do not have a directory each: {one} and {other}.",
                hint="Set OPTIONS['path'] of each engine to a directory of its own, none inside of another.",
                id="newsindex.E012",
            )


def _source(source: Source[Any]) -> Iterator[CheckMessage]:
    name = type(source).__name__
    if type(source).paragraphs is Source.paragraphs:
        yield Error(
            f"{name} does not define paragraphs(), so {source.label} has no text to search.",
            hint="Define paragraphs(self, obj), for example: return self.from_html(obj.body)",
            id="newsindex.E006",
        )
    if len(getattr(source.model._meta, "pk_fields", ())) > 1:
        yield Error(
            f"{name}: {source.label} has a composite primary key, which an index key can't hold.",
            hint="Register a model with a single primary key.",
            id="newsindex.E007",
        )
    if _long_key(source):
        yield Warning(
            f"{name}: the primary key of {source.label} may be longer than {LONGEST_KEY} characters; "
            "changes of rows with such a key are not indexed.",
            hint=f"Give the field a max_length of at most {LONGEST_KEY}, or silence this if no key is that long.",
            id="newsindex.W003",
        )
    for path in source.follow or ():
        if resolve(source.model, path) is None:
            yield Error(
                f"{name}.follow has {path!r}, which is no relation of {source.label}.",
                hint=(
                    f"Its relations are: {', '.join(_relations(source)) or 'none'}. What follow names replaces the "
                    "default, the many-to-many fields."
                ),
                id="newsindex.E008",
            )


def _long_key(source: Source[Any]) -> bool:
    field = source.model._meta.pk
    while field.remote_field:
        field = field.target_field
    if not isinstance(field, CharField | TextField):
        return False
    return field.max_length is None or field.max_length > LONGEST_KEY


def _relations(source: Source[Any]) -> list[str]:
    return sorted(field.name for field in source.model._meta.get_fields() if field.is_relation and field.related_model)


def _built(alias: str) -> Iterator[CheckMessage]:
    if conf.replica(alias) == "":
        return  # a process that keeps no index
    try:
        engine: Engine = engines[alias]
        built = not engine.persistent or bool(engine.stats().generation)
    except (ConfigurationError, EngineError):
        return  # the other checks and newsindex_status say what is wrong
    if not built:
        option = "" if alias == conf.NEWSINDEX_ENGINE else f" --engine {alias}"
        searches = "searches are" if alias == conf.NEWSINDEX_ENGINE else "what asks it is"
        yield Warning(
            f"The index {alias!r} was never built: {searches} answered with status 503.",
            hint=f"Run manage.py newsindex_rebuild{option}",
            id="newsindex.W002",
        )
        return
    try:
        require_current(alias, known_for=0.0)
    except EngineError as error:
        yield Warning(str(error), hint="Until then searches are answered with status 503.", id="newsindex.W022")
    except DatabaseError:
        return  # the table comes with the migrations


def _late(alias: str) -> Iterator[CheckMessage]:
    try:
        seconds = lag(engine=alias)
    except DatabaseError:
        return  # the table comes with the first migration
    if seconds > conf.NEWSINDEX_MAX_LAG:
        option = "" if alias == conf.NEWSINDEX_ENGINE else f" --engine {alias}"
        yield Warning(
            f"A change has been pending for {_time(seconds)}: the index {alias!r} does not show it.",
            hint=f"Run manage.py newsindex_update{option}, and see what it says.",
            id="newsindex.W021",
        )


def _time(seconds: float) -> str:
    return f"{seconds / 60:.0f} minutes" if seconds >= 120 else f"{seconds:.0f} seconds"
