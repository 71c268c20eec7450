"""An idle Django process, for comparison: ``python -m benchmarks.site.idle`` prints its private bytes."""

from __future__ import annotations

import tempfile
from pathlib import Path

from django.test import Client

from benchmarks.measuring import private_memory
from benchmarks.site.rows import set_up


def memory() -> int:
    """Private bytes of a process that has loaded Django, its addresses and its templates, but no search."""
    with tempfile.TemporaryDirectory() as place:
        set_up("plain", Path(place))
        Client().get("/", headers={"host": "127.0.0.1"})
        return private_memory()[0]


if __name__ == "__main__":
    print(memory())
