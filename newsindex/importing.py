"""Files to articles: what .txt, .md and .jsonl files say, and saving it in batches.

A file is read piece by piece, and each piece that can't be read or saved is named with its place while the rest goes
on. Articles are met again by their slug, which ``slug_for`` makes from their id, and change only where a file says
something else than the database.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import unicodedata
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time
from datetime import timezone as fixed
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Final, TypeVar, cast

import yaml
from django.db import DatabaseError, router, transaction
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.text import slugify

from newsindex.indexing import enqueue
from newsindex.models import Article, Tag, TaggedArticle
from newsindex.paragraphs import from_markdown

SUFFIXES: Final = (".txt", ".md", ".jsonl", ".jsonl.gz")
#: How many articles are saved in one transaction.
BATCH: Final = 200
#: How long the title is that is made from a first line.
SHORTENED: Final = 80
TITLE_LENGTH: Final = 300
SLUG_LENGTH: Final = 200
TAG_LENGTH: Final = 100
SECTION_LENGTH: Final = 100
AUTHORS_LENGTH: Final = 500

#: What a line of .jsonl and front matter can say; other keys are named and left out.
KEYS: Final = frozenset(
    {
        *("id", "slug", "title", "text", "body", "format", "body_format", "summary", "authors", "author"),
        *("tags", "keywords", "section", "lang", "language"),
        *("date", "published_at", "expires_at", "status", "draft", "published"),
    }
)

_T = TypeVar("_T")
#: By the keys that tell drafts: each value, how it is spelled, and whether it means a draft.
_DRAFTS: Final = {
    "status": (("draft", "draft", True), ("published", "published", False)),
    "draft": ((True, "true", True), (False, "false", False)),
    "published": ((True, "true", False), (False, "false", True)),
}
_PLAIN_ID = re.compile(r"\w+(?:-\w+)*(?:/\w+(?:-\w+)*)*")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{1,8}){0,2}")
_PART_OF_DATE = re.compile(r"(\d{4})(?:-(\d\d?))?(?:-(\d\d?))?")
_FRONT_MATTER = re.compile(r"---[ \t]*\n(.*?)^(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)
_HEADING = re.compile(r" {0,3}#{1,6}[ \t]")


class _Unreadable(Exception):
    """Why a file, or a piece of it, can't be imported; line: where in it, 0 for the whole."""

    def __init__(self, message: str, line: int = 0) -> None:
        super().__init__(message)
        self.line = line


@dataclass(frozen=True, slots=True)
class Defaults:
    """What holds for articles that say nothing else; draft and prefix hold for all.

    prefix: put before every id, so that the ids of two archives don't meet.
    """

    draft: bool = False
    language: str = ""
    section: str = ""
    prefix: str = ""

    def trouble(self) -> str:
        """What is wrong with the values, or ""."""
        if self.language and not _LANGUAGE.fullmatch(self.language):
            return f"The language must be a code such as en or pt-br, not {self.language!r}."
        if len(self.section) > SECTION_LENGTH:
            return f"The section must have at most {SECTION_LENGTH} characters."
        return ""


@dataclass(frozen=True, slots=True)
class Entry:
    """An article as a file tells it. None: the file doesn't say. place: "file" or "file:line"."""

    place: str
    slug: str
    title: str
    body: str
    body_format: str = "plain"
    summary: str | None = None
    authors: str | None = None
    section: str | None = None
    language: str | None = None
    published_at: datetime | None = None
    expires_at: datetime | None = None
    draft: bool | None = None
    tags: tuple[str, ...] | None = None


@dataclass(slots=True)
class Counts:
    """How many articles were made, changed, met unchanged, and how many pieces could not be imported."""

    new: int = 0
    updated: int = 0
    unchanged: int = 0
    failed: int = 0


