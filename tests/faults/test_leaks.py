"""The leak matrix: what nobody may see shows in no channel, in whatever way it came to be hidden, on each engine.

Each state has an article with a word of its own in its title, summary, text, tag, author and section. The word, the
month of the article and whatever is counted of it are looked for in each channel. A visible article proves that the
channel would show them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.core.management import call_command
from django.db import transaction
from django.template import Context, Template
from django.test import Client
from django.utils import timezone as clock

from newsindex import indexing, masking
from newsindex.models import Article, PendingChange, PinnedResult, Synonym, Tag
from newsindex.searching import explain, more_like, related, search, suggest
from newsindex.sources import ArticleSource
from tests.factories import make_article
from tests.faults.conftest import counts

pytestmark = pytest.mark.django_db(transaction=True)

#: Words that are nowhere else and far from each other, and those that they share with a visible neighbour.
WORDS = (
    "abrukovel", "bexilandor", "cytromaque", "dovanchuri", "elquisarto", "fyrombeska", "gahultimor", "hextroviam",
    "ivquandelo", "jyrmopasti", "kwelbunter", "lophirzane", "mivastrock", "nuxelgaboy", "oqrimfault", "pydverasco",
)  # fmt: skip
PAIRS = tuple(f"pier{letter * 4}" for letter in "abcdefghijklmnop")
#: The sign of an article for members: it says nothing of what is looked for.
MEMBERS = "members-"
TICK = timedelta(microseconds=1)


@dataclass
class Case:
    """An article in one state. at: when it is looked for. stays: the article may be seen, only the word may not."""

    state: str
    word: str
    pair: str
    article: Article
    neighbour: Article
    month: str
    at: datetime | None = None
    stays: bool = False
    pk: str = ""

    @property
    def pinned_to(self) -> str:
        """A query to which the article is pinned, whatever its state."""
        query = f"lighthouse {self.pair}"
        PinnedResult.objects.get_or_create(queries=query, source="newsindex.article", object_pk=self.pk)
        return query

    @property
    def typo(self) -> str:
        return f"{self.word[:4]}{'z' if self.word[4] != 'z' else 'y'}{self.word[5:]}"


@dataclass
class Asker:
    """Who looks: a visitor, and somebody of the staff."""

    staff: Client
    public: Client = field(default_factory=Client)

    def get(self, name: str, **parameters: str) -> Any:
        return self.public.get(f"/search/{name}", parameters)

    def page(self, query: str) -> Any:
        return self.get("", q=query, verbatim="1").context


# Channels: whether it shows anything of the case.


def hits(asker: Asker, case: Case) -> bool:
    return case.word in asker.get("", q=case.pair).content.decode()


def total(asker: Asker, case: Case) -> bool:
    return asker.page(case.word)["total"] > 0 or (asker.page(case.pair)["total"] > 1 and not case.stays)


def facets(asker: Asker, case: Case) -> bool:
    return case.word in repr(asker.page(case.pair)["results"].facets)


def timeline(asker: Asker, case: Case) -> bool:
    months = {one.month for one in asker.page(case.pair)["results"].timeline}
    return bool(asker.page(case.word)["results"].timeline) or (case.month in months and not case.stays)


def closest(asker: Asker, case: Case) -> bool:
    """With a word of the neighbour: whether the article is among those that have some of the words, or was counted."""
    page = asker.page(f"{case.word} zeppelinfahrt {case.pair}")
    assert page["relaxed"]
    # The echo of the query has the word, too.
    found = [(hit.title.text, hit.tags, hit.authors, hit.section) for hit in page["hits"]]
    return case.word in repr(found) or (page["total"] > 1 and not case.stays)


def completions(asker: Asker, case: Case) -> bool:
    answer = json.loads(asker.get("suggest/", q=case.word[:5]).content)
    return case.word in repr(answer[1:])


def browser_completions(asker: Asker, case: Case) -> bool:
    """As a browser asks by the OpenSearch description, one letter after the other."""
    description = asker.get("opensearch.xml").content.decode()
    (template,) = re.findall(r'template="http://testserver([^"]*suggest[^"]*)"', description)
    shown = False
    for end in range(1, len(case.word)):
        answer = json.loads(asker.public.get(template.replace("{searchTerms}", case.word[:end])).content)
        shown |= case.word in repr(answer[1:])
    return shown


def did_you_mean(asker: Asker, case: Case) -> bool:
    """Offered only, or with its results."""
    page, verbatim = asker.get("", q=case.typo).context, asker.page(case.typo)
    assert verbatim["total"] == 0
    return case.word in page["suggestion"] + verbatim["suggestion"]


def related_of_neighbour(asker: Asker, case: Case) -> bool:
    found = related(case.neighbour)
    return case.word in repr([(one.title, one.summary, one.tags, one.authors, one.section) for one in found])


def related_of_itself(asker: Asker, case: Case) -> bool:
    """What an article is like, that is no longer there to be seen, is nobody's business either."""
    return case.article.pk is not None and bool(related(case.article)) and not case.stays


