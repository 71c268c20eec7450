"""Takes the pictures of this directory from the example newsroom: ``python docs/screenshots.py``.

Needs the extra ``browser`` and a Chromium: the one of playwright, or the one that $CHROMIUM names. The newsroom is
made in a temporary directory, so the one in the checkout stays as it is.
"""

from __future__ import annotations

import argparse
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from playwright.sync_api import Browser, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
SYSTEM_CHROMIUM = Path("/usr/bin/chromium")
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--hide-scrollbars")


@dataclass(frozen=True)
class Picture:
    """What to photograph. path: of the site; height: of the picture, in CSS pixels."""

    name: str
    path: str
    width: int = 1280
    height: int = 1000
    scheme: str = "light"
    login: bool = False


PICTURES = (
    Picture("search", "/search/?q=voting+barrier"),
    Picture("search-dark", "/search/?q=voting+barrier", scheme="dark"),
    Picture("search-phone", "/search/?q=voting+barrier", width=390, height=844),
    Picture("article", "/search/article/storm-agnes-floods-lower-quay/?q=flooded+quay"),
    Picture("article-phone", "/search/article/budget-2025-where-the-money-goes/?q=barrier", width=390, height=844),
    Picture("admin", "/admin/newsindex/article/?q=voting+barrier", width=1440, height=900, login=True),
    Picture("admin-index", "/admin/newsindex/indexrun/", height=820, login=True),
)


@contextmanager
def newsroom() -> Iterator[tuple[str, str]]:
    """A newsroom that serves; gives its address and the editor's password."""
    with tempfile.TemporaryDirectory() as directory, socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
        free.close()
        environment = os.environ | {
            "NEWSROOM_DATABASE": str(Path(directory, "db.sqlite3")),
            "NEWSROOM_INDEX": str(Path(directory, "search_index")),
            "PYTHONPATH": str(ROOT),
            "PYTHONUNBUFFERED": "1",
        }
        command = [sys.executable, str(ROOT / "example_project/manage.py"), "newsroom", "--port", str(port)]
        output = Path(directory, "output")
        with output.open("w") as stream:
            server = subprocess.Popen(command, env=environment, stdout=stream, stderr=subprocess.STDOUT)
        try:
            site = f"http://127.0.0.1:{port}"
            wait_for(site, server, output)
            password = re.search(r"password (\S+)", output.read_text())
            assert password is not None
            yield site, password[1]
        finally:
            server.terminate()
            server.wait()


def wait_for(site: str, server: subprocess.Popen[bytes], output: Path) -> None:
    """Return when ``site`` answers; SystemExit with the server's words if it ends or takes a minute."""
    for _ in range(300):
        try:
            urlopen(f"{site}/search/").close()
        except URLError:
            time.sleep(0.2)
        else:
            return
        if server.poll() is not None:
            break
    raise SystemExit(f"The newsroom does not answer:\n{output.read_text()}")


def take(browser: Browser, site: str, password: str, picture: Picture, directory: Path) -> Path:
    """One picture, saved as ``name.png``."""
    size = {"width": picture.width, "height": picture.height}
    page = browser.new_page(viewport=size, color_scheme=picture.scheme)
    if picture.login:
        page.goto(f"{site}/admin/login/")
        page.fill("#id_username", "editor")
        page.fill("#id_password", password)
        page.click("[type=submit]")
    page.goto(site + picture.path)
    target = directory / f"{picture.name}.png"
    page.screenshot(path=target)
    page.close()
    return target


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--to", type=Path, default=Path(__file__).resolve().parent, metavar="DIRECTORY")
    parser.add_argument("names", nargs="*", metavar="NAME", help="which pictures, all by default")
    options = parser.parse_args()
    wanted = [picture for picture in PICTURES if not options.names or picture.name in options.names]
    chromium = os.environ.get("CHROMIUM") or (str(SYSTEM_CHROMIUM) if SYSTEM_CHROMIUM.exists() else None)
    with newsroom() as (site, password), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        for picture in wanted:
            target = take(browser, site, password, picture, options.to)
            print(f"{target.name}: {target.stat().st_size / 1000:.0f} kB")
        browser.close()


if __name__ == "__main__":
    main()