def slug_for(identifier: str) -> str:
    """A slug of at most 200 characters; different identifiers give different ones.

    Lower-case words joined by hyphens stay as they are, and a slash between such becomes two hyphens. Everything
    else loses something by becoming a slug, so it gets a hash of the whole behind it.
    """
    normal = unicodedata.normalize("NFC", identifier)
    plain = normal.replace("/", "--")
    same_in_every_form = normal == normal.lower() == unicodedata.normalize("NFKC", normal)
    if same_in_every_form and _PLAIN_ID.fullmatch(normal) and len(plain) <= SLUG_LENGTH:
        return plain
    mark = hashlib.blake2b(normal.encode(), digest_size=5).hexdigest()
    words = slugify(normal.replace("/", "-"), allow_unicode=True)[: SLUG_LENGTH - 1 - len(mark)].strip("-_")
    return f"{words or 'article'}-{mark}"


def shorten(text: str, length: int) -> str:
    """``text`` cut after a word, with "…", so that it has at most ``length`` characters."""
    text = " ".join(text.split())
    if len(text) <= length:
        return text
    head = text[:length].rpartition(" ")[0]
    if len(head) < length // 2:  # no spaces to cut at, as in Chinese
        head = text[: length - 1]
    return head.rstrip(" ,;:-") + "…"


# Reading.


@dataclass(slots=True)
class _Reader:
    """Reads entries from files; what can't be read, and what was cut or left out, is told."""

    fail: Callable[[str], None]
    tell: Callable[[str], None]
    prefix: str = ""
    #: The unknown keys of the present file that were told already.
    told: set[str] = field(default_factory=set)

    def read(self, path: Path) -> Iterator[Entry]:
        """The entries of a file, or of all files with a known suffix below a directory."""
        if path.is_dir():
            for found in sorted(path.rglob("*")):
                if found.name.endswith(SUFFIXES) and found.is_file():
                    yield from self._file(found, path)
        elif not path.exists():
            self.fail(f"{path}: there is no such file or directory.")
        elif not path.name.endswith(SUFFIXES):
            self.fail(f"{path}: a file to import ends with {', '.join(SUFFIXES)}.")
        else:
            yield from self._file(path, path.parent)

    def _file(self, path: Path, root: Path) -> Iterator[Entry]:
        self.told.clear()
        try:
            if path.name.endswith((".jsonl", ".jsonl.gz")):
                yield from self._lines(path)
                return
            identifier = path.relative_to(root).with_suffix("").as_posix()
            text = _decode(path.read_bytes())
            parse = _plain if path.suffix == ".txt" else _markdown
            yield self._entry(str(path), parse(text, path.stem), identifier)
        except _Unreadable as error:
            self.fail(f"{path}:{error.line}: {error}" if error.line else f"{path}: {error}")
        except OSError as error:
            self.fail(f"{path}: {error.strerror or error}")

    def _lines(self, path: Path) -> Iterator[Entry]:
        number = 0
        try:
            with _open(path) as file:
                for number, line in enumerate(file, 1):
                    if number == 1:
                        line = line.removeprefix(b"\xef\xbb\xbf")
                    if line.strip():
                        yield from self._line(f"{path}:{number}", line)
        except (OSError, EOFError, zlib.error) as error:
            self.fail(f"{path}:{number + 1}: the file is broken from here on ({error}).")

    def _line(self, place: str, line: bytes) -> Iterator[Entry]:
        try:
            said = json.loads(_decode(line))
            if not isinstance(said, dict):
                raise _Unreadable(f"a line must be a JSON object, not {type(said).__name__}.")
            yield self._entry(place, said, "")
        except _Unreadable as error:
            self.fail(f"{place}: {error}")
        except ValueError as error:
            self.fail(f"{place}: no valid JSON ({error}).")
        except RecursionError:
            self.fail(f"{place}: nested too deeply.")

    def _entry(self, place: str, said: dict[str, Any], identifier: str) -> Entry:
        self._tell_unknown(place, said)
        body = _either(said, _body, "text", "body") or ""
        whole = _text(said, "title") or shorten(next(iter(body.strip().splitlines()), ""), SHORTENED)
        if not whole:
            raise _Unreadable("has neither a title nor a text.")
        if not said.keys() & {"text", "body"}:
            raise _Unreadable('has no text; if that is meant, say so by the key text with the value "".')
        title = self._cut(place, "title", whole, TITLE_LENGTH)
        identifier = _text(said, "slug") or _text(said, "id") or identifier or title
        section = _text(said, "section") or None
        authors = ", ".join(_either(said, _names, "authors", "author") or ())
        entry = Entry(
            place=place,
            slug=slug_for(f"{self.prefix}/{identifier}" if self.prefix else identifier),
            title=title,
            body=body,
            body_format=_format(said),
            summary=_text(said, "summary") or None,
            authors=self._cut(place, "list of authors", authors, AUTHORS_LENGTH) or None,
            section=self._cut(place, "section", section, SECTION_LENGTH) if section else None,
            language=_language(said),
            published_at=_either(said, _moment, "date", "published_at"),
            expires_at=_moment(said, "expires_at"),
            draft=_draft(said),
            tags=self._tags(place, said),
        )
        _storable(entry)
        _in_order(entry.published_at, entry.expires_at)
        return entry

    def _tell_unknown(self, place: str, said: dict[str, Any]) -> None:
        unknown = [name for key in said if key not in KEYS and (name := f"{key!r:.60}") not in self.told]
        if unknown:
            self.told.update(unknown)
            self.tell(f"{place}: unknown, so not imported: {', '.join(unknown)}.")

    def _tags(self, place: str, said: dict[str, Any]) -> tuple[str, ...] | None:
        names = _either(said, _names, "tags", "keywords")
        if names is None:
            return None
        cut = (self._cut(place, "tag", name, TAG_LENGTH) for name in names)
        return tuple({name.casefold(): name for name in reversed(list(cut))}.values())[::-1]

    def _cut(self, place: str, what: str, text: str, length: int) -> str:
        short = shorten(text, length)
        if short != " ".join(text.split()):
            self.tell(f"{place}: the {what} was cut to {length} characters.")
        return short


