"""The admin: search in change lists, articles, tags, pending changes, and who may do what."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from datetime import timezone as fixed
from html.parser import HTMLParser
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.contrib.messages import get_messages
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from newsindex.admin import SearchAdminMixin
from newsindex.engines.base import SearchPage, SearchRequest
from newsindex.engines.memory import MemoryEngine
from newsindex.exceptions import EngineError
from newsindex.indexing import update
from newsindex.models import Article, PendingChange, Tag
from newsindex.searching import search
from tests.blog.admin import PostAdmin
from tests.blog.models import Chapter, Note, Post, Story, Topic, Writer
from tests.factories import make_article

pytestmark = pytest.mark.django_db

ARTICLES = "/admin/newsindex/article/"
TAGS = "/admin/newsindex/tag/"
PENDING = "/admin/newsindex/pendingchange/"
POSTS = "/admin/blog/post/"
LIVE_POSTS = "/admin/blog/livepost/"
NOTES = "/admin/blog/note/"
APPS = ("newsindex", "blog")
SCRIPT = "<script>alert(1)</script>"


class CountingEngine(MemoryEngine):
    """The memory engine, which remembers what it was asked."""

    asked: list[SearchRequest] = []

    def search(self, request: SearchRequest) -> SearchPage:
        self.asked.append(request)
        return super().search(request)


class BrokenEngine(MemoryEngine):
    """An engine whose index can't be read."""

    def search(self, request: SearchRequest) -> SearchPage:
        raise EngineError("the disk is gone")


class ForgetfulEngine(MemoryEngine):
    """An engine that finds rows but fails when asked where they match."""

    def search(self, request: SearchRequest) -> SearchPage:
        if request.content:
            raise EngineError("the texts are gone")
        return super().search(request)