def like_a_text(asker: Asker, case: Case) -> bool:
    found = more_like(f"{case.word} {case.pair}", paragraphs=3)
    return case.word in repr([(one.title, one.paragraphs, one.tags, one.authors, one.section) for one in found])


def like_its_paragraph(asker: Asker, case: Case) -> bool:
    """The page of a paragraph, by an address that was right once."""
    answer = asker.get(f"like/newsindex.article:{case.article.pk}/1/")
    return case.word in answer.content.decode() and not case.stays


def explanation(asker: Asker, case: Case) -> bool:
    """How many have the word, told of the neighbour; and the page of somebody who may not ask."""
    found = explain(case.word, f"newsindex.article:{case.neighbour.pk}")
    counted = found is not None and found.leaves[0].articles > 0 and not case.stays
    return counted or "ni-why" in asker.get("", q=case.pair, explain="1").content.decode()


def template_tag(asker: Asker, case: Case) -> bool:
    text = "{% load newsindex %}{% related_articles a as more %}{% for one in more %}{{ one.title }} {% endfor %}"
    return case.word in Template(text).render(Context({"a": case.neighbour}))


def feed(asker: Asker, case: Case) -> bool:
    return case.word in asker.get("feed/", q=case.pair).content.decode()


def json_page(asker: Asker, case: Case) -> bool:
    return case.word in asker.get("json/", q=case.pair).content.decode()


def article_page(asker: Asker, case: Case) -> bool:
    return case.word in asker.get(f"article/{case.article.slug}/").content.decode()


def neighbours_page(asker: Asker, case: Case) -> bool:
    return case.word in asker.get(f"article/{case.neighbour.slug}/").content.decode()


def tag_page(asker: Asker, case: Case) -> bool:
    tag = Tag.objects.get(name="harbour")
    pages = [asker.get(f"tag/{slug}/", page=page) for slug in (case.word, tag.slug) for page in ("1", "2")]
    return any(case.word in page.content.decode() for page in pages)


def command(asker: Asker, case: Case) -> bool:
    out = StringIO()
    call_command("newsindex_search", case.pair, stdout=out)
    call_command("newsindex_search", case.pair, "--json", stdout=out)
    return case.word in out.getvalue()


def change_list(asker: Asker, case: Case) -> bool:
    return case.word in asker.staff.get("/admin/newsindex/article/", {"q": case.pair}).content.decode()


def autocomplete(asker: Asker, case: Case) -> bool:
    parameters = {"app_label": "newsindex", "model_name": "taggedarticle", "field_name": "content_object"}
    answer = asker.staff.get("/admin/autocomplete/", {"term": case.pair, **parameters})
    return case.word in answer.content.decode()


