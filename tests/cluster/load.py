"""Load on a site while its cluster is ill: what is saved must be saved, and a search may say that there is none now."""

from __future__ import annotations

import json
import random
import time
from dataclasses import dataclass

from tests.counted import FULL
from tests.faults.load import FIXED, Load, Say

#: Seconds between two requests of one who writes or reads. With none, two cores have time for nothing else, and in the
#: minute that nodes need to come back more changes gather than are looked at one by one.
PAUSE = 0.0 if FULL else 0.1
#: What the page and the JSON view say without an engine.
SENTENCE = "Search is not available at the moment"
#: What the page says of an answer that some shards had no part in.
PARTIAL = "some results may be missing"
#: What both say where so much is pending that a total tells only whether there is another page.
WITHHELD = "Many changes wait to be indexed"


@dataclass(frozen=True)
class Look:
    """A search. at: when it was answered, monotonic; took: seconds; kind: whole, withheld, partial or unavailable."""

    at: float
    took: float
    kind: str


class IllLoad(Load):
    """As its base, but an answer may be 503 with the sentence, or say that it is partial; never anything else."""

    def __init__(self, say: Say, writers: int, readers: int) -> None:
        super().__init__(say, writers, readers)
        self.looks: list[Look] = []
        #: Words of articles that were deleted, or saved with others since.
        self.gone: list[str] = []

    def look(self, kind: str = "json") -> Look:
        """Search once, and judge what comes."""
        path = {"json": "/search/json/?q=lighthouse", "page": "/search/?q=lighthouse"}[kind]
        began = time.monotonic()
        status, content = self.say("GET", path, None)
        took = time.monotonic() - began
        found = self._judged(kind, status, content.decode())
        self.longest = max(self.longest, took)
        self.took.append(("GET", took))
        self.counted["reads"] += 1
        self.counted[f"{found} answers"] += 1
        look = Look(began + took, took, found)
        self.looks.append(look)
        return look

    def since(self, moment: float) -> float:
        """Seconds from ``moment`` until the last answer that was not whole; 0.0 where all were."""
        return max((look.at - moment for look in self.looks if look.at > moment and look.kind != "whole"), default=0.0)

    def slowest(self, method: str) -> float:
        return max((seconds for kind, seconds in self.took if kind == method), default=0.0)

    def _judged(self, kind: str, status: int, content: str) -> str:
        if "Traceback" in content or status not in (200, 503):
            self.counted["errors"] += 1
            self.wrong.append(f"{status} for a search: {content[:600]}")
        if status != 200:
            if SENTENCE not in content:
                self.wrong.append(f"{status} without the sentence: {content[:600]}")
            return "unavailable"
        if kind == "page":
            return "partial" if PARTIAL in content else "withheld" if WITHHELD in content else "whole"
        answer = json.loads(content)
        kind = "partial" if answer["partial"] else "withheld" if answer["withheld"] else "whole"
        if answer["withheld"] is not any(WITHHELD in note for note in answer["notes"]):
            self.wrong.append(f"withheld, and not said: {answer['notes']}")
        keys = [hit["key"] for hit in answer["hits"]]
        if len(set(keys)) < len(keys):
            self.counted["duplicates"] += 1
            self.wrong.append(f"twice: {keys}")
        if kind == "whole" and answer["total"] != FIXED:
            self.counted["shrunken answers"] += 1
            self.wrong.append(f"{answer['total']} articles in the place of {FIXED}")
        for hit in answer["hits"]:
            if hit["title"]["text"].split()[-1] + "." != hit["paragraphs"][0]["text"].split()[-1]:
                self.counted["half written"] += 1
                self.wrong.append(f"title and text of two versions: {hit}")
        return kind

    def _save(self, slug: str, word: str) -> None:
        self._retire(slug)
        super()._save(slug, word)

    def _write(self, chance: random.Random, number: int, of: int) -> None:
        time.sleep(PAUSE)
        self._save(f"fixed-{chance.randrange(FIXED // of) * of + number}", f"v{number}x{chance.randrange(10**9)}")
        slug = f"other-{number}-{chance.randrange(20)}"
        if not self.acknowledged.get(slug):
            self._save(slug, f"w{number}x{chance.randrange(10**9)}")
        elif chance.random() < 0.5:
            self._asked("POST", f"/delete/{slug}/", {"x": "y"})
            self._retire(slug)
            self.acknowledged[slug] = ""
            self.counted["acknowledged"] += 1
            self.counted["deleted"] += 1

    def _retire(self, slug: str) -> None:
        if self.acknowledged.get(slug):
            self.gone.append(self.acknowledged[slug])

    def _read(self, chance: random.Random, number: int, of: int) -> None:
        time.sleep(PAUSE)
        self.look(chance.choice(["json", "json", "page"]))
