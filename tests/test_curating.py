"""Synonyms and pinned results as searches see them: at once, in every process, and nothing that is hidden."""

from __future__ import annotations

import json
import random
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone, translation

from newsindex import curating, indexing
from newsindex.curating import MOST_PINNED, curation
from newsindex.models import Article, CurationVersion, PinnedResult, Synonym
from newsindex.query.synonyms import MOST_ADDED
from newsindex.searching import matching, note_messages, search
from newsindex.sources import ArticleSource
from tests.factories import make_article

pytestmark = pytest.mark.django_db(transaction=True)
on_both = pytest.mark.parametrize(
    "engine", [pytest.param(name, marks=pytest.mark.engine(name)) for name in ("memory", "whoosh")]
)


def pin(article: Article, queries: str, **fields: Any) -> PinnedResult:
    fields.setdefault("object_pk", str(article.pk))
    return PinnedResult.objects.create(queries=queries, source="newsindex.article", **fields)


def titles(text: str, **options: Any) -> list[str]:
    return [found.title.text for found in search(text, **options)]


# Synonyms.


@on_both
def test_a_synonym_holds_at_once(engine: str) -> None:
    make_article("Automobile")
    assert titles("car") == []
    entry = Synonym.objects.create(words="car, automobile")
    assert titles("cars") == ["Automobile"]
    found = search("car")
    assert note_messages(found.notes) == [
        "Also searched for: automobile. A word in quotation marks stands for itself alone."
    ]
    assert found.query.text == "car"
    assert found.query.synonyms == ("automobile",)
    assert found.suggestion == ""
    entry.words = "bicycle, automobile"
    entry.save()
    assert titles("car") == []
    assert titles("bicycle") == ["Automobile"]
    entry.delete()
    assert titles("bicycle") == []


def test_bulk_changes_hold_at_once_too() -> None:
    make_article("Automobile")
    Synonym.objects.bulk_create([Synonym(words="car, automobile")])
    assert titles("car") == ["Automobile"]
    Synonym.objects.update(words="bicycle, automobile")
    assert titles("car") == []
    Synonym.objects.all().delete()
    assert titles("bicycle") == []


def test_entries_for_all_languages_have_the_stems_of_the_site(settings: Any) -> None:
    settings.LANGUAGE_CODE = "de"
    make_article("Die Gärtnereien")
    Synonym.objects.create(words="Blume, Gärtnerei")
    assert titles("Blumen") == ["Die Gärtnereien"]


