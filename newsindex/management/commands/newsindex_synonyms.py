"""newsindex_synonyms: synonyms from a file and into one."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import router, transaction

from newsindex.curating import entries
from newsindex.models import Synonym
from newsindex.query import Entry
from newsindex.query.synonyms import read_entry, read_lines, written_lines
from newsindex.synonym_rules import LONGEST_LINE, Entries

#: So many lines are named that are left out.
MOST_NAMED: Final = 50
#: How many rows are written at a time.
BATCH: Final = 500


class Command(BaseCommand):
    help = (
        "Imports synonyms from a text file, or exports them: an entry a line, “car, automobile” for words that find "
        "each other, “telly, tv => television” for one way; # begins a comment, and “# language: de” says that what "
        "follows holds for texts in German. Searches find them at once. What is there already is left out, and so is "
        "what is wrong, which is named; then the command exits with 1. FILE may be - for the standard streams."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("--import", dest="source", metavar="FILE", help="The file to read.")
        what.add_argument("--export", dest="target", metavar="FILE", help="The file to write.")
        parser.add_argument("--language", default="", help="Of entries in the file before any “# language:”.")
        parser.add_argument("--replace", action="store_true", help="Delete all others: the file is all there is.")
        parser.add_argument("--dry-run", action="store_true", help="Say what is wrong with the file, change nothing.")

    def handle(self, *args: Any, source: str | None, target: str | None, **options: Any) -> None:
        try:
            if source is not None:
                self._import(_read(source), **options)
            elif target is not None:
                text = "".join(f"{line}\n" for line in written_lines(entries(Synonym.objects.all())))
                if target == "-":
                    self.stdout.write(text, ending="")
                else:
                    Path(target).write_text(text, encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"{source or target}: {error}") from error

    def _import(self, text: str, language: str, replace: bool, dry_run: bool, **options: Any) -> None:
        known = Entries(() if replace else entries(Synonym.objects.all()))
        new: list[Entry] = []
        wrong = 0
        # Not splitlines: it also breaks at signs that editors show as none.
        for number, line, own in read_lines(text.split("\n"), language):
            entry, messages = _checked(line, own, known)
            if entry is not None:
                known.add(entry)
                new.append(entry)
                continue
            wrong += 1
            if wrong <= MOST_NAMED:
                self.stderr.write(f"Line {number}: {' '.join(messages)}")
        if not dry_run:
            _save(new, replace)
        self.stdout.write(f"{len(new)} {'would be new' if dry_run else 'new'}, {wrong} left out")
        if wrong:
            raise CommandError(f"{wrong} could not be imported.")


def _checked(line: str, language: str, known: Entries) -> tuple[Entry | None, list[str]]:
    """The entry of a line, or what is wrong with it."""
    if len(line) > LONGEST_LINE:
        return None, [f"The line has {len(line):,} characters; an entry has {LONGEST_LINE:,} at most."]
    try:
        entry = read_entry(line, language)
    except ValueError:
        return None, ["A line has one => at most."]
    troubles = known.troubles(entry)
    return (None, [message for _field, message in troubles]) if troubles else (entry, [])


def _save(new: Iterable[Entry], replace: bool) -> None:
    rows = [Synonym(words=", ".join(e.words), targets=", ".join(e.targets), language=e.language) for e in new]
    with transaction.atomic(using=router.db_for_write(Synonym)):
        if replace:
            Synonym.objects.all().delete()
        if rows:
            Synonym.objects.bulk_create(rows, batch_size=BATCH)


def _read(path: str) -> str:
    # With or without a byte order mark.
    return sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8-sig")