def pinned(asker: Asker, case: Case) -> bool:
    """As a recommendation, and in what is counted with it."""
    page = asker.page(case.pinned_to)
    shown = [hit for hit in page["hits"] if hit.pinned]
    # The neighbour alone comes close.
    assert page["total"] <= 2
    return case.word in repr([(one.title, one.tags) for one in shown]) or (
        (bool(shown) or page["total"] > 1) and not case.stays
    )


def pinned_json(asker: Asker, case: Case) -> bool:
    return case.word in asker.get("json/", q=case.pinned_to).content.decode()


def pinned_list(asker: Asker, case: Case) -> bool:
    """In the admin of pinned results, as somebody sees it who may pin but not see articles."""
    case.pinned_to  # noqa: B018
    page = asker.staff.get("/admin/newsindex/pinnedresult/")
    assert page.status_code == 200
    return case.word in page.content.decode()


def synonym(asker: Asker, case: Case) -> bool:
    """By another word that means the same. That it is searched for says nothing of who has it."""
    Synonym.objects.get_or_create(words=f"beacon{case.pair}", targets=case.word)
    page = asker.page(f"beacon{case.pair}")
    assert page["notes"]
    seen = [(hit.title, hit.tags, hit.paragraphs) for hit in page["hits"]]
    counted = (page["total"], page["suggestion"], page["timeline"], any(page["results"].facets.values()))
    return case.word in repr(seen) or any(counted)


CHANNELS: tuple[Callable[[Asker, Case], bool], ...] = (
    hits, total, facets, timeline, closest, completions, browser_completions, did_you_mean,
    related_of_neighbour, related_of_itself, like_a_text, like_its_paragraph, explanation, template_tag, feed,
    json_page, article_page, neighbours_page, tag_page, command, change_list, autocomplete, pinned, pinned_json,
    pinned_list, synonym,
)  # fmt: skip


# States.


@pytest.fixture(autouse=True)
def audiences(monkeypatch: pytest.MonkeyPatch) -> None:
    """Articles have audiences here: a site's own source would say so."""

    def of(self: ArticleSource, article: Article) -> tuple[str, ...]:
        return ("members",) if article.slug.startswith(MEMBERS) else ("public",)

    monkeypatch.setattr(ArticleSource, "audiences", of, raising=False)


@pytest.fixture
def asker() -> Asker:
    """The public, and one of the staff who may not see articles."""
    editor = User.objects.create_user("nobody", is_staff=True)
    editor.user_permissions.add(Permission.objects.get(codename="view_pinnedresult"))
    staff = Client()
    staff.force_login(editor)
    return Asker(staff)


@pytest.fixture
def privileged() -> Asker:
    editor = User.objects.create_user("editor", is_staff=True)
    editor.user_permissions.add(*Permission.objects.filter(codename__in=["view_article", "view_pinnedresult"]))
    staff = Client()
    staff.force_login(editor)
    return Asker(staff)


def make_case(state: str, **fields: Any) -> Case:
    """A published article that shares a word with its neighbour, published in a month of its own."""
    number = Article.objects.filter(title="Neighbour").count()
    word, pair = WORDS[number], PAIRS[number]
    # A title of its own is no title of a neighbour.
    neighbour = make_article("Neighbour", f"A visible {pair}.", ["harbour"], slug=f"neighbour-{number}")
    month = datetime(1990 + number, 5, 5, tzinfo=timezone.utc)
    fields = {"slug": f"story-{number}", "published_at": month, **fields}
    article = make_article(
        f"The {word}",
        f"A {word} came to the {pair}.",
        [word, "harbour"],
        summary=f"Of {word}.",
        authors=f"Ann {word}",
        section=word,
        **fields,
    )
    published = fields["published_at"]
    return Case(state, word, pair, article, neighbour, f"{published:%Y-%m}", pk=str(article.pk))


def change(article: Article, **fields: Any) -> None:
    for name, value in fields.items():
        setattr(article, name, value)
    article.save()


