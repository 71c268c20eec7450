"""Driver: writes down, beside the index, what ``newsindex_status`` and the admin say of the rebuild that runs."""

from __future__ import annotations

import json
import os
from io import StringIO
from pathlib import Path

from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client, override_settings
from django.urls import reverse


def main() -> dict[str, int]:
    words, data = StringIO(), StringIO()
    call_command("newsindex_status", stdout=words)
    call_command("newsindex_status", "--json", stdout=data)
    # None before the other process has begun it.
    run = json.loads(data.getvalue())[0]["last_rebuild"] or {}
    run["words"] = next((line for line in words.getvalue().splitlines() if line.startswith("  rebuild ")), "")
    client = Client()
    client.force_login(User.objects.get_or_create(username="root", is_staff=True, is_superuser=True)[0])
    with override_settings(ROOT_URLCONF="tests.urls"):
        runs = client.get(reverse("admin:newsindex_indexrun_progress")).json()["runs"]
    run["advance"] = next((each["advance"] for each in runs.values()), "")
    Path(os.environ["NEWSINDEX_FAULTS_INDEX"]).with_name("shown.json").write_text(json.dumps(run))
    return {}
