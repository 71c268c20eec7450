"""``manage.py newsroom``: from an empty directory to a newsroom that answers searches."""

from __future__ import annotations

import argparse
import secrets
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.core.management import BaseCommand, call_command
from django.db import transaction

from newsindex.indexing import deferred
from newsroom.content import load_articles
from newsroom.podcast import load_episodes

EDITOR = "editor"


def port(value: str) -> int:
    """A TCP port as argparse wants it."""
    if not value.isdecimal() or not 0 < int(value) < 65536:
        raise argparse.ArgumentTypeError(f"a port is a number from 1 to 65535, not {value!r}")
    return int(value)


class Command(BaseCommand):
    help = (
        "Migrate, load the articles that are missing, build the index, create a demo editor, print the URLs and "
        "serve them on this machine only. It can be repeated: what was edited stays, and so does the editor's password."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--port", type=port, default=8000, help="where to serve, 8000 by default")
        parser.add_argument("--no-serve", action="store_true", help="stop when everything is ready")
        parser.add_argument("--new-password", action="store_true", help="give the demo editor another password")

    def handle(self, *args: Any, **options: Any) -> None:
        call_command("migrate", verbosity=0, interactive=False)
        # There may be no index yet that could follow each change, and the rebuild takes all of them anyway.
        with deferred():
            with transaction.atomic():
                articles, episodes = load_articles(), load_episodes()
            self.stdout.write(f"{articles} new articles and {episodes} new podcast episodes were loaded.")
            call_command("newsindex_rebuild", stdout=self.stdout)
        self.announce(options["port"], self.create_editor(renew=options["new_password"]))
        if not options["no_serve"]:
            # The reloader would start this command a second time, as its child.
            call_command("runserver", f"127.0.0.1:{options['port']}", use_reloader=False)

    def create_editor(self, *, renew: bool) -> str:
        """A member of staff who may edit everything of the newsroom and nothing else.

        Returns the password where a new one was set, else "".
        """
        editor, created = get_user_model().objects.get_or_create(username=EDITOR, defaults={"is_staff": True})
        password = secrets.token_urlsafe(9) if created or renew else ""
        if password:
            editor.set_password(password)
            editor.save()
        editor.user_permissions.set(Permission.objects.filter(content_type__app_label__in=("newsindex", "newsroom")))
        return password

    def announce(self, port: int, password: str) -> None:
        site = f"http://127.0.0.1:{port}"
        login = f"password {password}" if password else "password as before (--new-password sets another)"
        self.stdout.write(
            f"\n"
            f"  Search    {site}/search/\n"
            f"  Try       {site}/search/?q=voting+barrier\n"
            f"            {site}/search/?q=%22harbour+master%22+-storm\n"
            f"  JSON      {site}/search/json/?q=avocet\n"
            f"  Admin     {site}/admin/   user {EDITOR}, {login}\n"
        )
