"""Related articles, and articles like a text."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import permutations

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from newsindex.engines.base import Document, Engine
from newsindex.engines.relatedness import POOL
from tests.contract.asking import EVERYBODY, NOW, article, index
from tests.contract.news import FLOOD, NEWS
from tests.contract.test_parity import EXAMPLES, OTHERS, audiences, commits, documents, pair, without_scores, write

pytestmark = pytest.mark.needs("supports_related", "supports_like")

FILLER = tuple(
    article(f"filler{n}", f"{word.title()} report", f"The {word} was seen in the {word} of the other side.")
    for n, word in enumerate(("walnut", "kettle", "pigeon", "violin", "marble", "ladder", "saddle", "carpet"))
)


def related(engine: Engine, document: Document, limit: int = 5) -> list[str]:
    hits = engine.related(document.key, now=NOW, audiences=EVERYBODY, limit=limit)
    return [hit.pk for hit in hits]


def like(engine: Engine, document: Document, **fields: int) -> list[str]:
    return [hit.pk for hit in engine.like(document, now=NOW, audiences=EVERYBODY, **fields)]


@pytest.mark.parametrize("other", OTHERS)
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(commits, st.lists(documents(), max_size=3), audiences)
def test_both_engines_find_the_same(
    other: str, batches: list[list[Document | int]], texts: list[Document], who: frozenset[str]
) -> None:
    with pair(other) as engines:
        for changes in batches:
            for engine in engines:
                write(engine, changes)
        for text in texts:
            found = [engine.like(text, now=NOW, audiences=who, paragraphs=2) for engine in engines]
            event(f"{len(found[0])} found")
            assert [without_scores(hit) for hit in found[1]] == [without_scores(hit) for hit in found[0]]


def test_related_articles_share_words_and_tags(engine: Engine) -> None:
    ship = article("ship", "Steam ship raised", "Divers raised the ship from the mud.", tags=("Harbour",))
    index(
        engine,
        ship,
        article("divers", "Divers wanted", "The ship yard looks for divers.", url="/divers/"),
        article("harbour", "A new crane", "It lifts forty tons.", tags=("harbour",)),
        *(article(n, "Weather", "The sun shines on the town.") for n in range(5)),
    )
    found = engine.related(ship.key, now=NOW, audiences=EVERYBODY)
    assert [hit.pk for hit in found] == ["divers", "harbour"]
    assert (found[0].title.text, found[0].title.spans) == ("Divers wanted", ())
    assert (found[0].url, found[0].paragraphs) == ("/divers/", ())


def test_function_words_join_nothing(engine: Engine) -> None:
    index(
        engine,
        article("one", "Heron", "It was there and then he had what they would have been."),
        article("two", "Lorry", "They would have been there, and he had what it was then."),
        *FILLER,
    )
    assert related(engine, article("one")) == []


def test_a_rare_tag_in_common_weighs_more_than_a_common_one(engine: Engine) -> None:
    both = [article(n, f"{word} here", "", tags=("Town",)) for n, word in enumerate(("Ash", "Elm", "Oak", "Yew"))]
    index(
        engine,
        article("own", "Heron", "", tags=("Town", "Eels")),
        article("rare", "Lorry", "", tags=("eels",)),
        *both,
        *FILLER,
    )
    assert related(engine, article("own"))[0] == "rare"
    assert len(related(engine, article("own"))) == 5


def test_what_says_nearly_the_same_is_left_out(engine: Engine) -> None:
    """Neither a copy of the article itself, nor two copies of another."""
    own = article("own", "Eels return to the Wend", "Young eels swim up the Wend in April, as they did long ago.")
    other = article("other", "Eels eaten", "The herons of the Wend ate most of the young eels before they were grown.")
    corrected = replace(other, key="news.story:corrected", title="Eels eaten (corrected)")
    index(engine, own, replace(own, key="news.story:copy"), other, corrected, *FILLER)
    assert related(engine, own) in (["other"], ["corrected"])


def test_the_article_s_language_comes_first(engine: Engine) -> None:
    text = "Halloran Vance Brackwater"
    index(
        engine,
        article("own", "Avocets", text),
        article("german", "Säbelschnäbler", f"{text} Halloran Vance", language="de"),
        article("english", "Terns", f"A long story that names {text} once among many words that it has to say."),
        *FILLER,
    )
    assert related(engine, article("own")) == ["english", "german"]


def test_of_two_that_are_as_close_the_newer_comes_first(engine: Engine) -> None:
    index(
        engine,
        article("own", "Heron", "Eels"),
        article("old", "Lorry", "Eels", published_at=NOW - timedelta(days=3000)),
        article("new", "Tower", "Eels", published_at=NOW - timedelta(days=30)),
        *FILLER,
    )
    assert related(engine, article("own")) == ["new", "old"]


def test_as_many_related_articles_as_asked_for(engine: Engine) -> None:
    orders = list(permutations(("eels", "in", "the", "river", "Wend")))[:: 120 // 7][:7]
    texts = [article(f"n{n}", f"Story {n}", " ".join(words)) for n, words in enumerate(orders)]
    index(engine, article("own", "Heron", "Eels of the river Wend"), *texts, *FILLER)
    for limit in (0, 1, 5, 20, 2 * POOL):
        assert len(related(engine, article("own"), limit)) == min(limit, 7)


def test_nothing_is_related_to_what_is_not_there_or_not_seen(engine: Engine) -> None:
    draft = replace(FLOOD, key="news.story:draft", audiences=frozenset())
    index(engine, *NEWS, draft, article("empty"), article("alone", "Zirconium"))
    for pk in ("nobody", "draft", "empty", "alone"):
        assert related(engine, article(pk)) == []
    assert engine.related("nonsense", now=NOW, audiences=EVERYBODY) == ()
    assert "draft" not in related(engine, FLOOD)


def test_hidden_articles_change_nothing(engine: Engine) -> None:
    """Neither what is found, nor what is telling: that is a matter of visible articles."""
    own = article("own", "Heron", "Eels and walnuts in the river Wend")
    seen = (own, article("a", "Lorry", "Eels"), article("b", "Tower", "Wend river"), *FILLER)
    index(engine, *seen)
    before = engine.related(own.key, now=NOW, audiences=EVERYBODY)
    index(engine, *(article(f"draft{n}", "Eels", "Eels, eels, eels", audiences=frozenset()) for n in range(30)))
    assert engine.related(own.key, now=NOW, audiences=EVERYBODY) == before
    secret = frozenset({"news.story:a"})
    assert "a" not in [hit.pk for hit in engine.related(own.key, now=NOW, audiences=EVERYBODY, hidden=secret)]


def test_a_text_that_is_not_in_the_index(engine: Engine) -> None:
    index(engine, *NEWS, *FILLER)
    assert like(engine, article("new", "", "Engineers look at the pillars of a bridge"))[0] == "flood"
    assert like(engine, article("new", "", "Engineers look at the pillars of a bridge"), limit=0) == []
    assert like(engine, article("flood", "", "Engineers look at the pillars of a bridge"))[:1] != ["flood"]
    assert like(engine, article("new", "", "")) == like(engine, article("new", "!", "the of and")) == []


def test_the_best_paragraphs_come_along_where_they_are_asked_for(engine: Engine) -> None:
    index(engine, *NEWS, *FILLER)
    text = article("new", "", "Volunteers with sandbags")
    (hit,) = engine.like(text, now=NOW, audiences=EVERYBODY, paragraphs=1)
    assert [(p.number, p.marked.spans) for p in hit.paragraphs] == [(2, ())]


def test_a_long_text_is_like_others_too(engine: Engine) -> None:
    index(engine, *NEWS, *FILLER)
    text = "\n".join(f"word{n} of the bridge and the sandbags" for n in range(3_000))
    assert like(engine, article("new", "", text))[0] == "flood"


def test_scripts_without_spaces(engine: Engine) -> None:
    index(
        engine,
        article("own", "東京の図書館", "図書館は来月から開く。", language="ja"),
        article("other", "京都の図書館", "新しい建物になる。", language="ja"),
        article("none", "天気予報", "明日は雨。", language="ja"),
        *FILLER,
    )
    assert related(engine, article("own")) == ["other"]