def test_a_question_asks_for_one_row(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        search("")
        search("tag:news after:2020")
    with django_assert_num_queries(1):
        search("car")
    Synonym.objects.create(words="car, automobile")
    with django_assert_num_queries(3):
        search("car")
    with CaptureQueriesContext(connection) as captured:
        search("car")
    assert [CurationVersion._meta.db_table in one["sql"] for one in captured] == [True]


def test_what_is_rolled_back_is_forgotten() -> None:
    Synonym.objects.create(words="car, automobile")
    with transaction.atomic():
        Synonym.objects.create(words="bicycle, bike")
        assert search("bicycle").query.synonyms == ("bike",)
        transaction.set_rollback(True)
    # The next change must not look like the one that was rolled back.
    Synonym.objects.create(words="ferry, boat")
    assert search("bicycle").query.synonyms == ()
    assert search("ferry").query.synonyms == ("boat",)


def test_many_synonyms_are_cut_and_the_page_says_so(client: Client) -> None:
    Synonym.objects.create(words="word, " + ", ".join(f"other{number}" for number in range(MOST_ADDED + 9)))
    found = search("word word -word")
    assert len(found.query.synonyms) == MOST_ADDED
    assert f"Only the first {MOST_ADDED} synonyms were searched for as well." in note_messages(found.notes)
    assert "Only the first" in client.get("/search/", {"q": "word"}).content.decode()


def test_links_have_the_words_of_the_visitor(client: Client) -> None:
    make_article("Automobile", tags=["street"])
    Synonym.objects.create(words="car, automobile")
    page = client.get("/search/", {"q": "car"})
    assert "Also searched for: automobile." in page.content.decode()
    assert page.context["hits"][0].url.endswith("?q=car")
    assert "q=automobile" not in page.content.decode()
    article = client.get(page.context["hits"][0].url).content.decode()
    assert "<mark" in article
    data = client.get("/search/json/", {"q": "car"}).json()
    assert data["synonyms"] == ["automobile"]
    assert data["query"] == "car"


def test_the_command_and_querysets_find_synonyms() -> None:
    article = make_article("Automobile")
    Synonym.objects.create(words="car, automobile")
    out = StringIO()
    call_command("newsindex_search", "car", stdout=out)
    assert "Note: Also searched for: automobile." in out.getvalue()
    assert "1. Automobile" in out.getvalue()
    assert list(matching("car", Article.objects.all())) == [article]


@on_both
def test_a_corrected_query_has_synonyms_and_says_so(engine: str, client: Client) -> None:
    make_article("Automobile tested")
    make_article("Car tested")
    make_article("Telly sold")
    Synonym.objects.create(words="car, automobile")
    Synonym.objects.create(words="tested, telly")
    found = search("car testeed")
    assert found.corrected
    assert found.suggestion == "car tested"
    assert sorted(one.title.text for one in found) == ["Automobile tested", "Car tested"]
    assert found.synonyms == ("automobile", "telly")
    said = "Also searched for: automobile, telly. A word in quotation marks stands for itself alone."
    assert note_messages(found.notes) == [said]
    assert said in client.get("/search/?q=car+testeed").content.decode()
    answer = client.get("/search/json/?q=car+testeed").json()
    assert answer["notes"][1:] == [said]
    assert answer["synonyms"] == ["automobile", "telly"]


def test_closest_matches_have_synonyms() -> None:
    make_article("Automobile")
    Synonym.objects.create(words="car, automobile")
    found = search("car zeppelinfahrt")
    assert found.relaxed
    assert [one.title.text for one in found] == ["Automobile"]


@on_both
def test_another_spelling_finds_synonyms_as_well(engine: str, client: Client) -> None:
    """What the correction finds is what a search for it finds, and the page says what else was searched for."""
    for number in range(3):
        make_article(f"Automobile bridge {number}")
    make_article("Car seat")
    make_article("Car ferry")
    Synonym.objects.create(words="car, automobile")
    Synonym.objects.create(words="ferry, seat")
    found = search("car brigde")
    assert (found.corrected, found.suggestion, found.count()) == (True, "car bridge", 3)
    assert found.synonyms == ("automobile",)
    found = search("fery")
    assert (found.corrected, found.suggestion, found.count()) == (True, "ferry", 2)
    assert note_messages(found.notes) == note_messages(search("ferry").notes) != []
    assert client.get("/search/json/", {"q": "fery"}).json()["synonyms"] == ["seat"]
    make_article("Car wash", "Made by Ångström.")
    assert search("car angstorm").suggestion == "car Ångström"


# Pinned results.


@on_both
def test_a_pinned_result_comes_first_and_once(engine: str, client: Client) -> None:
    many = [make_article(f"Ferry {number}", "The ferry. " * (9 - number)) for number in range(6)]
    other = make_article("Timetable", "Of boats.", summary="All boats.")
    pin(many[5], "ferry\nferry times")
    pin(other, "Ferry", position=2)
    found = search("ferry", limit=3)
    assert [one.title.text for one in found[:3]][:2] == ["Ferry 5", "Timetable"]
    assert [one.pinned for one in found[:3]] == [True, True, False]
    assert found.count() == 7
    assert found[:1][0].paragraphs[0].marked.spans, "what matches of it is marked"
    assert sorted(titles("ferry", limit=2)) == sorted([*(f"Ferry {n}" for n in range(6)), "Timetable"])
    page = client.get("/search/", {"q": "ferry"})
    assert page.content.decode().count("Recommended") == 2
    data = client.get("/search/json/", {"q": "ferry"}).json()
    assert [hit["pinned"] for hit in data["hits"]] == [True, True, *[False] * 5]
    assert data["total"] == 7
    out = StringIO()
    call_command("newsindex_search", "ferry", stdout=out)
    assert out.getvalue().count("Recommended") == 2


@on_both
def test_every_page_is_right(engine: str) -> None:
    """Whichever articles are pinned, a walk over pages of any size meets each once, the others in their order."""
    chance = random.Random(7)
    with indexing.deferred():
        rows = [make_article(f"Pier {n}", "pier " * (1 + n % 7) + "sand " * (n % 5)) for n in range(23)]
        rows += [make_article(f"Sand {n}", "only sand") for n in range(3)]
    indexing.update()
    natural = titles("pier", limit=100)
    assert len(natural) == 23
    for _ in range(12):
        PinnedResult.objects.all().delete()
        chosen = chance.sample(rows, chance.randint(1, MOST_PINNED))
        for position, article in enumerate(chosen):
            pin(article, "pier", position=position)
        first = [article.title for article in chosen]
        expected = first + [title for title in natural if title not in first]
        size = chance.randint(1, 9)
        walked = []
        for offset in range(0, 30, size):
            found = search("pier", offset=offset, limit=size)
            assert found.count() == len(expected)
            walked += [one.title.text for one in found[offset : offset + size]]
        assert walked == expected
        assert titles("pier", limit=size) == expected
        assert [one.title.text for one in search("pier")[3:17]] == expected[3:17]
        assert search("pier", limit=0).count() == len(expected)


@on_both
def test_counts_are_of_what_matches(engine: str) -> None:
    match, other = make_article("Ferry", tags=["boats"], section="S"), make_article("Bus", tags=["roads"], section="S")
    pin(match, "ferry")
    pin(other, "ferry")
    found = search("ferry")
    assert [(one.value, one.count) for one in found.facets["tag"]] == [("boats", 1)]
    assert found.count() == 2


@on_both
def test_closest_matches_follow_what_is_pinned(engine: str) -> None:
    for number in range(4):
        make_article(f"Ferry {number}", "By night.")
    pinned = make_article("Ferry to the island")
    pin(pinned, "ferry zeppelinfahrt")
    found = search("ferry zeppelinfahrt", limit=2)
    assert found.relaxed
    assert found.complete == 0
    assert found.count() == 5
    walked = [one.title.text for one in found]
    assert walked[0] == pinned.title
    assert sorted(walked) == sorted([pinned.title, *(f"Ferry {number}" for number in range(4))])


@on_both
def test_explanations_have_the_scores_beside_what_is_pinned(engine: str) -> None:
    """The closest ones are counted without what is pinned before them; so are their explanations."""
    for number in range(4):
        make_article(f"Ferry {number}", "By night. " * number)
        make_article(f"Bus {number}")
    pinned = make_article("Ferry to the island")
    pin(pinned, "ferry zeppelinfahrt")
    found = search("ferry zeppelinfahrt")
    scores = {one.key: one.score for one in found if not one.pinned}
    assert found.relaxed and len(scores) == 4
    explained = {key: found.explain(key) for key in scores}
    assert {key: one and one.score for key, one in explained.items()} == scores
    assert found.explain(f"newsindex.article:{pinned.pk}") is not None


@on_both
def test_one_that_matches_among_the_closest(engine: str) -> None:
    """With three words and few that have all, the closest come too, what is pinned first."""
    both = make_article("Ferry island harbour")
    for number in range(3):
        make_article(f"Ferry island {number}")
    for number in range(8):
        make_article(f"Elsewhere {number}")
    lone = make_article("Nothing of it")
    pin(lone, "ferry island harbour")
    pin(both, "ferry island harbour", position=2)
    found = search("ferry island harbour", limit=2)
    assert found.relaxed
    assert found.complete == 1
    assert found.count() == 5
    walked = [one.title.text for one in found]
    assert walked[:2] == ["Nothing of it", "Ferry island harbour"]
    assert len(set(walked)) == 5


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("night ferry", True), ("Night  FÉRRY!", True), ("“night ferry”", True), ("night-ferry", False),
        ("ferry night", False), ("night ferries", False), ("night ferry boat", False), ("night -ferry", False),
        ("night OR ferry", False), ("night title:ferry", False), ("night ferry*", False), ("night", False),
    ],
)  # fmt: skip
def test_the_query_has_to_be_the_same_but_for_case_accents_and_signs(query: str, shown: bool) -> None:
    pin(make_article("Pinned", "Nothing to see."), "Night ferry")
    assert ("Pinned" in titles(query, relax=False)) is shown


