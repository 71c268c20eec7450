"""The migrations agree with the models."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command

import newsindex


@pytest.mark.django_db
def test_nothing_is_left_to_migrate() -> None:
    output = StringIO()
    try:
        call_command("makemigrations", "newsindex", check=True, dry_run=True, verbosity=3, stdout=output)
    except SystemExit:
        pytest.fail(f"The models have changes without a migration:\n{output.getvalue()}")


def test_the_names_of_the_migrations() -> None:
    folder = Path(newsindex.__file__).parent / "migrations"
    names = ["0001_initial", "0002_replicas", "0003_index_runs", "0004_synonyms_and_pins", "0005_serials"]
    assert [path.stem for path in sorted(folder.glob("0*.py"))] == names


@pytest.mark.django_db
def test_the_migration_can_be_taken_back(transactional_db: None) -> None:
    """Whoever uninstalls newsindex is left with a clean database."""
    call_command("migrate", "newsindex", "zero", verbosity=0)
    call_command("migrate", "newsindex", verbosity=0)
