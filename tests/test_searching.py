"""The read path: results, the last gate, and querysets of what matches."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.core.paginator import Paginator
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from newsindex import indexing, masking
from newsindex.engines import engines
from newsindex.engines.base import EVERYTHING, Engine, SearchRequest
from newsindex.engines.closeness import few_results
from newsindex.exceptions import EngineError
from newsindex.models import Article, PendingChange, Synonym
from newsindex.query import MESSAGES, parse
from newsindex.query.nodes import alternatives
from newsindex.searching import (
    NOTE_MESSAGES,
    Matches,
    explain,
    hits_for,
    matched,
    matching,
    matching_keys,
    more_like,
    note_messages,
    related,
    safe_url,
    search,
    suggest,
)
from tests.blog.models import Note, Post
from tests.factories import make_article

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def requests_seen(monkeypatch: pytest.MonkeyPatch) -> list[SearchRequest]:
    """Every request that reaches the engine; it is answered all the same."""
    seen: list[SearchRequest] = []
    engine = engines["default"]
    answer = engine.search

    def counted(request: SearchRequest) -> object:
        seen.append(request)
        return answer(request)

    monkeypatch.setattr(engine, "search", counted)
    return seen


def keys(results: object) -> list[str]:
    return [result.key for result in results]


def test_a_result_has_its_row_its_marks_and_its_places() -> None:
    article = make_article("Harbour news", "The ferry left.\n\nTwo ferries came back to the harbour.", ["boats"])
    (result,) = search("ferry")
    assert result.object == article
    assert result.title.text == "Harbour news"
    assert result.url == f"/search/article/{article.slug}/?q=ferry"
    assert result.matched_paragraphs == 2
    marked = {paragraph.marked.text[slice(*paragraph.marked.spans[0])] for paragraph in result.paragraphs}
    assert marked == {"ferry", "ferries"}
    for paragraph in result.paragraphs:
        assert paragraph.url.startswith(f"{result.url}#{paragraph.anchor}:~:text=")


def test_a_place_is_not_one_that_the_page_has_further_up() -> None:
    """A browser takes the first such words of a page: of the search box, the headline or the standfirst."""
    body = "## High tides\n\nThe river rose.\n\nHigh tides are near. So say the pilots."
    make_article("News of high tides", body, summary="High tides are near.", body_format="markdown", slug="tides")
    (result,) = search("high tides")
    texts = {paragraph.marked.text: paragraph.url.partition(":~:text=")[2] for paragraph in result.paragraphs}
    assert texts == {"High tides": "", "High tides are near. So say the pilots.": "High,-tides%20are%20near.%20So"}


def test_several_models_mix_in_one_answer() -> None:
    make_article("Storm over the bay", "x")
    Post.objects.create(headline="A storm", slug="a-storm", body="<p>Rain and storm.</p>")
    Note.objects.create(text="Storm warning")
    found = search("storm")
    assert found.count() == 3
    assert {result.source.label for result in found} == {"newsindex.article", "blog.post", "blog.note"}
    assert keys(search("storm", sources=["blog.post"])) == [f"blog.post:{Post.objects.get().pk}"]
    assert [result.url for result in search("storm", sources=["blog.note"])] == [""]


def test_a_page_of_the_paginator_costs_one_call(requests_seen: list[SearchRequest]) -> None:
    for number in range(25):
        make_article(f"Rain {number}", "x")
    requests_seen.clear()
    page = Paginator(search("rain", offset=10, limit=10), 10).get_page(2)
    assert len(list(page)) == 10
    assert page.paginator.num_pages == 3
    assert len(requests_seen) == 1


def test_walking_over_all_pages_meets_each_article_once() -> None:
    for number in range(23):
        make_article(f"Rain {number}", "x")
    results = search("rain", limit=5)
    paginator = Paginator(results, 5)
    walked = [result.key for page in paginator for result in page]
    assert len(walked) == len(set(walked)) == 23 == len(results)
    assert keys(results) == walked
    assert keys(results[3:8]) == walked[3:8]
    assert results[7].key == walked[7]
    with pytest.raises(IndexError):
        results[23]
    with pytest.raises(ValueError):
        results[-1]


def test_what_may_not_be_seen_is_in_no_part_of_the_answer() -> None:
    now = timezone.now()
    make_article("Open secret", "x", ["open"])
    make_article("Draft secret", "x", ["draft"], status=Article.Status.DRAFT)
    make_article("Embargoed secret", "x", ["embargo"], published_at=now + timedelta(days=60))
    make_article("Expired secret", "x", ["expired"], published_at=now - timedelta(days=90), expires_at=now)
    Post.objects.create(headline="Members secret", slug="m", body="<p>x</p>", members_only=True)
    found = search("secret")
    assert [result.title.text for result in found] == ["Open secret"]
    assert found.count() == 1
    assert [one.value for one in found.facets["tag"]] == ["open"]
    assert found.timeline == ()
    assert search("secret", audiences={"public", "members"}).count() == 2
    assert search("secret", audiences=EVERYTHING).count() == 5
    for word in ("draf", "embar", "expir", "member"):
        assert suggest(word) == []
        assert not search(f"{word}*").count()


def test_the_last_gate_drops_what_the_index_does_not_know_yet() -> None:
    month_ago = timezone.now() - timedelta(days=30)
    gone = [make_article(f"Leak {n}", "x", [f"tag{n}"], published_at=month_ago) for n in range(3)]
    deleted = make_article("Leak 3", "x", section="Deleted")
    Post.objects.create(headline="Leak 4", slug="leak", body="<p>x</p>")
    make_article("Leak stays", "x", ["tag9"])
    rows = Article.objects.filter(pk__in=[article.pk for article in gone])
    now = timezone.now()
    # Bulk changes send no signal: the index still shows all of them.
    rows.filter(pk=gone[0].pk).update(status=Article.Status.DRAFT)
    rows.filter(pk=gone[1].pk).update(published_at=now + timedelta(days=1))
    rows.filter(pk=gone[2].pk).update(expires_at=now)
    Article.objects.filter(pk=deleted.pk)._raw_delete("default")
    Post.objects.update(members_only=True)
    found = search("leak")
    assert [result.title.text for result in found[:10]] == ["Leak stays"]
    assert found.count() == 1
    assert [one.value for one in found.facets["tag"]] == ["tag9"]
    assert found.facets["section"] == found.timeline == ()
    assert [one.text for one in suggest("leak") if one.kind == "title"] == ["Leak stays"]


@pytest.mark.parametrize("articles", [1, 50])
def test_the_number_of_queries_does_not_depend_on_the_hits(articles: int) -> None:
    with indexing.deferred():
        for number in range(articles):
            make_article(f"Rain {number}", "It rains.", [f"t{number}", "weather"], authors="A, B", section="S")
    with CaptureQueriesContext(connection) as captured:
        found = search("rain", limit=50)[:50]
        assert len([(r.url, r.tags, r.authors, r.paragraphs) for r in found]) == articles
    assert len(captured) == 3  # the version of synonyms, what is pending, the rows; their tags come from the index


def test_closest_matches_when_no_article_has_all_words(requests_seen: list[SearchRequest]) -> None:
    make_article("Apples", "Only apples here")
    make_article("Pears", "Only pears here")
    requests_seen.clear()
    found = search("apples unicorn", limit=5)
    assert [result.title.text for result in found[:5]] == ["Apples"]
    assert found.relaxed
    assert len(requests_seen) == 2
    assert not search("apples").relaxed
    assert not search("apples unicorn", relax=False).count()
    nothing = search("unicorn zebra")
    assert nothing.count() == 0 and not nothing.relaxed


def test_where_few_articles_have_all_of_many_words_the_closest_are_shown_with_them() -> None:
    make_article("Flood", "The river rose over the old bridge at night.")
    make_article("Bridge", "The old bridge over the river is closed.")
    make_article("Bakery", "Bread at night.")
    found = search("river bridge old night")
    assert found.relaxed and found.complete == 1 and found.count() == 3
    assert found[0].title.text == "Flood"
    # By date, they would come before what has all the words; and of few words, all are meant.
    assert search("river bridge old night", sort="newest").count() == 1
    assert search("bridge night").count() == 1
    strict = search("river bridge old night", relax=False)
    assert strict.count() == strict.complete == 1 and not strict.relaxed


@pytest.mark.parametrize(
    ("text", "few"),
    [
        ("bridge", 1),
        ("bridge night", 1),
        ("the old ferry", 1),
        ("where is the old ferry", 20),
        ("where is the ferry", 1),
        ("to be or not to be", 1),
        ("river bridge night", 50),
        ("river bridge night ferry", 100),
        ("the river and the bridge at night and the ferry", 100),
        ("東京都", 1),
        ("人工智能", 20),
        ("自然语言处理", 50),
        ("自然语言处理和人工智能", 100),
    ],
)
def test_the_more_is_asked_for_the_more_results_are_few(text: str, few: int) -> None:
    assert few_results(alternatives(parse(text).tree)) == few


def test_where_nothing_may_be_counted_many_that_have_all_words_are_not_called_few(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with indexing.deferred():
        for number in range(15):
            make_article(f"Flood {number}", "The river rose over the old bridge.")
        make_article("Bridge", "An old bridge.")
    indexing.update()
    with monkeypatch.context() as patch:
        patch.setattr(masking, "MOST_PENDING", 0)
        PendingChange.objects.create(engine="default", source="blog.post", object_pk="404")
        found = search("river bridge old", limit=5)
        assert found.withheld and not found.relaxed and found.count() == 6


def test_what_is_known_of_a_pending_change_is_not_said_of_another_that_gets_its_id(settings: Any) -> None:
    """As in a database that was emptied, or put back from a copy, while this process went on."""
    settings.NEWSINDEX_UPDATE = "command"
    first, second = make_article("Harbour first"), make_article("Harbour second")
    indexing.update()
    first.save()
    row = PendingChange.objects.get()
    assert search("harbour").count() == 2
    indexing.update()
    second.status = "draft"
    second.save()
    PendingChange.objects.update(id=row.pk)
    assert suggest("sec") == []
    assert search("harbour", limit=0).count() == 1


def test_a_misspelt_word_is_corrected() -> None:
    make_article("The harbour", "x")
    found = search("harbuor", follow=False)
    assert found.count() == 0 and not found.corrected
    assert found.suggestion == "harbour"


def test_what_the_correction_finds_is_shown_where_nothing_else_is(requests_seen: list[SearchRequest]) -> None:
    for number in range(5):
        make_article(f"The harbour {number}", "x")
    requests_seen.clear()
    found = search("harbuor", limit=2)
    assert len(found[:2]) == 2 and found.count() == 5
    assert found.corrected and found.suggestion == "harbour" and not found.relaxed
    assert found.query.text == "harbuor"
    assert found[0].url.endswith("?q=harbour") and found[0].title.spans
    assert len(requests_seen) == 2
    assert len(found[4:6]) == 1
    assert len(list(found)) == 5
    assert search("harbuor", offset=2, limit=2)[2:4] != []
    assert not search("harbour").corrected


def test_the_correction_comes_before_the_closest_and_the_closest_before_nothing() -> None:
    make_article("Night ferry", "It leaves the harbour at night.")
    make_article("Harbour", "x")
    found = search("ferry harbuor")
    assert found.corrected and not found.relaxed and found.count() == 1
    found = search("ferry harbuor", follow=False)
    assert found.relaxed and not found.corrected and found.suggestion == "ferry harbour"
    found = search("ferry harbour unicorn")
    assert found.relaxed and not found.corrected and found.suggestion == ""


def test_a_correction_that_few_articles_have_whole_is_relaxed_too() -> None:
    make_article("Flood", "The river rose over the old bridge at night.")
    make_article("Bridge", "The old bridge over the river is closed.")
    found = search("rivver bridge old night")
    assert found.suggestion == "river bridge old night"
    assert found.corrected and found.relaxed and found.complete == 1 and found.count() == 2
    assert [result.title.text for result in found] == ["Flood", "Bridge"]
    assert search("rivver bridge old night", relax=False).count() == 1
    page = Client().get("/search/?q=rivver+bridge+old+night").content.decode()
    assert "1 article has all of these words." in page and "1 more comes close." in page
    assert "“river bridge old night” was searched for instead." in page
    notes = Client().get("/search/json/?q=rivver+bridge+old+night").json()["notes"]
    assert [note.partition(" ")[0] for note in notes] == ["Nothing", "1"]


def test_a_correction_that_no_article_has_whole_shows_the_closest_to_it() -> None:
    article = make_article("The harbour", "x")
    make_article("A mountain", "x")
    found = search("habrour mountian")
    assert found.corrected and found.relaxed and found.complete == 0 and found.count() == 2
    assert found.suggestion == "harbour mountain"
    offered = search("habrour mountian", follow=False)
    assert offered.suggestion == "harbour mountain" and offered.count() == 0 and not offered.relaxed
    assert not search("habrour mountian", relax=False).suggestion
    Article.objects.all().update(status=Article.Status.DRAFT)
    hidden = search("habrour mountian")
    assert not hidden.corrected and hidden.suggestion == "" and hidden.count() == 0
    Article.objects.filter(pk=article.pk).update(status=Article.Status.PUBLISHED)
    assert [result.title.text for result in search("habrour mountian")] == ["The harbour"]


def test_a_correction_to_what_may_not_be_shown_is_not_said() -> None:
    article = make_article("The harbour", "x")
    Article.objects.filter(pk=article.pk).update(status=Article.Status.DRAFT)
    found = search("harbuor")
    assert found.count() == 0 and not found.corrected
    assert found.suggestion == ""


def test_other_spellings_are_looked_for_only_where_they_are_shown(requests_seen: list[SearchRequest]) -> None:
    article = make_article("The harbour", "x")
    requests_seen.clear()
    assert matching_keys("harbuor", Article).pks == ()
    assert hits_for([f"newsindex.article:{article.pk}"], "harbuor") == {}
    assert search("harbuor", correct=False).suggestion == ""
    Client().get("/search/feed/?q=harbuor")
    assert [request.correct for request in requests_seen] == [False] * 4


def test_every_note_has_a_translation_of_its_own_message() -> None:
    assert {code: str(message) for code, message in NOTE_MESSAGES.items()} == MESSAGES
    assert note_messages(search('"{value} %s %(x)s').notes)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("/news/1/", "/news/1/"),
        ("https://example.org/a?b=c#d", "https://example.org/a?b=c#d"),
        ("HTTP://example.org/", "HTTP://example.org/"),
        ("", ""),
        ("javascript:alert(1)", ""),
        (" javascript:alert(1)", ""),
        ("java\nscript:alert(1)", ""),
        ("JaVaScRiPt:alert(1)", ""),
        ("data:text/html,x", ""),
        ("vbscript:x", ""),
        ("http://[broken", ""),
        ("\\\\evil", ""),
    ],
)
def test_only_harmless_urls_become_links(url: str, expected: str) -> None:
    assert safe_url(url) == expected


def test_a_row_without_a_page_does_not_take_the_others_down() -> None:
    Article._base_manager.filter(pk=make_article("Rain", "x").pk).update(slug="")
    make_article("Rain too", "x", slug="rain-too")
    assert sorted(result.url for result in search("rain")) == ["", "/search/article/rain-too/?q=rain"]


def test_related_articles_pass_the_gate() -> None:
    first = make_article("Eel migration", "Eels swim to the sargasso sea", ["eels"])
    make_article("Eel fishing", "Eels in the sargasso sea again", ["eels"])
    hidden = make_article("Eel secrets", "Eels of the sargasso sea", ["eels"])
    Article._base_manager.filter(pk=hidden.pk).update(status=Article.Status.DRAFT)
    assert [result.title.text for result in related(first)] == ["Eel fishing"]


def test_related_to_a_row_that_the_index_does_not_have_yet() -> None:
    make_article("Eel fishing", "Eels in the sargasso sea again")
    (new,) = Article.objects.bulk_create(
        [Article(title="Eel migration", body="Eels swim to the sargasso sea", slug="new", status="published")]
    )
    (draft,) = Article.objects.bulk_create([Article(title="Eels", body="The sargasso sea", slug="draft")])
    assert [result.title.text for result in related(new)] == ["Eel fishing"]
    assert related(draft) == []


def test_more_like_a_text_or_a_paragraph() -> None:
    eels = make_article("Spring", "Nothing here.\n\nYoung eels swim up the river in April.")
    market = make_article("Market", "Smoked eels are dear.\n\nThe April rain filled the river.")
    found = more_like("What do eels do in April?")
    assert {result.object for result in found} == {eels, market}
    assert all(paragraph.marked.spans == () for result in found for paragraph in result.paragraphs)
    assert [result.object for result in more_like(eels, paragraph=2)] == [market]
    assert more_like(eels, paragraph=1) == more_like(eels, paragraph=9) == more_like("") == []
    Article._base_manager.filter(pk=eels.pk).update(status=Article.Status.DRAFT)
    assert more_like(eels, paragraph=2) == []
    assert [result.object for result in more_like("eels in April")] == [market]


def test_an_explanation_has_the_score_of_the_hit() -> None:
    rain = make_article("Rain", "It rains in the harbour.\n\nRain again.")
    make_article("Harbour", "Ships.")
    draft = make_article("Rain", "Rain in the harbour", status=Article.Status.DRAFT)
    for text in ("rain harbour", "rain harbour ships lights"):
        results = search(text)
        for result in results:
            found = results.explain(result.key)
            assert found is not None and (found.matches, found.score) == (True, result.score)
    lacking = explain("rain ships", f"newsindex.article:{rain.pk}")
    assert lacking is not None and (lacking.matches, lacking.lacks) == (False, ("ships",))
    assert explain("rain", f"newsindex.article:{draft.pk}") is None
    assert explain("rain", f"newsindex.article:{draft.pk}", audiences=EVERYTHING) is not None
    typed = explain("har", f"newsindex.article:{rain.pk}", typing=True)
    assert typed is not None and typed.matches
    Article._base_manager.filter(pk=rain.pk).update(status=Article.Status.DRAFT)
    assert search("rain").explain(f"newsindex.article:{rain.pk}") is None


def test_an_explanation_knows_the_synonyms_by_which_an_article_is_found() -> None:
    article = make_article("Traffic", "An automobile stood there.")
    Synonym.objects.create(words="car, automobile")
    indexing.update()
    assert list(matching("car", Article.objects.all())) == [article]
    found = explain("car", f"newsindex.article:{article.pk}")
    assert found is not None and found.matches and not found.lacks
    assert found.score == search("car")[0].score > 0


def test_whatever_fails_inside_an_engine_is_an_engine_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: Engine, request: SearchRequest) -> None:
        raise RuntimeError("disk on fire")

    monkeypatch.setattr(type(engines["default"]), "search", broken)
    with pytest.raises(EngineError, match="disk on fire"):
        search("x").count()


# Querysets.


def test_matching_rows_stay_a_queryset_in_order_of_relevance() -> None:
    weak = make_article("A long title about very many other things than rain", "x", section="a")
    strong = make_article("Rain", "Rain and rain.", section="b")
    make_article("Sun", "x", section="b")
    found = matching("rain", Article.objects.all())
    assert list(found) == [strong, weak]
    assert list(found.filter(section="a")) == [weak]
    assert list(found.order_by("pk")) == [weak, strong]
    assert found.count() == 2 and found.exists()
    assert found.values_list("title", flat=True).last() == weak.title


def test_matching_respects_what_the_queryset_leaves_out() -> None:
    kept, left = make_article("Rain", "x"), make_article("Rain", "x")
    assert list(matching("rain", Article.objects.exclude(pk=left.pk))) == [kept]
    assert list(matching("nothing", Article.objects.all())) == []


def test_matching_shows_drafts_only_when_asked() -> None:
    draft = make_article("Rain", "x", status=Article.Status.DRAFT)
    assert not matching("rain", Article.objects.all())
    assert list(matching("rain", Article.objects.all(), audiences=EVERYTHING)) == [draft]


def test_matching_works_with_uuid_keys() -> None:
    weak = Note.objects.create(id=uuid.UUID(int=5), text="one rain among so many other words of a very long note")
    strong = Note.objects.create(id=uuid.UUID(int=7), text="rain")
    assert list(matching("rain", Note.objects.all())) == [strong, weak]


def test_keys_keep_their_rank_beyond_one_group() -> None:
    notes = Note.objects.bulk_create(Note(text=str(number)) for number in range(1_203))
    pks = [str(note.pk) for note in reversed(notes)]
    found = matched(Note.objects.all(), Matches(parse("x"), tuple(pks), len(pks)))
    assert [str(pk) for pk in found.values_list("pk", flat=True)] == pks


def test_a_cap_is_told() -> None:
    for number in range(5):
        make_article(f"Rain {number}", "x")
    found = matching_keys("rain", Article, limit=3)
    assert (len(found.pks), found.total, found.capped) == (3, 5, True)
    assert matching("rain", Article.objects.all(), limit=3).count() == 3


def test_an_unfinished_word_finds_while_typing() -> None:
    article = make_article("Harbour lights", "x")
    assert matching_keys("harb", Article, typing=True).pks == (str(article.pk),)
    assert matching_keys("lights harb", Article, typing=True).pks == (str(article.pk),)
    assert matching_keys("harb", Article).pks == ()


def test_hits_for_given_rows() -> None:
    first, second = make_article("One", "It rains.\n\nIt snows."), make_article("Two", "It snows.")
    key = f"newsindex.article:{first.pk}"
    found = hits_for([key, f"newsindex.article:{second.pk}"], "rain")
    assert list(found) == [key]
    assert found[key].paragraphs[0].number == 1
    assert hits_for([], "rain") == {}