@on_both
def test_what_is_pinned_to_the_correction_comes_first(engine: str) -> None:
    """As where it is typed; beside all words, and beside the closest."""
    for number in range(3):
        make_article(f"Ferry {number}", "ferry ferry")
    timetable = make_article("Timetable", "Of boats.")
    pin(timetable, "ferry\nferry zzzqx\nfery")
    found = search("ferrry")
    assert found.corrected and found.suggestion == "ferry" and found.count() == 4
    assert [(one.title.text, one.pinned) for one in found][0] == ("Timetable", True)
    assert [one.pinned for one in search("ferrry", pins=False)] == [False] * 3
    assert [one.pinned for one in search("ferrry", sort="newest")] == [False] * 3
    assert titles("fery") == ["Timetable"], "what is pinned to what was typed is an answer"
    close = search("ferrry zzzqx", limit=2)
    assert close.corrected and close.relaxed and close.suggestion == "ferry zzzqx"
    assert [one.title.text for one in close] == ["Timetable", "Ferry 0", "Ferry 1", "Ferry 2"]
    Article.objects.filter(pk=timetable.pk).update(status=Article.Status.DRAFT)
    assert "Timetable" not in titles("ferrry") + titles("ferrry zzzqx")


def test_synonyms_do_not_matter_for_what_is_pinned() -> None:
    pin(make_article("Pinned", "Nothing."), "car")
    Synonym.objects.create(words="car, automobile")
    assert titles("car") == ["Pinned"]
    assert titles("automobile") == []


