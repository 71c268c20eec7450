"""Why an article ranks where it does, and why it is not found."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from newsindex.engines.base import EVERYTHING, Document, Engine, Explanation, Filters, SearchRequest
from newsindex.query import parse
from newsindex.ranking import DECIMALS, LACKING, PASSAGE_SHARE, WEIGHT
from tests.contract.asking import EVERYBODY, NOW, all_of, article, ask, day, index, request
from tests.contract.news import FERRY, FLOOD, NEWS
from tests.contract.test_parity import EXAMPLES, OTHERS, commits, pair, requests, write

pytestmark = pytest.mark.needs("supports_explain")


def explained(engine: Engine, query: str, document: Document, **fields: object) -> Explanation:
    asked = request(parse(query).tree, **fields)
    found = engine.explain(asked, document.key)
    assert found is not None
    return found


def added_up(found: Explanation) -> float:
    """The score, from the smallest parts up."""
    words = sum(leaf.score for leaf in found.leaves)
    best = max((sum(word.score for word in passage.words) for passage in found.passages), default=0.0)
    return round(found.boost * (words + found.passage_share * best) * found.completeness * found.newness, DECIMALS)


@pytest.mark.parametrize("other", OTHERS)
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(commits, st.lists(requests, min_size=5, max_size=10))
def test_the_parts_add_up_to_the_score_of_every_hit(
    other: str, batches: list[list[Document | int]], asked: list[SearchRequest]
) -> None:
    with pair(other) as engines:
        for changes in batches:
            for engine in engines:
                write(engine, changes)
        for one in asked:
            whole = replace(one, sort="relevance", offset=0, limit=100)
            for engine in engines:
                scores = {hit.key: hit.score for hit in engine.search(whole).hits}
                for key, _ in engine.scan():
                    found = engine.explain(whole, key)
                    assert (found is not None and found.matches) == (key in scores)
                    if found is not None and key in scores:
                        event("a hit is explained")
                        assert (found.score, added_up(found)) == pytest.approx((scores[key], scores[key]), abs=1e-6)
            keys = [key for key, _ in engines[0].scan()]
            assert [engines[0].explain(one, key) for key in keys] == [engines[1].explain(one, key) for key in keys]


def test_where_each_word_stands_and_what_it_adds(engine: Engine) -> None:
    index(engine, *NEWS)
    found = explained(engine, "ferries bridge", FERRY)
    ferry, bridge = found.leaves
    assert found.matches and found.lacks == ()
    assert (ferry.text, ferry.articles, found.articles) == ("ferries", 1, 4)
    assert [(place.name, place.frequency, place.forms) for place in ferry.places] == [
        ("title", 1, ("ferry",)),
        ("text", 1, ("ferry",)),
    ]
    assert (ferry.places[0].length, ferry.weight) == (6, 1.0)
    assert ferry.tf == pytest.approx(sum(place.tf for place in ferry.places))
    assert ferry.idf > bridge.idf and ferry.score > bridge.score > 0
    assert [passage.number for passage in found.passages] == [1, 2]
    assert [(word.text, word.frequency) for word in found.passages[0].words] == [("ferries", 1)]
    assert found.passage == PASSAGE_SHARE * found.passages[0].score
    assert found.score == ask(engine, all_of("ferries bridge")).hits[0].score


def test_a_title_counts_what_the_parameters_say(engine: Engine) -> None:
    index(engine, article(1, "Kettle"), article(2, "Walrus"))
    (leaf,) = explained(engine, "kettle", article(1, "Kettle")).leaves
    assert leaf.tf == WEIGHT["title"]


def test_what_an_article_lacks_is_named(engine: Engine) -> None:
    index(engine, *NEWS)
    found = explained(engine, 'bridge ferry "old bridge" tag:weather -sandbags', FLOOD)
    assert not found.matches
    assert found.lacks == ("ferry", "-sandbags")
    assert found.leaves[1].places == () and found.leaves[1].score == 0.0
    assert explained(engine, "bakery OR ladders", FLOOD).lacks == ("bakery OR ladders",)
    assert explained(engine, "bridge", FLOOD, filters=Filters(tags=("Food",))).matches is False


def test_a_close_match_is_told_what_it_lacks_and_what_that_costs(engine: Engine) -> None:
    index(engine, *NEWS)
    found = explained(engine, "bridge dough sandbags", FLOOD, match="any")
    assert found.matches and found.lacks == ("dough",)
    worth = [leaf.worth for leaf in found.leaves]
    assert found.completeness == pytest.approx(1 - LACKING * worth[1] / sum(worth))


def test_function_words_boost_and_newness(engine: Engine) -> None:
    index(engine, replace(FLOOD, boost=2.0), FERRY)
    found = explained(engine, "what is the bridge", FLOOD, recency=timedelta(days=29), match="any")
    assert [leaf.weight < 1 for leaf in found.leaves] == [True, True, True, False]
    assert found.boost == 2.0
    assert found.newness == pytest.approx(1.125, abs=0.01)


def test_who_may_not_see_an_article_is_told_nothing_of_it(engine: Engine) -> None:
    hidden = [
        replace(FLOOD, key="news.story:draft", audiences=frozenset()),
        replace(FLOOD, key="news.story:later", published_at=day(2026, 7, 1)),
        replace(FLOOD, key="news.story:over", expires_at=day(2026, 5, 30)),
        replace(FLOOD, key="news.story:members", audiences=frozenset({"members"})),
    ]
    index(engine, FLOOD, *hidden)
    asked = request("bridge")
    for document in hidden:
        assert engine.explain(asked, document.key) is None
    assert engine.explain(replace(asked, hidden=frozenset({FLOOD.key})), FLOOD.key) is None
    assert engine.explain(asked, "news.story:nobody") is None
    found = engine.explain(asked, FLOOD.key)
    assert found is not None and (found.articles, found.leaves[0].articles) == (1, 1)
    unrestricted = engine.explain(SearchRequest(asked.query, NOW, EVERYTHING), hidden[0].key)
    assert unrestricted is not None and unrestricted.articles == 5
    assert asked.audiences == EVERYBODY
