"""What differs from language to language: the stemmer, and what is written onto a word with an apostrophe. Pure.

Stemmers are the algorithms of Snowball (https://snowballstem.org), as many as the installed library has.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import Stemmer

_ALGORITHMS: Final = {
    "ar": "arabic", "hy": "armenian", "eu": "basque", "ca": "catalan", "cs": "czech", "da": "danish", "nl": "dutch",
    "en": "english", "eo": "esperanto", "et": "estonian", "fi": "finnish", "fr": "french", "de": "german",
    "gsw": "german", "nds": "german", "el": "greek", "hi": "hindi", "hu": "hungarian", "id": "indonesian",
    "ga": "irish", "it": "italian", "lt": "lithuanian", "ne": "nepali", "nb": "norwegian", "nn": "norwegian",
    "no": "norwegian", "fa": "persian", "pl": "polish", "pt": "portuguese", "ro": "romanian", "ru": "russian",
    "sr": "serbian", "st": "sesotho", "es": "spanish", "sv": "swedish", "ta": "tamil", "tr": "turkish",
    "yi": "yiddish",
}  # fmt: skip

_KNOWN: Final = frozenset(Stemmer.algorithms())
#: Snowball algorithm for each language; a language that is not here is indexed unstemmed.
STEMMERS: Final = {language: name for language, name in _ALGORITHMS.items() if name in _KNOWN}

#: Languages without stems in which the marks on letters tell words apart that have nothing in common: mà, má, mã.
TOLD_APART_BY_MARKS: Final = frozenset({"vi"})

#: Languages of a site that are treated like another one, or, with "", like one without a stemmer.
_like: dict[str, str] = {}


def treat_like(languages: Mapping[str, str]) -> None:
    """Treat each language like the other one from now on, all others as they are. Both are codes: {"lb": "de"}."""
    _like.clear()
    _like.update((language.lower(), other.lower()) for language, other in languages.items())


def treated_like() -> dict[str, str]:
    """What ``treat_like`` was told."""
    return dict(_like)


def are_codes(languages: object) -> bool:
    """Whether ``treat_like`` can take this: a dict of codes, with codes of languages that have a stemmer, or ""."""
    return isinstance(languages, dict) and all(
        isinstance(language, str) and isinstance(other, str) and (not other or other.lower() in STEMMERS)
        for language, other in languages.items()
    )


def stemming_language(language: str) -> str:
    """The language code that decides the stems of ``language`` ("pt-BR" gives "pt"); "" for none."""
    base = language.lower().replace("_", "-").partition("-")[0]
    base = _like.get(base, base)
    return base if base in STEMMERS or base in TOLD_APART_BY_MARKS else ""


_ITALIAN: Final = (
    "l un all dall dell nell sull coll dagl degl agl negl sugl gl c d m n s t v quell quest bell sant anch dov com"
)
#: What stands before an apostrophe and is no part of the word behind it, folded: l'eau, dell'arte, d'autres.
ELISIONS: Final = {
    language: frozenset(words.split())
    for language, words in {
        "fr": "l d j m n s t c qu jusqu lorsqu puisqu quoiqu",
        "it": _ITALIAN,
        "ca": "l d m n s t",
        "ga": "d m b",
    }.items()
}
#: Where everything behind an apostrophe is an ending: İstanbul'da, Ankara'nın.
ENDINGS_BEHIND_APOSTROPHES: Final = frozenset({"tr"})
#: Where ä, ö, ü and ø are letters that nobody spells with an e behind the vowel.
WITHOUT_DIGRAPHS: Final = frozenset({"tr", "hu", "et", "fi"})
#: Letters that those who can't type them spell with two, in German and in the languages of Scandinavia.
DIGRAPHS: Final = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ø": "oe", "å": "aa"})

_PARTICLES: Final = (
    "에서는 에서도 으로는 으로써 으로서 에게서 이라는 이라고 까지는 부터는 "
    "에서 에게 에는 에도 으로 부터 까지 처럼 보다 한테 께서 이나 라고 라는 하고 이며 로서 로써 와의 과의 에의 "
    "들의 들은 들이 들을 들도 은 는 이 가 을 를 의 에 도 로 와 과 만"
)
#: What follows a noun in Korean, longer ones first.
PARTICLES: Final = tuple(_PARTICLES.split())
