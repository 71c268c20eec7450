"""By what analysis an index was made: whether words are cut, folded and stemmed now as they were then.

The libraries that decide it (PyStemmer, Python's Unicode) are named for the reader; what counts is what becomes of a
sample of words in every language, so that an update that changes nothing asks nobody for a rebuild, and which languages
the site has treated like others.
"""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Final

from newsindex.analysis import tokens
from newsindex.engines.whoosh.manifest import INDEX_FORMAT
from newsindex.languages import STEMMERS, TOLD_APART_BY_MARKS, treated_like

#: What comes out for the sample, in short.
SAMPLE: Final = "sample"
#: The setting of the site, as JSON.
LANGUAGES: Final = "NEWSINDEX_LANGUAGES"
_LIBRARIES: Final = ("PyStemmer", "snowballstemmer")
#: Words with endings that stemmers of many languages take off, and whatever it takes some thought to cut.
_WORDS: Final = (
    "nationalisation organizations libraries running ships' ship's easily happiest relational conditional knives "
    "Häuser Straßen Mädchen arbeiteten Möglichkeiten verschönerungen aufgabe maisons chevaux continuellement "
    "nationalités mangeaient l'eau d'autres dell'arte libertades corriendo nacionales rápidamente mujeres città "
    "velocemente abbandonare bellissime cidades coração navios schepen lopende huizen gebouwen flickorna husene "
    "skibene talojen kirjastossa házakban könyvtárak kitaplıkta evlerimizden biblioteca scrisorilor книгами "
    "правительства ходивший βιβλιοθήκη θάλασσες الكتاب والمدرسة शहरों किताबें երեխաներ mendietan abhainn "
    "gyventojai e-mail well-known covid-19 O'Neill rock'n'roll U.S. U.S.A. e.g. 2.7.1 3.14 1,000,000 C++ C# .NET "
    "AT&T @name #tag Ｆｕｌｌ ﾊﾝｶｸ コーヒー 東京都庁 한국어를 ภาษาไทย עִבְרִית ﬁne ½ co\u00adoperate naïve Ångström "
    "thuý tiếng Việt đường памʼять 2024年の"
)


def analysis() -> Mapping[str, str]:
    """What words become now. The same in all processes of a site with the same packages and settings."""
    return {**_of_packages(), LANGUAGES: json.dumps(treated_like(), sort_keys=True)}


@cache
def _of_packages() -> Mapping[str, str]:
    digest = hashlib.blake2b(digest_size=8)
    for language in ("", *sorted({*STEMMERS, *TOLD_APART_BY_MARKS})):
        found = [(token.terms, token.word, token.position) for token in tokens(_WORDS, language)]
        digest.update(json.dumps([language, found]).encode())
    return {SAMPLE: digest.hexdigest(), "Unicode": unicodedata.unidata_version, **dict(_libraries())}


def outdated(made_by: Mapping[str, str] | None) -> str:
    """How the analysis of an index differs from that of now, in words; "" where it does not."""
    now = analysis()
    if made_by is None:
        return "it does not say by which"
    # Those made before it was noted say nothing of the setting.
    same_setting = made_by.get(LANGUAGES, now[LANGUAGES]) == now[LANGUAGES]
    if same_setting and made_by.get(SAMPLE) == now[SAMPLE]:
        return ""
    unnamed = {SAMPLE, LANGUAGES} if same_setting else {SAMPLE}
    named = sorted(name for name in {*made_by, *now} - unnamed if made_by.get(name) != now.get(name))
    changed = [f"{name} {made_by.get(name, 'none')}, now {now.get(name, 'none')}" for name in named]
    return "; ".join(changed) or "that of another version of newsindex"


def mark() -> bytes:
    """What tells a generation that this process could have begun from others."""
    return json.dumps({"format": INDEX_FORMAT, "analysis": dict(analysis())}, sort_keys=True).encode()


def _libraries() -> list[tuple[str, str]]:
    found = []
    for name in _LIBRARIES:
        try:
            found.append((name, version(name)))
        except PackageNotFoundError:
            continue
    return found