class Scripts(HTMLParser):
    """The elements of a page that could run a script of somebody else."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "script" and "src" not in given and given.get("type") != "application/json":
            self.found.append("script")
        self.found += [name for name, _ in attrs if name.startswith("on")]


def use_engine(settings: Any, engine: type[MemoryEngine]) -> None:
    settings.NEWSINDEX = {"default": {"BACKEND": f"{__name__}.{engine.__name__}", "OPTIONS": {}}}


def make_post(headline: str, body: str = "", **fields: Any) -> Post:
    fields.setdefault("slug", f"post-{Post.objects.count() + 1}")
    return Post.objects.create(headline=headline, body=f"<p>{body}</p>", **fields)


def titles(response: Any) -> list[str]:
    return [str(row) for row in response.context["cl"].result_list]


def said(response: Any) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


def found(client: Client, url: str, text: str, **parameters: str) -> list[str]:
    response = client.get(url, {"q": text, **parameters})
    assert response.status_code == 200
    return titles(response)


def staff(*permissions: str) -> Client:
    """A client logged in as a member of staff who may do just this: "view_article" and so on."""
    user = User.objects.create_user(f"user-{User.objects.count() + 1}", is_staff=True)
    for codename in permissions:
        user.user_permissions.add(*Permission.objects.filter(codename=codename, content_type__app_label__in=APPS))
    client = Client()
    client.force_login(user)
    return client


def post_action(client: Client, url: str, action: str, rows: Any, **data: Any) -> Any:
    pks = [row.pk for row in rows]
    return client.post(url, {"action": action, "_selected_action": pks, "index": "0", **data})


class TestSearch:
    def test_finds_paragraphs_in_any_inflection_drafts_too(self, admin_client: Client) -> None:
        now = timezone.now()
        make_article("Bridge", "The town mends its bridges.")
        make_article("Draft", "A bridge is drawn.", status="draft")
        make_article("Later", "A bridge opens.", published_at=now + timedelta(days=1))
        make_article("Gone", "A bridge fell.", expires_at=now - timedelta(days=1))
        make_article("Other", "A road is mended.")
        update()
        assert set(found(admin_client, ARTICLES, "bridge")) == {"Bridge", "Draft", "Later", "Gone"}
        assert found(admin_client, ARTICLES, '"bridge is drawn"') == ["Draft"]
        assert found(admin_client, ARTICLES, "mended -bridge") == ["Other"]
        assert found(admin_client, ARTICLES, "zeppelin") == []

    def test_a_row_that_was_just_saved_is_found_without_a_command(
        self, admin_client: Client, django_capture_on_commit_callbacks: Any
    ) -> None:
        with django_capture_on_commit_callbacks(execute=True):
            make_article("Fresh", "A heron landed.")
        assert found(admin_client, ARTICLES, "heron") == ["Fresh"]

    def test_only_rows_of_the_model(self, admin_client: Client) -> None:
        make_article("An article", "A heron landed.")
        make_post("A post", "A heron landed.")
        update()
        assert found(admin_client, POSTS, "heron") == ["A post"]

    def test_uuid_keys_and_proxies(self, admin_client: Client) -> None:
        wanted = Note.objects.create(id=uuid.uuid4(), text="A heron landed.")
        Note.objects.create(text="A stork landed.")
        make_post("Live", "A heron landed.")
        make_post("Draft", "A heron landed.", status="draft")
        update()
        assert found(admin_client, NOTES, "heron") == [str(wanted)]
        assert found(admin_client, LIVE_POSTS, "heron") == ["Live"]

    def test_nothing_asked_is_djangos_own_list(self, admin_client: Client, settings: Any) -> None:
        use_engine(settings, BrokenEngine)
        make_post("B")
        make_post("A")
        for text in ("", "   "):
            response = admin_client.get(POSTS, {"q": text})
            assert titles(response) == ["A", "B"]
            assert "Found in" not in response.content.decode()


class TestOrder:
    @pytest.fixture(autouse=True)
    def posts(self) -> None:
        for number in range(12):
            make_post(f"Post {number:02}", "heron " * (number + 1) + "stone " * 20)
        update()

    def test_relevance_while_no_column_is_chosen_the_same_on_all_pages(self, admin_client: Client) -> None:
        pages = [found(admin_client, POSTS, "heron", p=str(page)) for page in (1, 2, 3)]
        assert [len(page) for page in pages] == [5, 5, 2]
        assert sum(pages, []) == [f"Post {number:02}" for number in reversed(range(12))]

    def test_a_chosen_column_sorts(self, admin_client: Client) -> None:
        columns = admin_client.get(POSTS, {"q": "heron"}).context["cl"].list_display
        headline = str(columns.index("headline"))
        assert found(admin_client, POSTS, "heron", o=headline)[0] == "Post 00"
        assert found(admin_client, POSTS, "heron", o=f"-{headline}")[0] == "Post 11"

    def test_no_column_claims_the_order_of_relevance(self, admin_client: Client) -> None:
        def sorted_columns(**parameters: str) -> dict[int, str]:
            return admin_client.get(POSTS, parameters).context["cl"].get_ordering_field_columns()

        assert sorted_columns() == {1: "asc"}
        assert sorted_columns(q="heron") == {}
        assert sorted_columns(q="heron", o="-1") == {1: "desc"}

    def test_a_filter_that_joins_repeats_no_row(self, admin_client: Client) -> None:
        post = Post.objects.get(headline="Post 03")
        topics = [Topic.objects.create(name="Birds"), Topic.objects.create(name="Water")]
        post.topics.set(topics)
        update()
        assert found(admin_client, POSTS, "heron", topics__id__exact=str(topics[0].pk)) == ["Post 03"]

    def test_a_cap_keeps_the_best_and_says_so(self, admin_client: Client, monkeypatch: Any) -> None:
        monkeypatch.setattr(PostAdmin, "search_limit", 3)
        response = admin_client.get(POSTS, {"q": "heron"})
        assert titles(response) == ["Post 11", "Post 10", "Post 09"]
        assert said(response) == ["12 rows match; these are the best 3. Add a word to narrow it down."]


class TestDjangosOwn:
    """What Django does with a change list goes on working in a search."""

    def test_filters_facets_and_date_hierarchy(self, admin_client: Client) -> None:
        spring = timezone.now().replace(year=2024, month=3, day=5)
        make_article("Dry", "heron", section="Nature", published_at=spring, tags=["Birds"])
        make_article("Wet", "heron", section="Nature", status="draft", tags=["Birds", "Rain"])
        make_article("Far", "stork", section="World", tags=["Rain"])
        update()
        assert found(admin_client, ARTICLES, "heron", status__exact="draft") == ["Wet"]
        assert found(admin_client, ARTICLES, "heron", section="World") == []
        assert found(admin_client, ARTICLES, "heron", tag="rain") == ["Wet"]
        assert found(admin_client, ARTICLES, "heron", published_at__year="2024") == ["Dry"]
        page = admin_client.get(ARTICLES, {"q": "heron", "_facets": "True"}).content.decode()
        for count in ("Draft (1)", "Published (1)", "Nature (2)", "World (0)", "Birds (2)", "Rain (1)"):
            assert count in page

    def test_counts(self, admin_client: Client) -> None:
        for number in range(7):
            make_post(f"Post {number}", "heron" if number < 6 else "stork")
        update()
        changelist = admin_client.get(POSTS, {"q": "heron"}).context["cl"]
        assert (changelist.result_count, changelist.full_result_count) == (6, 7)
        assert len(changelist.result_list) == 5

    def test_editing_in_the_list(self, admin_client: Client) -> None:
        post = make_post("Post", "heron")
        make_post("Other", "stork")
        update()
        data = {
            "form-TOTAL_FORMS": "1",
            "form-INITIAL_FORMS": "1",
            "form-0-id": str(post.pk),
            "form-0-status": "draft",
            "_save": "Save",
        }
        assert admin_client.post(f"{POSTS}?q=heron", data).status_code == 302
        post.refresh_from_db()
        assert post.status == "draft"
        invalid = admin_client.post(f"{POSTS}?q=heron", {**data, "form-0-status": ""})
        assert invalid.status_code == 200
        assert "Please correct the error below." in invalid.content.decode()
        assert "<mark>heron</mark>" in invalid.content.decode()

    def test_an_action_on_all_that_match(self, admin_client: Client) -> None:
        for number in range(6):
            make_article(f"Article {number}", "heron" if number < 4 else "stork", status="draft")
        update()
        some = Article.objects.filter(title="Article 0")
        response = post_action(admin_client, f"{ARTICLES}?q=heron", "publish", some, select_across="1")
        assert response.status_code == 302
        assert Article.objects.published().count() == 4

    def test_autocomplete_takes_the_last_word_as_unfinished(self, admin_client: Client) -> None:
        make_article("Herons of the Havel", "They stand and wait.")
        make_article("Havel", "A river.", status="draft")
        make_article("Storks", "They clatter.")
        update()

        def completed(term: str, client: Client = admin_client) -> list[str]:
            field = {"app_label": "newsindex", "model_name": "taggedarticle", "field_name": "content_object"}
            response = client.get("/admin/autocomplete/", {"term": term, **field})
            assert response.status_code == 200
            return [row["text"] for row in response.json()["results"]]

        assert completed("her") == ["Herons of the Havel"]
        assert set(completed("hav")) == {"Herons of the Havel", "Havel"}
        assert completed("havel he") == ["Herons of the Havel"]
        assert completed("xyz") == []
        assert len(completed("")) == 3
        assert said(admin_client.get(ARTICLES)) == []


class TestColumn:
    def test_shows_the_best_paragraph_marked_only_in_a_search(self, admin_client: Client) -> None:
        make_article("Birds", "Nothing here.\n\nTwo herons stood & waited.")
        update()
        page = admin_client.get(ARTICLES, {"q": "heron"}).content.decode()
        assert "Two <mark>herons</mark> stood &amp; waited." in page
        assert "Nothing here." not in page
        assert "Found in" in page
        assert "Found in" not in admin_client.get(ARTICLES).content.decode()

    def test_shows_the_title_or_the_tags_where_no_paragraph_matches(self, admin_client: Client) -> None:
        make_article("A heron", "Nothing here.")
        make_article("Tagged", "Nothing here.", tags=["Heron"])
        update()
        page = admin_client.get(ARTICLES, {"q": "heron"}).content.decode()
        assert "A <mark>heron</mark>" in page
        assert '<td class="field-matching_paragraph">Heron <a ' in page

    def test_stands_where_the_admin_placed_it(self, admin_client: Client) -> None:
        make_post("Post", "heron")
        update()

        def columns(**parameters: str) -> list[str]:
            shown = admin_client.get(LIVE_POSTS, parameters).context["cl"].list_display
            return [getattr(column, "__name__", column) for column in shown]

        assert columns(q="heron") == ["action_checkbox", "headline", "matching_paragraph", "status"]
        assert columns() == ["action_checkbox", "headline", "status"]

    def test_its_style_comes_beside_that_of_the_admin(self, admin_client: Client) -> None:
        page = admin_client.get(POSTS).content.decode()
        assert "newsindex/admin.css" in page
        assert "blog/admin.css" in page

    def test_costs_two_questions_and_the_same_queries_for_many_rows(self, admin_client: Client, settings: Any) -> None:
        use_engine(settings, CountingEngine)
        costs = []
        for count in (1, 30):
            for number in range(count):
                make_article(f"Article {count} {number}", "heron", tags=["Birds"], section="Nature")
            update()
            CountingEngine.asked.clear()
            with CaptureQueriesContext(connection) as queries:
                admin_client.get(ARTICLES, {"q": "heron", "_facets": "True"})
            costs.append((len(queries), len(CountingEngine.asked)))
        assert costs[0] == costs[1]
        assert costs[0][1] == 2


class TestTrouble:
    def test_what_was_ignored_is_said_once(self, admin_client: Client) -> None:
        make_article("Birds", "A heron landed.")
        update()
        response = admin_client.get(ARTICLES, {"q": '"heron', "_facets": "True"})
        assert titles(response) == ["Birds"]
        assert len(said(response)) == 1
        assert said(admin_client.get(ARTICLES)) == []
        posted = post_action(admin_client, f'{ARTICLES}?q="heron', "unpublish", Article.objects.all())
        assert said(posted) == ["1 article was unpublished."]

    def test_without_an_engine_django_searches_and_the_page_says_so(self, admin_client: Client, settings: Any) -> None:
        make_post("Heron", "It landed.")
        make_post("Stork", "It clattered.")
        use_engine(settings, BrokenEngine)
        response = admin_client.get(POSTS, {"q": "landed OR heron"})
        assert titles(response) == ["Heron"]
        [message] = said(response)
        assert "the disk is gone" in message
        assert admin_client.get(POSTS, {"q": "landed", "_facets": "True"}).status_code == 200

    def test_rows_are_listed_even_where_their_paragraphs_are_gone(self, admin_client: Client, settings: Any) -> None:
        use_engine(settings, ForgetfulEngine)
        make_post("Heron", "It landed.")
        update()
        response = admin_client.get(POSTS, {"q": "landed"})
        assert titles(response) == ["Heron"]
        assert said(response) == ["The search index can’t say where these rows match (the texts are gone)."]

    def test_another_spelling_is_offered_with_a_link(self, admin_client: Client) -> None:
        make_post("Heron", "It landed & rested.")
        make_article("Harbour", "Only here stands the word lighthouse.")
        update()
        response = admin_client.get(POSTS, {"q": "landde", "_facets": "True"})
        assert titles(response) == []
        assert said(response) == ['Did you mean <a href="?_facets=True&amp;q=landed">landed</a>?']
        assert said(response)[0] in response.content.decode()
        assert titles(admin_client.get(POSTS, {"q": "landed"})) == ["Heron"]
        # It stands in another model, whose rows somebody else may see.
        assert said(admin_client.get(POSTS, {"q": "lighthuose"})) == []
        assert said(admin_client.get(ARTICLES, {"q": "lighthuose"})) != []

    def test_any_of_the_words_are_offered_where_no_row_has_all(self, admin_client: Client) -> None:
        make_post("Heron", "It landed.")
        make_post("Stork", "It clattered.")
        update()
        response = admin_client.get(POSTS, {"q": "landed clattered"})
        assert titles(response) == []
        assert said(response) == [
            'No row has all of these words. Search for any: <a href="?q=landed+OR+clattered">landed OR clattered</a>'
        ]
        assert said(admin_client.get(POSTS, {"q": "zeppelin balloon"})) == []

    def test_nothing_is_offered_of_rows_that_the_admin_leaves_out(
        self, admin_client: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        make_post("Heron", "It landed.")
        make_post("Stork", "It clattered.")
        update()
        model_admin = admin.site._registry[Post]
        monkeypatch.setattr(model_admin, "get_queryset", lambda request: Post.objects.filter(headline="Stork"))
        assert said(admin_client.get(POSTS, {"q": "landde"})) == []
        assert said(admin_client.get(POSTS, {"q": "clatterde"})) != []

    @pytest.mark.parametrize("engine", [MemoryEngine, BrokenEngine])
    @pytest.mark.parametrize(
        "text",
        [
            '"', "'", "(", ")", "*", "-", "~", ":", "OR", "tag:", '""', "\\", "%", "_", "a\x00b", "\ud800", "'\"'\"",
            "(" * 5_000, ")" * 5_000, "a" * 100_000, "a " * 50_000, '"a" ' * 5_000, "-a " * 5_000, "a* " * 500,
            "tag:x", "after:2024-13-99", "after:99999-01-01", "\u202e" * 50, "ﷺ" * 500, SCRIPT,
        ],
        ids=lambda value: value[:12] if isinstance(value, str) else value.__name__,
    )  # fmt: skip
    def test_no_query_breaks_the_page(
        self, admin_client: Client, settings: Any, engine: type[MemoryEngine], text: str
    ) -> None:
        make_article("Birds", "A heron landed.", tags=["Birds"])
        update()
        if engine is not MemoryEngine:
            use_engine(settings, engine)
        response = admin_client.get(ARTICLES, {"q": text.encode("utf-8", "surrogatepass"), "_facets": "True"})
        assert response.status_code == 200

    def test_markup_is_inert_everywhere(self, admin_client: Client) -> None:
        make_article(SCRIPT, f"heron {SCRIPT}", tags=[SCRIPT, "b"], section=SCRIPT, status="draft")
        make_post(SCRIPT, f"heron {SCRIPT}")
        update()
        tags = Tag.objects.all()
        article = Article.objects.get()
        responses = [
            admin_client.get(ARTICLES, {"q": "heron", "_facets": "True"}),
            admin_client.get(ARTICLES, {"q": f'{SCRIPT} "heron', "_facets": "True"}),
            admin_client.get(f"{ARTICLES}{article.pk}/change/"),
            admin_client.get(POSTS, {"q": "alert"}),
            admin_client.get(TAGS, {"q": SCRIPT}),
            post_action(admin_client, TAGS, "merge_tags", tags),
            admin_client.get(PENDING),
        ]
        for response in responses:
            assert response.status_code == 200
            scripts = Scripts()
            scripts.feed(response.content.decode())
            assert scripts.found == []
            assert SCRIPT not in response.content.decode()

    def test_a_model_without_a_source_is_reported(self) -> None:
        class WriterAdmin(SearchAdminMixin, admin.ModelAdmin):
            pass

        [error] = WriterAdmin(Writer, admin.AdminSite()).check()
        assert error.id == "newsindex.E009"
        assert "blog.Writer" in error.msg
        assert PostAdmin(Post, admin.site).check() == []


class TestArticleAdmin:
    def test_says_what_a_visitor_sees(self, admin_client: Client) -> None:
        now = timezone.now()
        day = timedelta(days=1)
        make_article("1", status="draft", published_at=now + day)
        make_article("2", published_at=now + day)
        make_article("3", published_at=now - day, expires_at=now + day)
        make_article("4", published_at=now - 2 * day, expires_at=now - day)
        response = admin_client.get(ARTICLES)
        page = response.content.decode()
        model_admin = response.context["cl"].model_admin
        states = {article.title: model_admin.visibility(article) for article in Article.objects.all()}
        assert states == {"1": "Draft", "2": "Scheduled", "3": "Live", "4": "Expired"}
        assert '<td class="field-visibility">Scheduled</td>' in page

    def test_saving_the_form_indexes_text_and_tags(
        self, admin_client: Client, django_capture_on_commit_callbacks: Any
    ) -> None:
        form = {
            "title": "Birds",
            "slug": "birds",
            "body": "A heron landed.",
            "body_format": "plain",
            "status": "published",
            "tags": "Havel, Water",
        }
        with django_capture_on_commit_callbacks(execute=True):
            response = admin_client.post(f"{ARTICLES}add/", form)
        assert response.status_code == 302
        assert [result.tags for result in search("heron tag:water")] == [("Havel", "Water")]

    def test_publish_and_unpublish_reach_the_index(self, admin_client: Client) -> None:
        now = timezone.now()
        fresh = make_article("Fresh", "heron", status="draft")
        old = make_article("Old", "heron", status="draft", published_at=now - timedelta(days=9))
        done = make_article("Done", "heron", status="draft", expires_at=now - timedelta(days=1))
        update()
        assert search("heron").count() == 0
        response = post_action(admin_client, ARTICLES, "publish", [fresh, old, done])
        assert said(response) == ["3 articles were published."]
        update()
        assert {result.object.title for result in search("heron")} == {"Fresh", "Old"}
        fresh.refresh_from_db()
        assert fresh.published_at is not None and fresh.published_at >= now
        old.refresh_from_db()
        assert old.published_at == now - timedelta(days=9)
        assert LogEntry.objects.count() == 3
        assert LogEntry.objects.first().get_change_message() == "Changed Status."
        admin_client.get(ARTICLES)
        again = post_action(admin_client, ARTICLES, "publish", [fresh])
        assert said(again) == ["0 articles were published."]
        post_action(admin_client, ARTICLES, "unpublish", [fresh, old])
        update()
        assert search("heron").count() == 0
        assert found(admin_client, ARTICLES, "heron") != []

    def test_links_to_the_page(self, admin_client: Client) -> None:
        article = make_article("Birds")
        assert article.get_absolute_url() in admin_client.get(f"{ARTICLES}{article.pk}/change/").content.decode()

    def test_the_tag_filter_offers_used_tags_and_the_chosen_one(self, admin_client: Client, monkeypatch: Any) -> None:
        monkeypatch.setattr("newsindex.admin.articles.TagFilter.offered", 1)
        make_article("1", tags=["Birds"])
        make_article("2", tags=["Birds", "Rain"])
        Tag.objects.create(name="Unused")
        [spec] = [s for s in admin_client.get(ARTICLES).context["cl"].filter_specs if s.title == "tag"]
        assert spec.lookup_choices == [("birds", "Birds")]
        assert len(titles(admin_client.get(ARTICLES, {"tag": "a\x00b"}))) == 2
        response = admin_client.get(ARTICLES, {"tag": "rain"})
        assert titles(response) == ["2"]
        [spec] = [s for s in response.context["cl"].filter_specs if s.title == "tag"]
        assert spec.lookup_choices == [("birds", "Birds"), ("rain", "Rain")]


class TestTagAdmin:
    def test_counts_articles_and_sorts_by_them(self, admin_client: Client) -> None:
        make_article("1", tags=["Birds", "Rain"])
        make_article("2", tags=["Rain"])
        response = admin_client.get(TAGS, {"o": "-3"})
        assert [(tag.name, tag.article_count) for tag in response.context["cl"].result_list] == [
            ("Rain", 2),
            ("Birds", 1),
        ]

    def test_renaming_reaches_the_index(self, admin_client: Client) -> None:
        make_article("1", tags=["Birds"])
        update()
        tag = Tag.objects.get()
        admin_client.post(f"{TAGS}{tag.pk}/change/", {"name": "Fowl", "slug": "fowl"})
        update()
        assert search("tag:fowl").count() == 1
        assert search("tag:birds").count() == 0

    def test_merging_moves_articles_once_and_is_logged(self, admin_client: Client) -> None:
        make_article("1", tags=["Birds"])
        make_article("2", tags=["Bird", "Birds"])
        make_article("3", tags=["Fowl", "Bird"])
        make_article("4", tags=["Fowl"])
        update()
        tags = list(Tag.objects.order_by("pk"))
        page = post_action(admin_client, TAGS, "merge_tags", tags)
        assert page.status_code == 200
        assert Tag.objects.count() == 3
        target = Tag.objects.get(name="Birds")
        response = post_action(admin_client, TAGS, "merge_tags", tags, merge="1", target=target.pk)
        assert response.status_code == 302
        assert list(Tag.objects.all()) == [target]
        assert [list(article.tags.names()) for article in Article.objects.all()] == [["Birds"]] * 4
        update()
        assert search("tag:birds").count() == 4
        assert search("tag:bird OR tag:fowl").count() == 0
        entries = LogEntry.objects.order_by("pk")
        assert [(entry.object_repr, entry.get_change_message()) for entry in entries] == [
            ("Bird", ""),
            ("Fowl", ""),
            ("Birds", "Merged with Bird, Fowl."),
        ]

    def test_merging_without_a_valid_target_asks_again(self, admin_client: Client) -> None:
        make_article("1", tags=["Birds", "Bird"])
        other = Tag.objects.create(name="Other")
        tags = Tag.objects.exclude(pk=other.pk)
        for target, message in (("", "Choose the tag that stays."), (other.pk, "Choose one of the tags")):
            response = post_action(admin_client, TAGS, "merge_tags", tags, merge="1", target=target)
            assert response.status_code == 200
            assert message in response.content.decode()
        assert Tag.objects.count() == 3

    def test_merging_needs_two_tags(self, admin_client: Client) -> None:
        tag = Tag.objects.create(name="Birds")
        response = post_action(admin_client, TAGS, "merge_tags", [tag], merge="1", target=tag.pk)
        assert said(response) == ["Choose between two and 200 tags to merge; no tag was changed."]
        assert Tag.objects.count() == 1

    def test_merging_asks_for_a_token(self, admin_user: User) -> None:
        client = Client(enforce_csrf_checks=True)
        client.force_login(admin_user)
        tags = [Tag.objects.create(name="Birds"), Tag.objects.create(name="Bird")]
        response = post_action(client, TAGS, "merge_tags", tags, merge="1", target=tags[0].pk)
        assert response.status_code == 403
        assert Tag.objects.count() == 2


class TestPermissions:
    PAGES = {
        ARTICLES: ("view_article", "change_article"),
        f"{ARTICLES}?q=heron": ("view_article", "change_article"),
        f"{ARTICLES}add/": ("add_article",),
        TAGS: ("view_tag", "change_tag"),
        f"{TAGS}add/": ("add_tag",),
        PENDING: ("view_pendingchange",),
        POSTS: ("view_post", "change_post"),
    }
    GIVEN = ("view_article", "change_article", "add_article", "view_tag", "change_tag", "view_pendingchange")

    @pytest.mark.parametrize("page", PAGES)
    def test_pages(self, page: str, admin_client: Client) -> None:
        make_article("Secret", "heron", status="draft", tags=["Birds"])
        update()
        assert Client().get(page).status_code == 302
        assert staff().get(page).status_code == 403
        assert admin_client.get(page).status_code == 200
        for permission in self.GIVEN:
            allowed = permission in self.PAGES[page]
            response = staff(permission).get(page)
            assert response.status_code == (200 if allowed else 403), permission
            assert allowed or "Secret" not in response.content.decode()

    def test_autocomplete_shows_titles_to_those_who_may_view(self) -> None:
        make_article("Secret", "heron", status="draft")
        update()
        field = {"app_label": "newsindex", "model_name": "taggedarticle", "field_name": "content_object"}
        for client, status in ((Client(), 302), (staff(), 403), (staff("view_tag"), 403)):
            response = client.get("/admin/autocomplete/", {"term": "heron", **field})
            assert response.status_code == status
            assert "Secret" not in response.content.decode()
        assert staff("view_article").get("/admin/autocomplete/", {"term": "heron", **field}).status_code == 200

    @pytest.mark.parametrize(
        ("permissions", "changes"),
        [((), False), (("view_article",), False), (("view_article", "change_article"), True)],
    )
    def test_publishing_needs_change(self, permissions: tuple[str, ...], changes: bool) -> None:
        article = make_article("Birds", status="draft")
        post_action(staff(*permissions), ARTICLES, "publish", [article])
        post_action(Client(), ARTICLES, "publish", [article])
        assert Article.objects.published().exists() is changes
        Article.objects.update(status="published")
        post_action(staff(*permissions), ARTICLES, "unpublish", [article])
        assert Article.objects.published().exists() is not changes

    @pytest.mark.parametrize(
        ("permissions", "merges"),
        [
            ((), False),
            (("view_tag",), False),
            (("view_tag", "change_tag"), False),
            (("view_tag", "delete_tag"), False),
            (("view_tag", "change_tag", "delete_tag"), True),
        ],
    )
    def test_merging_needs_change_and_delete(self, permissions: tuple[str, ...], merges: bool) -> None:
        tags = [Tag.objects.create(name="Birds"), Tag.objects.create(name="Bird")]
        client = staff(*permissions)
        assert ('value="merge_tags"' in client.get(TAGS).content.decode()) is merges
        page = post_action(client, TAGS, "merge_tags", tags)
        assert ("Tag that stays" in page.content.decode()) is merges
        post_action(client, TAGS, "merge_tags", tags, merge="1", target=tags[0].pk)
        post_action(Client(), TAGS, "merge_tags", tags, merge="1", target=tags[0].pk)
        assert Tag.objects.count() == (1 if merges else 2)

    def test_pending_changes_are_only_for_looking_at(self, admin_client: Client) -> None:
        change = PendingChange.objects.create(source="blog.post", object_pk="77", error=f"Bad text {SCRIPT}")
        page = admin_client.get(PENDING).content.decode()
        assert "Bad text" in page and "blog.post" in page
        assert "delete_selected" not in page
        assert admin_client.get(f"{PENDING}add/").status_code == 403
        assert admin_client.post(f"{PENDING}{change.pk}/delete/", {"post": "yes"}).status_code == 403
        assert admin_client.post(f"{PENDING}{change.pk}/change/", {"object_pk": "1"}).status_code == 403
        assert admin_client.get(f"{PENDING}{change.pk}/change/").status_code == 200
        assert PendingChange.objects.get().object_pk == "77"


# Why a row stands where it does.


def test_a_search_links_to_where_each_score_comes_from(admin_client: Client) -> None:
    draft = make_article("Draft", "Eels in the river.\n\nEels.", status=Article.Status.DRAFT)
    update()
    content = admin_client.get(ARTICLES, {"q": "eel OR <b>"}).content.decode()
    assert f'href="{ARTICLES}{draft.pk}/explain/?q=eel+OR+%3Cb%3E"' in content
    page = admin_client.get(f"{ARTICLES}{draft.pk}/explain/", {"q": "eel lorry <b>"})
    assert "no-store" in page["Cache-Control"]
    content = page.content.decode()
    for shown in (
        "Why here?",
        "It lacks:",
        "<code>lorry</code>",
        "<q>Eels</q>",
        "idf",
        "Best paragraphs:",
        "&lt;b&gt;",
    ):
        assert shown in content
    assert "<b>" not in content
    assert "Why here?" not in admin_client.get(ARTICLES).content.decode()


@pytest.mark.parametrize(("permissions", "status"), [((), 403), (("view_tag",), 403), (("view_article",), 200)])
def test_only_who_may_see_a_row_may_ask_why(permissions: tuple[str, ...], status: int) -> None:
    article = make_article("Eels", "Eels in the river.")
    user = User.objects.create_user("ida", password="x", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    assert client.get(f"{ARTICLES}{article.pk}/explain/", {"q": "eel"}).status_code == 302
    client.force_login(user)
    assert client.get(f"{ARTICLES}{article.pk}/explain/", {"q": "eel"}).status_code == status


def test_there_is_nothing_to_explain_of_a_row_that_is_not_there(admin_client: Client, monkeypatch: Any) -> None:
    assert admin_client.get(f"{ARTICLES}999/explain/", {"q": "eel"}).status_code == 404
    # A site's own admin may leave rows out.
    hidden = Note.objects.create(id=uuid.uuid4(), text="eel")
    assert admin_client.get(f"{NOTES}{hidden.pk}/explain/", {"q": "eel"}).status_code == 200
    monkeypatch.setattr(type(admin.site._registry[Note]), "get_queryset", lambda self, request: Note.objects.none())
    assert admin_client.get(f"{NOTES}{hidden.pk}/explain/", {"q": "eel"}).status_code == 404


def test_an_autocomplete_field_may_point_to_an_admin_that_names_no_fields() -> None:
    class ChapterAdmin(admin.ModelAdmin):
        autocomplete_fields = ("story",)

    class StoryAdmin(SearchAdminMixin, admin.ModelAdmin):
        pass

    site = admin.AdminSite()
    site.register(Story, StoryAdmin)
    found = [error.id for error in ChapterAdmin(Chapter, site).check()]
    # Django checks every site there is, and this one would complain that a story has no source.
    site.unregister(Story)
    assert "admin.E040" not in found


@pytest.mark.parametrize(
    ("zone", "moment"),
    [
        ("America/New_York", datetime(1, 1, 1, tzinfo=fixed.utc)),
        ("Asia/Tokyo", datetime(9999, 12, 31, 20, tzinfo=fixed.utc)),
    ],
)
def test_a_date_outside_the_local_calendar_is_shown(
    admin_client: Client, settings: Any, zone: str, moment: datetime
) -> None:
    settings.TIME_ZONE = zone
    article = make_article("Rain", "x", published_at=moment)
    make_article("Sun", "x", published_at=datetime(2026, 1, 1, tzinfo=fixed.utc))
    update()
    for path in (ARTICLES, f"{ARTICLES}?q=rain", f"{ARTICLES}{article.pk}/change/", article.get_absolute_url()):
        answer = admin_client.get(path)
        assert answer.status_code == 200
        assert f"{moment.year:04}" in answer.content.decode()


def test_a_date_outside_the_calendar_is_refused(admin_client: Client) -> None:
    article = make_article("Rain", "x")
    for day in ("0001-01-01", "9999-12-31"):
        form = admin_client.get(f"{ARTICLES}{article.pk}/change/").context["adminform"].form
        data = {name: form[name].value() or "" for name in form.fields} | {
            "published_at_0": day,
            "published_at_1": "00:00",
        }
        answer = admin_client.post(f"{ARTICLES}{article.pk}/change/", data)
        assert answer.context["errors"] == [["Enter a valid date."]]