def hidden_cases(settings: Any) -> Iterator[Case]:
    """All states in one index; the last ones are in the database and not in the index yet."""
    now = clock.now()
    yield make_case("draft", status=Article.Status.DRAFT)
    yield make_case("embargoed", published_at=now + timedelta(days=400))
    yield make_case("expired", expires_at=now - timedelta(days=1))
    yield make_case("for members", slug=f"{MEMBERS}only")
    later = make_case("about to go live", published_at=now + timedelta(hours=1))
    later.at = later.article.published_at - TICK
    yield later
    over = make_case("expiring on the second", expires_at=now + timedelta(hours=1))
    over.at = over.article.expires_at
    yield over
    deleted = make_case("deleted")
    deleted.article.delete()
    yield deleted
    unpublished = make_case("unpublished")
    change(unpublished.article, status=Article.Status.DRAFT)
    yield unpublished
    moved = make_case("moved to members")
    change(moved.article, slug=f"{MEMBERS}now")
    yield moved
    untagged = make_case("tag withdrawn")
    untagged.article.tags.remove(untagged.word)
    change(untagged.article, title="Plain", body=f"Plain {untagged.pair}.", summary="", authors="", section="")
    untagged.stays = True
    yield untagged
    undone = make_case("rolled back")
    article = undone.article
    article.delete()
    with transaction.atomic():
        make_article(f"The {undone.word}", f"A {undone.word} {undone.pair}.", [undone.word], slug="undone")
        transaction.set_rollback(True)
    yield undone
    waiting = [make_case(state) for state in ("deleted", "unpublished", "moved to members", "embargoed", "expired")]
    assert indexing.verify().ok
    settings.NEWSINDEX_UPDATE = "command"
    waiting[0].article.delete()
    change(waiting[1].article, status=Article.Status.DRAFT)
    change(waiting[2].article, slug=f"{MEMBERS}pending")
    change(waiting[3].article, published_at=now + timedelta(days=1))
    change(waiting[4].article, expires_at=now - timedelta(seconds=1))
    for case in waiting:
        case.state += ", to be indexed"
        yield case


