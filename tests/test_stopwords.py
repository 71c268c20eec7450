"""Function words: which count less, and when."""

from __future__ import annotations

import pytest

from newsindex.analysis import fold
from newsindex.query import Phrase, Word, parse
from newsindex.query.nodes import alternatives
from newsindex.ranking import PAIR_SHARE, leaf_weights
from newsindex.stopwords import SHARE, STOP_WORDS, shares


@pytest.mark.parametrize(
    "text, light",
    [
        ("what are the causes of floods", "what are the of"),
        ("welche brücke ist die längste in der stadt", "welche ist die in der"),
        ("quelles sont les causes de la crue", "quelles sont les de la"),
        ("сколько мостов в этом городе и где они", "сколько в и где они"),
        # One function word does not tell the language: "die" is English, too.
        ("die hard", ""),
        ("history of rome", ""),
        # Nothing else is asked for.
        ("to be or not to be", ""),
        ("the who", ""),
        ("", ""),
    ],
)
def test_function_words_count_less_beside_other_words(text: str, light: str) -> None:
    words = [fold(word) for word in text.split()]
    few = {fold(word) for word in light.split()}
    assert shares(words) == [SHARE if word in few else 1.0 for word in words]


def test_words_that_two_languages_share_count_less_where_neither_leads() -> None:
    # "is" and "in" are function words of English and of Dutch.
    assert shares(["is", "in", "amsterdam"]) == [SHARE, SHARE, 1.0]


def test_only_words_are_weighed() -> None:
    tree = parse('what is the "to be" of hamlet').words
    assert leaf_weights(tree) == [SHARE, SHARE, SHARE, 1.0, SHARE, 1.0]
    assert leaf_weights([Phrase("of the"), Word("of")]) == [1.0, 1.0]
    assert leaf_weights([]) == []


@pytest.mark.parametrize(
    ("query", "pairs", "weights"),
    [
        ("Ruby リリース", ["Ruby", "リリ", "リー", "ース"], [1.0, PAIR_SHARE, PAIR_SHARE, PAIR_SHARE]),
        ("東京 大学 2026", ["東京", "大学", "2026"], [1.0, 1.0, 1.0]),
        ("大学生 東京 2026", ["大学", "学生", "東京", "2026"], [PAIR_SHARE, PAIR_SHARE, 1.0, 1.0]),
        ("ไทยว ruby", ["ไท", "ทย", "ยว", "ruby"], [PAIR_SHARE, PAIR_SHARE, PAIR_SHARE, 1.0]),
        ("東京大学", ["東京", "京大", "大学"], [1.0, 1.0, 1.0]),
    ],
)
def test_pairs_of_a_longer_run_count_less_beside_words(query: str, pairs: list[str], weights: list[float]) -> None:
    leaves = [part for part in alternatives(parse(query).tree) if isinstance(part, Word)]
    assert [leaf.text for leaf in leaves] == pairs
    assert leaf_weights(leaves) == weights


def test_in_vietnamese_a_word_with_other_marks_is_none() -> None:
    tree = parse("khi nào khí được dùng").words
    assert leaf_weights(tree) == [SHARE, SHARE, 1.0, SHARE, 1.0]
    tree = parse("khi nao khi duoc dung").words
    assert leaf_weights(tree) == [SHARE, SHARE, SHARE, SHARE, 1.0]


def test_the_lists_are_folded_words() -> None:
    for language, words in STOP_WORDS.items():
        assert len(words) > 30, language
        assert all(fold(word) == word and " " not in word for word in words)
