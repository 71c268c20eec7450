"""The WSGI server of a site, with one thread: ``python -m benchmarks.site.serve SITE PLACE``.

Its first line is the port; it ends with its standard input, so that it never outlives who started it.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from pathlib import Path

from django.core.wsgi import get_wsgi_application
from waitress.server import create_server

from benchmarks.site.rows import set_up


def main(site: str, place: Path) -> None:
    set_up(site, place)
    # It warns of each request that waits, as one does while the one before is cleared away.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    server = create_server(get_wsgi_application(), host="127.0.0.1", port=0, threads=1)
    print(server.effective_port, flush=True)
    threading.Thread(target=_end_with_input, daemon=True).start()
    server.run()


def _end_with_input() -> None:
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