def shown(asker: Asker, case: Case, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The channels that show anything of the case at its time."""
    with monkeypatch.context() as patch:
        if case.at is not None:
            patch.setattr(clock, "now", lambda: case.at)
        return {channel.__name__ for channel in CHANNELS if channel(asker, case)}


@pytest.mark.parametrize(
    "engine", [pytest.param(name, marks=pytest.mark.engine(name)) for name in ("memory", "whoosh")]
)
def test_nothing_hidden_is_shown(
    engine: str,
    asker: Asker,
    privileged: Asker,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cases = list(hidden_cases(settings))
    assert PendingChange.objects.count() >= 5
    leaks = [(case.state, channel) for case in cases for channel in sorted(shown(asker, case, monkeypatch))]
    counts["leaks: cells checked"] += len(cases) * len(CHANNELS)
    counts["leaks: found"] += len(leaks)
    assert leaks == []

    # The other side: what went live shows everywhere, at the same moment; so would what is hidden, were it public.
    everywhere = {channel.__name__ for channel in CHANNELS}
    later, over = cases[4], cases[5]
    later.at, over.at = later.article.published_at, over.article.expires_at - TICK
    assert shown(privileged, later, monkeypatch) == everywhere
    assert shown(privileged, over, monkeypatch) == everywhere


@pytest.mark.parametrize(
    "engine", [pytest.param(name, marks=pytest.mark.engine(name)) for name in ("memory", "whoosh")]
)
def test_each_channel_can_show_it(engine: str, privileged: Asker, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without this, a channel that never shows anything would pass for one without leaks."""
    assert shown(privileged, make_case("visible"), monkeypatch) == {channel.__name__ for channel in CHANNELS}


def test_without_the_mask_pending_changes_would_leak(
    asker: Asker, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = make_case("unpublished, to be indexed")
    settings.NEWSINDEX_UPDATE = "command"
    change(case.article, status=Article.Status.DRAFT)
    assert shown(asker, case, monkeypatch) == set()
    monkeypatch.setattr("newsindex.searching.mask_of", lambda *args, **options: masking.Mask())
    assert {"completions", "did_you_mean"} <= shown(asker, case, monkeypatch)


# What is pending.


@pytest.fixture
def waiting(settings: Any) -> Case:
    """An article that was unpublished, and that the index still has."""
    case = make_case("unpublished")
    settings.NEWSINDEX_UPDATE = "command"
    change(case.article, status=Article.Status.DRAFT)
    return case


@pytest.mark.engine("whoosh")
def test_more_pending_than_is_looked_at_shows_nothing_that_is_counted(
    asker: Asker, waiting: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = [make_article(f"Dock {number}", "At the quayside.", ["quay"]) for number in range(12)]
    indexing.update(others)
    change(waiting.article, status=Article.Status.PUBLISHED)
    indexing.update()
    change(waiting.article, status=Article.Status.DRAFT)
    monkeypatch.setattr(masking, "MOST_PENDING", 0)
    assert shown(asker, waiting, monkeypatch) == set()
    page = asker.page("quayside")
    # What may be seen is still found, and can be paged through.
    assert len(page["hits"]) == 10
    assert page["page_obj"].has_next()
    assert any("Many changes wait to be indexed" in note for note in page["notes"])
    assert page["results"].withheld
    assert len(asker.get("", q="quayside", page="2").context["hits"]) == 2
    assert [one.kind for one in suggest("dock")] == ["title"] * 8
    assert [one.kind for one in suggest("quay")] == []


def test_fewer_are_looked_at_inside_a_transaction(waiting: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(masking, "MOST_IN_TRANSACTION", 0)
    assert not search("visible").withheld
    with transaction.atomic():
        assert search("visible").withheld
        assert search("visible", audiences=frozenset({"*"})).facets["tag"]


def test_who_sees_all_sees_what_is_pending_but_for_what_is_deleted(waiting: Case) -> None:
    everything = frozenset({"*"})
    assert search(waiting.word, audiences=everything).count() == 1
    out = StringIO()
    call_command("newsindex_search", waiting.word, "--all", stdout=out)
    assert waiting.word in out.getvalue()
    waiting.article.delete()
    found = search(waiting.word, audiences=everything)
    assert found.count() == 0
    assert found.facets == {"tag": (), "author": (), "section": ()}


def test_what_is_pending_is_looked_at_once(waiting: Case, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(5):  # what is pending, of what, the row, its tags, and whether it is public
        assert suggest(waiting.word[:4]) == []
    with django_assert_num_queries(1):
        assert suggest(waiting.word[:4]) == []
    change(waiting.article, status=Article.Status.PUBLISHED)
    assert suggest(waiting.word[:4]) != []
    indexing.update()
    with django_assert_num_queries(1):
        assert suggest("zeppelin") == []


def test_a_transaction_that_is_rolled_back_leaves_nothing_known(waiting: Case) -> None:
    with transaction.atomic():
        change(waiting.article, status=Article.Status.PUBLISHED)
        assert search(waiting.word).count() == 1
        transaction.set_rollback(True)
    assert search(waiting.word).count() == 0
    assert suggest(waiting.word[:4]) == []


def test_a_row_whose_source_raises_is_hidden_until_it_is_mended(
    waiting: Case, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    change(waiting.article, status=Article.Status.PUBLISHED)
    assert search(waiting.word).facets["tag"]

    def broken(self: ArticleSource, article: Article) -> tuple[str, ...]:
        raise ValueError(f"no audience for {waiting.word}")

    change(waiting.article, summary="Changed.")
    with monkeypatch.context() as patch:
        patch.setattr(ArticleSource, "audiences", broken)
        assert suggest(waiting.word[:4]) == []
    assert waiting.word not in caplog.text


def test_other_engines_do_not_matter(waiting: Case, django_assert_num_queries: Any) -> None:
    PendingChange.objects.update(engine="another")
    assert suggest(waiting.word[:4]) != [], "this engine was never told"
