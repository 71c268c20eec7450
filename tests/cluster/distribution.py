"""Where the server of the tests comes from: its own distribution in the Maven repository, and a Java to run it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
import zipfile
from pathlib import Path

VERSION = "3.8.0"
LEAST_JAVA = 21
_TRIES = 3
_ARTIFACT = f"org.opensearch.distribution.integ-test-zip:opensearch:{VERSION}:zip"
_PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy"
#: What the engine needs; the others only make the start longer.
_MODULES = {"analysis-common", "cache-common", "lang-painless", "mapper-extras", "reindex", "transport-netty4"}


class Missing(Exception):
    """There is no server to be had on this machine, for the reason given."""


def java_home() -> Path:
    """The newest Java that can run the server: the one of the environment, or one beside the default."""
    named = os.environ.get("OPENSEARCH_JAVA_HOME") or os.environ.get("JAVA_HOME")
    if named and java_version(Path(named)) >= LEAST_JAVA:
        return Path(named)
    default = shutil.which("java")
    places = [Path("/usr/lib/jvm"), *([Path(default).resolve().parents[2]] if default else [])]
    candidates = {home for place in places if place.is_dir() for home in place.iterdir()}
    if default:
        candidates.add(Path(default).resolve().parents[1])
    newest = max(candidates, key=java_version, default=None)
    if newest is None or java_version(newest) < LEAST_JAVA:
        raise Missing(f"no Java of version {LEAST_JAVA} or newer was found; set OPENSEARCH_JAVA_HOME to one")
    return newest


def java_version(home: Path) -> int:
    """The version of the Java in ``home``; 0 where there is none."""
    release = home / "release"
    if not (home / "bin" / "java").exists() or not release.is_file():
        return 0
    found = re.search(r'^JAVA_VERSION="(\d+)', release.read_text(errors="replace"), re.MULTILINE)
    return int(found.group(1)) if found else 0


def distribution() -> Path:
    """The unpacked distribution, obtained once for all checkouts of a user."""
    cache = Path(os.environ.get("NEWSINDEX_CLUSTER_CACHE") or Path.home() / ".cache" / "newsindex-cluster")
    place = cache / f"opensearch-{VERSION}"
    if place.is_dir():
        return place
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as folder:
        archive = _archive(Path(folder))
        shutil.unpack_archive(archive, folder)
        unpacked = Path(folder) / f"opensearch-{VERSION}"
        for module in (unpacked / "modules").iterdir():
            if module.name not in _MODULES:
                shutil.rmtree(module)
        for program in (unpacked / "bin").iterdir():
            program.chmod(0o755)
        absent = _MODULES - {module.name for module in (unpacked / "modules").iterdir()}
        if absent:
            raise Missing(f"the distribution lacks the modules {', '.join(sorted(absent))}")
        try:
            unpacked.rename(place)
        except OSError:
            # Somebody else was faster.
            if not place.is_dir():
                raise
    return place


def _archive(folder: Path) -> Path:
    given = os.environ.get("NEWSINDEX_CLUSTER_ARCHIVE")
    if given:
        return Path(given)
    maven = shutil.which("mvn")
    if maven is None:
        raise Missing("there is no mvn to obtain the server with; set NEWSINDEX_CLUSTER_ARCHIVE to its archive")
    archive = folder / f"opensearch-{VERSION}.zip"
    said = ""
    # A repository that is slow to answer may be quicker a moment later.
    for _ in range(_TRIES):
        try:
            done = subprocess.run(
                [maven, "-B", "-q", _PLUGIN, f"-Dartifact={_ARTIFACT}", f"-DoutputDirectory={folder}"],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=300,
            )
            said = done.stdout + done.stderr
        except subprocess.TimeoutExpired:
            said = "it took more than five minutes"
        if archive.is_file() and zipfile.is_zipfile(archive):
            return archive
    raise Missing(f"mvn did not obtain {_ARTIFACT}: {said[-800:]}")
