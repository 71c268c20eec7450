"""Load on a site from outside: threads that save, delete and search by HTTP, and what each of them must always see.

A fixed number of articles have the word "lighthouse", and are saved over and over again by the writers, each time with
a new word in title and text. So whoever searches finds just that many, none of them twice, and none with one word in
its title and another in its text.
"""

from __future__ import annotations

import http.client
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from urllib.parse import urlencode

#: How many articles have the word, all the time.
FIXED = 24
#: Seconds in which any request is answered, however much else the machine has to do.
BOUND = 60.0

Say = Callable[[str, str, dict[str, str] | None], tuple[int, bytes]]


def over_http(port: int) -> Say:
    def say(method: str, path: str, form: dict[str, str] | None = None) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=BOUND * 2)
        try:
            body = urlencode(form) if form else None
            headers = {"Content-Type": "application/x-www-form-urlencoded"} if form else {}
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    return say


class Load:
    """Writers and readers as threads, until ``stop``. counted: what they did; wrong: what was not as promised."""

    def __init__(self, say: Say, writers: int, readers: int) -> None:
        self.say = say
        self.counted: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.longest = 0.0
        #: (method, seconds) of each request.
        self.took: list[tuple[str, float]] = []
        #: The last word that was acknowledged of each article, "" for deleted.
        self.acknowledged: dict[str, str] = {}
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._guarded, args=[self._write, n, writers]) for n in range(writers)]
        self._threads += [threading.Thread(target=self._guarded, args=[self._read, n, 0]) for n in range(readers)]

    def fill(self) -> None:
        for number in range(FIXED):
            self._save(f"fixed-{number}", "start")

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _guarded(self, work: Callable[[random.Random, int, int], None], number: int, of: int) -> None:
        chance = random.Random(number)
        while not self._over.is_set():
            try:
                work(chance, number, of)
            except Exception as error:
                self.wrong.append(repr(error))

    def _asked(self, method: str, path: str, form: dict[str, str] | None = None) -> bytes:
        began = time.monotonic()
        status, content = self.say(method, path, form)
        took = time.monotonic() - began
        self.took.append((method, took))
        self.longest = max(self.longest, took)
        self.counted["requests"] += 1
        if status != 200:
            self.counted["errors"] += 1
            self.wrong.append(f"{status} for {path}: {content[-300:]!r}")
        return content

    def _save(self, slug: str, word: str) -> None:
        self._asked("POST", f"/save/{slug}/", {"word": word})
        self.acknowledged[slug] = word
        self.counted["acknowledged"] += 1

    def _write(self, chance: random.Random, number: int, of: int) -> None:
        # Each writer has articles of its own, so that what it saved last is what must be found.
        self._save(f"fixed-{chance.randrange(FIXED // of) * of + number}", f"v{number}x{chance.randrange(10**9)}")
        if chance.random() < 0.3:
            slug = f"other-{number}"
            if self.acknowledged.get(slug):
                self._asked("POST", f"/delete/{slug}/", {"x": "y"})
                self.acknowledged[slug] = ""
                self.counted["acknowledged"] += 1

    def _read(self, chance: random.Random, number: int, of: int) -> None:
        content = self._asked("GET", f"/search/json/?q=lighthouse&page={chance.choice([1, 1, 2, 3])}")
        self.counted["reads"] += 1
        answer = json.loads(content)
        if answer.get("total") != FIXED:
            self.counted["shrunken answers"] += 1
            self.wrong.append(f"{answer.get('total')} articles in the place of {FIXED}")
        keys = [hit["key"] for hit in answer.get("hits", [])]
        if len(set(keys)) < len(keys):
            self.counted["duplicates"] += 1
            self.wrong.append(f"twice: {keys}")
        for hit in answer.get("hits", []):
            if hit["title"]["text"].split()[-1] + "." != hit["paragraphs"][0]["text"].split()[-1]:
                self.counted["half written"] += 1
                self.wrong.append(f"title and text of two versions: {hit}")