def test_only_an_open_search_by_relevance_has_them(client: Client) -> None:
    article = make_article("Pinned", "Nothing.", tags=["boats"])
    make_article("Ferry", "ferry", tags=["boats"])
    pin(article, "ferry")
    assert titles("ferry") == ["Pinned", "Ferry"]
    assert titles("ferry", sort="newest") == titles("ferry", tags=["boats"]) == titles("ferry", pins=False) == ["Ferry"]
    assert titles("ferry", sources=["newsindex.article"]) == ["Pinned", "Ferry"]
    assert titles("ferry", sources=["blog.post"]) == []
    assert "Pinned" not in client.get("/search/feed/", {"q": "ferry"}).content.decode()


def test_from_and_until_and_the_language_of_the_page() -> None:
    now = timezone.now()
    article = make_article("Pinned", "Nothing.")
    row = pin(article, "ferry", starts=now, ends=now + timedelta(hours=1))
    tick = timedelta(microseconds=1)
    assert titles("ferry", now=now) == titles("ferry", now=now + timedelta(hours=1) - tick) == ["Pinned"]
    assert titles("ferry", now=now - tick) == titles("ferry", now=now + timedelta(hours=1)) == []
    PinnedResult.objects.filter(pk=row.pk).update(starts=None, ends=None, language="de")
    assert titles("ferry") == []
    with translation.override("de-at"):
        assert titles("ferry") == ["Pinned"]


@on_both
def test_what_may_not_be_seen_is_not_pinned(engine: str, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    now = timezone.now()
    make_article("Ferry", "ferry")
    hidden = [
        make_article("Secret draft", "ferry", status=Article.Status.DRAFT),
        make_article("Secret embargo", "nothing", published_at=now + timedelta(days=1)),
        make_article("Secret past", "ferry", expires_at=now),
        make_article("Secret deleted", "ferry"),
    ]
    for article in hidden:
        pin(article, "ferry")
    hidden[3].delete()
    pin(hidden[0], "ferry", object_pk="4711")
    pin(hidden[0], "ferry", object_pk="no number")
    PinnedResult.objects.create(queries="ferry", source="no.source", object_pk="1")
    assert titles("ferry") == ["Ferry"]
    assert search("ferry").count() == 1
    monkeypatch.setattr(ArticleSource, "audiences", lambda self, row: ("members",), raising=False)
    shown = make_article("Ferry for members", "ferry")
    PinnedResult.objects.all().delete()
    pin(shown, "ferry")
    assert titles("ferry", audiences=["members"])[:1] == ["Ferry for members"]
    assert "Ferry for members" not in titles("ferry")
    settings.NEWSINDEX_UPDATE = "command"
    monkeypatch.undo()
    settings.NEWSINDEX_UPDATE = "command"
    waiting = make_article("Ferry unseen", "ferry")
    pin(waiting, "boat")
    assert titles("boat") == [], "not in the index yet"
    indexing.update()
    assert titles("boat") == ["Ferry unseen"]
    Article.objects.filter(pk=waiting.pk).update(status=Article.Status.DRAFT)
    assert titles("boat") == []
    assert search("boat").count() == 0


def test_the_last_place_is_kept_for_nobody(client: Client) -> None:
    """More than are shown, of which some may not be seen."""
    for number in range(MOST_PINNED + 2):
        pin(make_article(f"Pinned {number}", "nothing"), "ferry", position=number)
    assert titles("ferry") == [f"Pinned {number}" for number in range(MOST_PINNED)]


def test_a_process_reads_again_what_another_has_changed() -> None:
    Synonym.objects.create(words="car, automobile")
    assert curation().thesaurus
    kept = curating._known["default"]
    Synonym.objects.create(words="ferry, boat")
    assert search("ferry").query.synonyms == ("boat",)
    # This process as another one, which has not heard of the last change.
    curating._known["default"] = kept
    assert search("ferry").query.synonyms == ("boat",)
    assert curation() is curation()


def test_json_says_so_without_an_answer(client: Client) -> None:
    data = json.loads(client.get("/search/json/", {"q": ""}).content)
    assert data["synonyms"] == []
