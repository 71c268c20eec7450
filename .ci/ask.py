"""Prints the page at an address; ends with an error unless the status is 200."""

import sys
from urllib.request import ProxyHandler, build_opener

with build_opener(ProxyHandler({})).open(sys.argv[1], timeout=60) as answer:
    if answer.status != 200:
        sys.exit(f"{answer.status} for {sys.argv[1]}")
    print(answer.read().decode())