def _open(path: Path) -> BinaryIO:
    return cast(BinaryIO, gzip.open(path)) if path.suffix == ".gz" else path.open("rb")


def _decode(raw: bytes) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1 if b"\n" in raw.rstrip(b"\r\n") else 0
        raise _Unreadable(f"no UTF-8 text (byte {raw[error.start]:#04x}).", line) from None


def _plain(text: str, name: str) -> dict[str, Any]:
    """A paragraph a line; the title is the first line where a blank line follows it."""
    lines = [line.strip() for line in text.splitlines()]
    while lines and not lines[0]:
        lines.pop(0)
    if not lines:
        raise _Unreadable("the file is empty.")
    title = ""
    if len(lines) > 1 and not lines[1] and len(lines[0]) <= TITLE_LENGTH:
        title = lines.pop(0)
    return {"title": title, "text": "\n\n".join(line for line in lines if line)}


def _markdown(text: str, name: str) -> dict[str, Any]:
    """Front matter, then the body; without a title there, the first heading, or the file's name."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    said: dict[str, Any] = {}
    if matter := _FRONT_MATTER.match(text):
        said = _front_matter(matter.group(1))
        text = text[matter.end() :]
    elif re.match(r"---[ \t]*\n", text):
        raise _Unreadable("the front matter has no end: write --- in a line of its own behind it.", 1)
    body = text.strip("\n")
    if not said and not body.strip():
        raise _Unreadable("the file is empty.")
    written = bool(body.strip())
    if written and said.keys() & {"text", "body"}:
        raise _Unreadable("the text is below the front matter, so that must have no key text or body.", 1)
    if not _text(said, "title"):
        found = from_markdown(body)
        heading = next((paragraph.text for paragraph in found if paragraph.kind == "heading"), "")
        said["title"] = heading or name
        first, _, rest = body.partition("\n")
        if heading and _HEADING.match(first):
            body = rest.strip("\n")
    if written:
        said["text"] = body
    if not said.keys() & {"format", "body_format"}:
        said["format"] = "markdown"
    return said


def _front_matter(text: str) -> dict[str, Any]:
    try:
        said = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 2 if error.problem_mark else 1
        raise _Unreadable(f"the front matter is no valid YAML ({error.problem}).", line) from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise _Unreadable(f"the front matter is no valid YAML ({error}).", 1) from None
    if said is None:
        return {}
    if not isinstance(said, dict):
        raise _Unreadable("the front matter must be a list of 'name: value' lines.", 1)
    return said


def _either(said: dict[str, Any], read: Callable[[dict[str, Any], str], _T], *names: str) -> _T | None:
    """What ``read`` finds under any of ``names``, which mean the same; None where none is there."""
    found = {name: read(said, name) for name in names if said.get(name) is not None}
    full = {name: value for name, value in found.items() if value}
    if any(value != next(iter(full.values())) for value in full.values()):
        raise _Unreadable(f"{' and '.join(full)} mean the same, but differ: give one of them.")
    return next(iter((full or found).values()), None)


def _body(said: dict[str, Any], name: str) -> str:
    value = said[name]
    if not isinstance(value, str):
        raise _Unreadable(f"{name} must be text, not {value!r:.60}.")
    return value


def _text(said: dict[str, Any], name: str) -> str:
    value = said.get(name)
    if value is None:
        return ""
    if isinstance(value, bool):  # what YAML makes of yes and no, too
        raise _Unreadable(f"{name} must be text, not {str(value).lower()}; a word such as yes or no needs quotes.")
    if isinstance(value, str | int | float | date):
        return " ".join(str(value).split())
    raise _Unreadable(f"{name} must be text, not {value!r:.60}.")


def _names(said: dict[str, Any], name: str) -> tuple[str, ...]:
    """A list of names, or names between commas."""
    value = said[name]
    if isinstance(value, str):
        value = value.split(",")
    if not isinstance(value, list) or not all(isinstance(one, str | int | float | date) for one in value):
        raise _Unreadable(f"{name} must be a list of names, not {value!r:.60}.")
    return tuple(text for one in value if (text := " ".join(str(one).split())))


def _language(said: dict[str, Any]) -> str | None:
    code = _either(said, _text, "lang", "language")
    if code and not _LANGUAGE.fullmatch(code):
        raise _Unreadable(f"the language must be a code such as en or pt-br, not {code!r:.60}.")
    return code or None


def _format(said: dict[str, Any]) -> str:
    name = _either(said, _text, "format", "body_format") or "plain"
    if name not in Article.BodyFormat.values:
        raise _Unreadable(f"the format must be one of {', '.join(Article.BodyFormat.values)}, not {name!r:.60}.")
    return name


def _draft(said: dict[str, Any]) -> bool | None:
    """Whether it calls itself a draft; None where it says nothing."""
    found: dict[str, bool] = {}
    for name, values in _DRAFTS.items():
        if (value := said.get(name)) is None:
            continue
        meaning = next((draft for known, _, draft in values if type(value) is type(known) and value == known), None)
        if meaning is None:
            spelled = " or ".join(word for _, word, _ in values)
            raise _Unreadable(f"{name} must be {spelled}, not {value!r:.60}.")
        found[name] = meaning
    if len(set(found.values())) > 1:
        raise _Unreadable(f"{' and '.join(found)} contradict each other: give one of them.")
    return next(iter(found.values()), None)


def _moment(said: dict[str, Any], name: str) -> datetime | None:
    """A year, month, day (its first midnight in the current time zone) or point in time; None for nothing."""
    value = said.get(name)
    if value is None or value == "":
        return None
    try:
        if isinstance(value, date):
            moment = value if isinstance(value, datetime) else datetime.combine(value, time())
        else:
            moment = _parsed(str(value).strip())
        if timezone.is_naive(moment):
            moment = timezone.make_aware(moment)
        moment.astimezone(fixed.utc)
    except (ValueError, OverflowError):
        raise _Unreadable(
            f"{name} must look like 2024, 2024-11, 2024-11-05 or 2024-11-05T17:30, not {value!r:.60}."
        ) from None
    return moment


def _parsed(text: str) -> datetime:
    if match := _PART_OF_DATE.fullmatch(text):
        year, month, day = (int(part) if part else 1 for part in match.groups())
        return datetime(year, month, day)
    moment = parse_datetime(text)
    if moment is None:
        raise ValueError(text)
    return moment


def _in_order(published: datetime | None, expires: datetime | None) -> None:
    if published and expires and expires <= published:
        raise _Unreadable(
            f"expires_at must be after the date; it is {expires.isoformat()}, the date {published.isoformat()}."
        )


def _storable(entry: Entry) -> None:
    texts = [entry.title, entry.body, entry.summary or "", entry.authors or "", *(entry.tags or ())]
    for text in texts:
        if "\0" in text:
            raise _Unreadable("has a NUL character, which a database can't hold.")
        try:
            text.encode()
        except UnicodeEncodeError:
            raise _Unreadable("has half of a surrogate pair, which is no character.") from None


# Saving.


@dataclass(slots=True)
class _Tags:
    """The tags by their name without case, loaded once: the first spelling of a name is kept."""

    database: str
    ids: dict[str, int] = field(default_factory=dict)

    def load(self) -> None:
        rows = Tag.objects.using(self.database).order_by("-pk").values_list("name", "pk")
        self.ids = {name.casefold(): pk for name, pk in rows.iterator(chunk_size=2_000)}

    def id(self, name: str) -> int:
        folded = name.casefold()
        if folded not in self.ids:
            tag = Tag(name=name)
            tag.save(using=self.database)
            self.ids[folded] = tag.pk
        return self.ids[folded]


class Importer:
    """Imports files. tell: gets a line about each trouble; advance: the number of entries that were dealt with.

    Sends no signals for articles; enqueues what changed, so wrap ``run`` in ``indexing.deferred()``.
    """

    def __init__(
        self,
        defaults: Defaults,
        *,
        tell: Callable[[str], None] = lambda message: None,
        advance: Callable[[int], object] = lambda number: None,
    ) -> None:
        self.defaults = defaults
        self.tell = tell
        self.advance = advance
        self.counts = Counts()
        self.database = router.db_for_write(Article)
        self.tags = _Tags(self.database)
        self.seen: set[str] = set()

    def run(self, paths: Iterable[Path]) -> Counts:
        """Import all files of ``paths``; raises nothing for what they contain."""
        self.tags.load()
        reader = _Reader(self._fail, self.tell, self.defaults.prefix)
        entries = self._distinct(entry for path in paths for entry in reader.read(path))
        while batch := list(islice(entries, BATCH)):
            self._save(batch)
            self.advance(len(batch))
        return self.counts

    def _fail(self, message: str) -> None:
        self.counts.failed += 1
        self.tell(message)

    def _distinct(self, entries: Iterable[Entry]) -> Iterator[Entry]:
        for entry in entries:
            if entry.slug in self.seen:
                self._fail(f"{entry.place}: its id was there before in this import (slug {entry.slug}).")
                continue
            self.seen.add(entry.slug)
            yield entry

    def _save(self, batch: list[Entry]) -> None:
        """Save a batch in one transaction; where the database refuses it, one by one, to name the culprit."""
        try:
            with transaction.atomic(using=self.database):
                counts = _Batch(self.defaults, self.tags, self.database).save(batch)
        except (DatabaseError, _Unreadable) as error:
            # Tags that were made in the transaction are gone with it.
            self.tags.load()
            if len(batch) == 1:
                why = str(error) if isinstance(error, _Unreadable) else f"the database refused it ({error})."
                self._fail(f"{batch[0].place}: {why}")
                return
            for entry in batch:
                self._save([entry])
            return
        self.counts.new += counts.new
        self.counts.updated += counts.updated
        self.counts.unchanged += counts.unchanged


class _Batch:
    """Saves entries with a number of queries that does not grow with them."""

    def __init__(self, defaults: Defaults, tags: _Tags, database: str) -> None:
        self.defaults = defaults
        self.tags = tags
        self.database = database

    def save(self, batch: list[Entry]) -> Counts:
        present = self._articles(entry.slug for entry in batch)
        fresh = [self._new(entry) for entry in batch if entry.slug not in present]
        Article._base_manager.using(self.database).bulk_create(fresh)
        if any(article.pk is None for article in fresh):  # MySQL doesn't say
            fresh = list(self._articles(article.slug for article in fresh).values())
        changed = self._update(batch, present)
        present |= {article.slug: article for article in fresh}
        changed |= self._tag(batch, present)
        new = {article.pk for article in fresh}
        enqueue(Article._meta.label_lower, new | changed, using=self.database)
        updated = len(changed - new)
        return Counts(new=len(new), updated=updated, unchanged=len(batch) - len(new) - updated)

    def _articles(self, slugs: Iterable[str]) -> dict[str, Article]:
        rows = Article.objects.using(self.database).filter(slug__in=list(slugs))
        return {article.slug: article for article in rows}

    def _new(self, entry: Entry) -> Article:
        draft = self.defaults.draft or entry.draft is True
        published_at = entry.published_at or (None if draft else timezone.now())
        _in_order(published_at, entry.expires_at)
        return Article(
            slug=entry.slug,
            title=entry.title,
            body=entry.body,
            body_format=entry.body_format,
            summary=entry.summary or "",
            authors=entry.authors or "",
            section=entry.section or self.defaults.section,
            language=entry.language or self.defaults.language,
            published_at=published_at,
            expires_at=entry.expires_at,
            status=str(Article.Status.DRAFT if draft else Article.Status.PUBLISHED),
        )

    def _update(self, batch: list[Entry], present: dict[str, Article]) -> set[int]:
        changed = []
        for entry in batch:
            if (article := present.get(entry.slug)) and self._change(article, entry):
                article.updated = timezone.now()
                changed.append(article)
        if changed:
            Article._base_manager.using(self.database).bulk_update(changed, [*_WRITTEN, "updated"])
        return {article.pk for article in changed}

    def _change(self, article: Article, entry: Entry) -> bool:
        """Write into ``article`` what ``entry`` says; whether it is anything new. _Unreadable: its dates don't fit.

        The status of an article that is there is its editor's: only an explicit word changes it.
        """
        said = {name: getattr(entry, name) for name in _WRITTEN if name != "status"}
        said["section"] = entry.section or article.section or self.defaults.section
        said["language"] = entry.language or article.language or self.defaults.language
        if self.defaults.draft or entry.draft is True:
            said["status"] = Article.Status.DRAFT
        elif entry.draft is False:
            said["status"] = Article.Status.PUBLISHED
        new = {name: value for name, value in said.items() if value not in (None, getattr(article, name))}
        for name, value in new.items():
            setattr(article, name, value)
        _in_order(article.published_at, article.expires_at)
        return bool(new)

    def _tag(self, batch: list[Entry], articles: dict[str, Article]) -> set[int]:
        """Give each article the tags of its entry, where that says any; the ids of those that changed."""
        wanted = {
            articles[entry.slug].pk: {self.tags.id(name) for name in entry.tags}
            for entry in batch
            if entry.tags is not None
        }
        rows = TaggedArticle._base_manager.using(self.database)
        present: dict[int, dict[int, int]] = {pk: {} for pk in wanted}
        for row, pk, tag in rows.filter(content_object__in=wanted).values_list("pk", "content_object", "tag"):
            present[pk][tag] = row
        missing = [(pk, tag) for pk, tags in wanted.items() for tag in sorted(tags - present[pk].keys())]
        extra = [(pk, row) for pk, tags in present.items() for tag, row in tags.items() if tag not in wanted[pk]]
        rows.bulk_create([TaggedArticle(content_object_id=pk, tag_id=tag) for pk, tag in missing])
        if extra:
            rows.filter(pk__in=[row for _, row in extra]).delete()
        return {pk for pk, _ in missing + extra}


_WRITTEN: Final = (
    "title",
    "body",
    "body_format",
    "summary",
    "authors",
    "section",
    "language",
    "published_at",
    "expires_at",
    "status",
)
