"""How far a rebuild is, and how long it still takes, is shown while it runs: by command, status and admin."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.faults.conftest import ROOT, Place, slow

pytestmark = slow

ROWS = 400


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
def test_a_rebuild_tells_how_far_it_is(place: Place, tmp_path: Path) -> None:
    place.run("filled", ROWS)
    log = tmp_path / "log"
    with open(log, "wb") as output:
        # Slowly, so that it can be looked at.
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.driver", "slow_rebuild"],
            cwd=ROOT,
            env=place.environment(PYTHONUNBUFFERED="1"),
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        until = time.monotonic() + 90
        seen: dict[str, object] = {}
        # Each is asked for after the other, and the first one has nothing to tell yet.
        while not (" left" in str(seen.get("words")) and seen.get("remaining_seconds") and "about " in log.read_text()):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < until, (seen, log.read_text())
            shown = place.run("shown")
            seen = json.loads((place.index.parent / "shown.json").read_text())
            assert shown == {}
        assert seen["outcome"] == "running" and 0 < int(str(seen["progress"])) < int(str(seen["total"])) == ROWS
        assert " of 400, " in str(seen["words"]) and " left" in str(seen["words"])
        assert " of 400, " in str(seen["advance"]) and "left" in str(seen["advance"])
        assert "of 400 rows, about " in log.read_text()
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
