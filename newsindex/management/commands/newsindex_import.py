"""newsindex_import: articles from files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from newsindex import importing, indexing
from newsindex.engines import engines
from newsindex.logs import some


class Command(BaseCommand):
    help = (
        "Imports articles from .txt, .md, .jsonl and .jsonl.gz files and from directories of them. What was imported "
        "before is updated: by its slug, which is made from the id or the name of the file. What a file does not say "
        "(tags, a date, a status ...) stays as it is. Exits with 1 if something could not be imported. Keys of .jsonl "
        "lines and of front matter: id (or slug), title, text (or body), format (body_format), summary, authors "
        "(author), tags (keywords), section, lang (language), date (published_at), expires_at, and status: draft or "
        "published (or draft, published: true or false). Others are named and left out. Published is, at its date or "
        "now, what does not call itself a draft."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("paths", nargs="+", type=Path, metavar="PATH")
        parser.add_argument(
            "--draft", action="store_true", help="Make all of them drafts, published ones that are met again too."
        )
        parser.add_argument("--language", default="", help="Of articles that name none, for example en.")
        parser.add_argument("--section", default="", help="Of articles that name none.")
        parser.add_argument("--prefix", default="", help="Put before every id, where archives have ids in common.")

    def handle(self, *args: Any, paths: list[Path], verbosity: int, **options: Any) -> None:
        defaults = importing.Defaults(
            draft=options["draft"],
            language=options["language"],
            section=options["section"],
            prefix=options["prefix"],
        )
        if trouble := defaults.trouble():
            raise CommandError(trouble)
        silent = verbosity < 1 or not self.stderr.isatty()
        with indexing.deferred():
            with tqdm(unit=" articles", disable=silent) as bar:
                importer = importing.Importer(defaults, tell=self._tell, advance=bar.update)
                counts = importer.run(paths)
            self.stdout.write(
                f"{counts.new} new, {counts.updated} updated, {counts.unchanged} unchanged, {counts.failed} failed"
            )
        if pending := sum(indexing.status(engine=alias).pending for alias in engines):
            self.stdout.write(f"{some(pending, 'change')} pending: run newsindex_update, or newsindex_rebuild once.")
        if counts.failed:
            raise CommandError(f"{counts.failed} could not be imported.")

    def _tell(self, message: str) -> None:
        with tqdm.external_write_mode():
            self.stderr.write(message)
