"""Completions while typing: words, names and titles of what the asker may see, and in which order."""

from __future__ import annotations

from dataclasses import replace

import pytest

from newsindex.engines.base import SUGGESTION_KINDS, Engine, Suggestion
from newsindex.engines.completion import MANY_ARTICLES, MOST_READ, MOST_TITLES, READ_FIRST
from tests.contract.asking import EVERYBODY, NOW, article, day, index
from tests.contract.news import NEWS

pytestmark = pytest.mark.needs("supports_suggest")


def complete(engine: Engine, text: str, limit: int = 8, **how: object) -> list[tuple[str, str]]:
    found = engine.suggest(text, **{"now": NOW, "audiences": EVERYBODY, "limit": limit, **how})  # type: ignore[arg-type]
    return [(one.kind, one.text) for one in found]


def words(engine: Engine, text: str, limit: int = 8) -> list[str]:
    return [text for _, text in complete(engine, text, limit, kinds=("word",))]


def titles(engine: Engine, text: str) -> list[str]:
    return [text for _, text in complete(engine, text, kinds=("title",))]


def test_words_then_names_then_titles(engine: Engine) -> None:
    index(
        engine,
        article(1, "Bakers strike", "baking powder", published_at=day(2025, 1, 1), authors=("Ida Baker",)),
        article(2, "The bakers of Mill Lane", "bakery", published_at=day(2026, 2, 1), tags=("Bakelite",)),
        article(3, "A bakery opens", "", section="Bakeries", published_at=day(2026, 1, 1)),
    )
    found = complete(engine, "bak")
    assert found == [
        ("word", "bakers"),
        ("word", "bakery"),
        ("word", "baking"),
        ("tag", "Bakelite"),
        ("section", "Bakeries"),
        ("title", "Bakers strike"),
        ("title", "The bakers of Mill Lane"),
        ("title", "A bakery opens"),
    ]
    for limit in range(10):
        assert len(complete(engine, "bak", limit)) == min(limit, 9)
    assert complete(engine, "bak", 1) == [("word", "bakers")]


def test_one_kind_takes_the_places_that_others_leave(engine: Engine) -> None:
    index(engine, *(article(number, f"Dock: {number}") for number in range(12)))
    assert [kind for kind, _ in complete(engine, "dock")] == ["title"] * 8
    assert [kind for kind, _ in complete(engine, "do")] == ["word"] + ["title"] * 7
    assert complete(engine, "do", kinds=()) == []
    assert {kind for kind, _ in complete(engine, "do", kinds=SUGGESTION_KINDS)} == {"word", "title"}


def test_words_follow_those_before(engine: Engine) -> None:
    index(
        engine,
        article(1, "", "The climate change bill. Cheap climate talk.", published_at=day(2026, 1, 1)),
        article(2, "", "Climate change is here.", published_at=day(2026, 1, 2)),
        article(3, "Climate charter", "", published_at=day(2026, 1, 3)),
        article(4, "", "A chance of rain."),
    )
    assert words(engine, "climate ch") == ["climate change", "climate charter", "climate cheap"]
    assert words(engine, "Climate ") == ["Climate change", "Climate charter", "Climate talk"]
    assert words(engine, "climate", 2) == ["climate change", "climate charter"]
    assert words(engine, "rain ch") == ["rain chance"]
    assert words(engine, "snow ch") == []


def test_where_nothing_follows_the_word_is_completed_beside_the_others(engine: Engine) -> None:
    """The newest articles with "security" say nothing of it; an older one has both words, none has "vulture" too."""
    index(
        engine,
        article("old", "", "a Vulnerability\n\nof security", published_at=day(2020, 1, 1)),
        article("other", "", "vulture vulture", published_at=day(2020, 1, 2)),
        article("more", "", "vulture", published_at=day(2020, 1, 3)),
        article("hidden", "", "security vulgar", published_at=day(2020, 1, 3), audiences=frozenset({"staff"})),
        *(article(number, "", "security first", published_at=day(2025, 1, 1)) for number in range(MOST_READ)),
    )
    assert words(engine, "security vul") == ["security vulnerability"]
    assert words(engine, "security vu") == []


def test_where_nothing_follows_in_the_newest_articles_all_count(engine: Engine) -> None:
    new, old, later = day(2025, 1, 1), day(2020, 1, 1), day(2030, 1, 1)
    index(
        engine,
        *(article(f"old{n}", "", "async await, async awesome", published_at=old) for n in range(6)),
        *(article(f"near{n}", "", "an awkward async", published_at=old) for n in range(9)),
        *(article(n, "", "an awake async, a bored one", published_at=new) for n in range(READ_FIRST)),
        article("board", "", "async board", published_at=old),
        article("newest", "", "async code", published_at=day(2025, 2, 1)),
        *(article(f"draft{n}", "", "async awning, async awesome", audiences=frozenset()) for n in range(30)),
        *(article(f"later{n}", "", "async awning, async coding", published_at=later) for n in range(30)),
    )
    assert words(engine, "async awe") == ["async awesome"]
    assert words(engine, "async awa") == ["async await", "async awake"]
    assert words(engine, "async awk") == ["async awkward"]
    assert words(engine, "async boa") == ["async board"]
    assert words(engine, "async cod") == ["async code"]


@pytest.mark.parametrize("sign", [".", "…"])
def test_a_version_follows_as_a_whole(engine: Engine, sign: str) -> None:
    """In texts of plain letters and in others."""
    index(engine, article(1, "", f"Kettle 3.3.0-rc1 is here{sign}"), article(2, "", f"Costs of 1,000.50 a year{sign}"))
    assert words(engine, "kettle ") == ["kettle 3.3.0-rc1"]
    assert words(engine, "kettle 3") == ["kettle 3.3.0-rc1"]
    assert words(engine, "kettle 3.3") == ["kettle 3.3.0-rc1"]
    assert words(engine, "costs of ") == ["costs of 1,000.50"]


def test_no_clause_of_a_script_without_spaces_follows(engine: Engine) -> None:
    index(
        engine,
        article("ja", "", "Kettle ではログを三十日間保存します。", language="ja"),
        article("th", "", "Kettle ออกแล้วเมื่อวานนี้", language="th"),
        article("ko", "", "Kettle 출시 소식", language="ko"),
        article("en", "", "Kettle news"),
    )
    assert sorted(words(engine, "kettle ")) == ["kettle news", "kettle 출시"]


def test_what_was_typed_stays(engine: Engine) -> None:
    index(engine, *NEWS)
    assert words(engine, "  River   bursts th") == []
    assert words(engine, "  River   burs", 1) == ["River bursts"]
    assert words(engine, '"sandb') == ['"sandbags"']
    assert words(engine, "title:brid") == ["title:bridge"]
    assert words(engine, "-brid") == ["-bridge"]
    assert words(engine, "zzz OR brid") == ["zzz OR bridge"]
    assert words(engine, "tag:Weather brid") == ["tag:Weather bridge"]


def test_texts_keep_their_letters(engine: Engine) -> None:
    index(
        engine,
        article(1, "Über Brücken", "Die Straße zur Brücke.", language="de", authors=("Jürgen Weiß",)),
        article(2, "", "Die STRASSE. Eine Straße, noch eine Straße.", language="de"),
        article(3, "Naïve e-mail", "Naïve."),
    )
    assert words(engine, "bruck") == words(engine, "Brück") == ["brücke", "brücken"]
    assert words(engine, "stras", 1) == ["straße"]
    assert words(engine, "die stra", 1) == ["die straße"]
    assert words(engine, "nai", 1) == ["naïve"]
    assert words(engine, "ema") == ["e-mail"]
    assert complete(engine, "jurgen w") == [("author", "Jürgen Weiß")]
    assert titles(engine, "uber b") == ["Über Brücken"]


def test_a_capital_i_with_a_dot_becomes_a_small_one(engine: Engine) -> None:
    index(engine, article(1, "", "Vapur İzmir'den geldi.", language="tr"))
    assert words(engine, "iz") == ["izmir"]


def test_an_apostrophe_that_is_a_letter_to_unicode(engine: Engine) -> None:
    index(engine, article(1, "", "Наша памʼять жива.", language="uk", tags=("Maʼno va soʻz", "ʼAmr ʼ")))
    assert words(engine, "пам") == words(engine, "пам'я") == words(engine, "памʼ") == ["памʼять"]
    assert ("tag", "Maʼno va soʻz") in complete(engine, "maʼ")
    assert complete(engine, "ʼ", kinds=("word", "title")) == []


def test_a_word_with_marks_does_not_take_them_from_those_typed_before_it(engine: Engine) -> None:
    """In Vietnamese "thi trường" is not "thị trường"; without any marks it is."""
    index(
        engine,
        article(1, "", "Thị trường tăng.", language="vi"),
        article(2, "", "Novak Đoković je pobedio.", language="sr"),
    )
    for typed in ("thi", "thi ", "thi tru"):
        assert "thi truong" in words(engine, typed)
    assert words(engine, "thị t") == ["thị trường"]
    assert words(engine, "truo") == ["trường"]
    assert words(engine, "novak d") == ["novak đoković"]


def test_a_sign_that_stands_for_several_words_is_offered_as_it_is_written(engine: Engine) -> None:
    index(engine, article(1, "محمد ﷺ", language="ar"), article(2, "صلاة", language="ar"))
    assert words(engine, "صلى") == ["ﷺ"]


def test_what_is_elided_before_a_word_stays(engine: Engine) -> None:
    index(
        engine,
        article(1, "Boire de l’eau", "Boire de l’eau, près des étangs. L'eau douce.", language="fr"),
        article(2, "L'école", "À l’école d’été ; les écoles.", language="fr"),
        article(3, "Mr D'Arcy eats", "D'Arcy learns: each area is near. Lead.", published_at=day(2026, 1, 1)),
    )
    assert words(engine, "l'ea", 1) == words(engine, "L’ea", 1) == ["l’eau"]
    assert words(engine, "l'ec") == ["l'école"]
    assert words(engine, "d'ar") == ["d'arcy"]
    assert words(engine, "boire de l'e") == ["boire de l’eau"]
    assert words(engine, "mr d'a") == ["mr d'arcy"]
    assert words(engine, "l'eau d") == ["l'eau douce"]
    assert "Boire de l’eau" in titles(engine, "l'ea")
    assert titles(engine, "boire l'eau") == ["Boire de l’eau"]
    assert titles(engine, "d'arc") == ["Mr D'Arcy eats"]


def test_two_letters_typed_for_one_with_dots(engine: Engine) -> None:
    index(
        engine,
        article(1, "Müller räumt Müll", "Der Müll, der Müll.", language="de", authors=("Jürgen Ährig",)),
        article(2, "", "The mullet, a mule. Multiple mullets."),
        article(3, "", "Mr Muehler, in Ålborg", language="da"),
    )
    assert words(engine, "muell") == words(engine, "Muel") == ["müll", "müller"]
    assert words(engine, "mue") == ["muehler"]
    assert words(engine, "aalb") == words(engine, "alb") == ["ålborg"]
    assert titles(engine, "muell") == titles(engine, "raeumt muel") == ["Müller räumt Müll"]
    assert complete(engine, "juergen a")[0] == ("author", "Jürgen Ährig")
    (author,) = engine.suggest("mueller author:juer", now=NOW, audiences=EVERYBODY)
    assert author.query == 'mueller author:"Jürgen Ährig"'


def test_what_stands_between_two_words_in_a_text(engine: Engine) -> None:
    index(
        engine,
        article(1, "", "The “green” harbour. Green\u00a0hills."),
        article(2, "", "Green — heron; greenish hat. Green  hazel’s leaf, naïve green hull"),
        article(3, "", "Had had hay, had had had hail"),
    )
    assert words(engine, "green h") == ["green hazel", "green hills", "green hull"]
    assert words(engine, "had h") == ["had hail", "had hay"]
    assert words(engine, "had ha") == ["had hail", "had hay"]


def test_names_by_use(engine: Engine) -> None:
    index(
        engine,
        article(1, authors=("Priya Nandakumar", "Ada Priest"), tags=("Prize",), section="Prices"),
        article(2, authors=("PRIYA NANDAKUMAR",), tags=("prize", "Nobel prize"), section="Prices"),
        article(3, authors=("Priya Nandakumar",), section="Prices"),
    )
    assert complete(engine, "pri", 7) == [
        ("word", "prize"),
        ("author", "Priya Nandakumar"),
        ("section", "Prices"),
        ("tag", "Nobel prize"),
        ("author", "Ada Priest"),
    ]
    (priya,) = engine.suggest("priya n", now=NOW, audiences=EVERYBODY)
    assert priya == Suggestion("Priya Nandakumar", "author", query='author:"Priya Nandakumar"')


def test_a_field_asks_for_its_names_only(engine: Engine) -> None:
    index(engine, *NEWS, article(1, "Ida runs", "Ida.", authors=("Ida Brandt",), tags=("Ida",)))
    for text in ("author:ida", "AUTHOR:Ida", 'author:"Ida Bra', "author:brandt"):
        assert complete(engine, text) == [("author", "Ida Brandt")]
    (ida,) = engine.suggest('storm author:"ida b', now=NOW, audiences=EVERYBODY)
    assert ida.query == 'storm author:"Ida Brandt"'
    assert {kind for kind, _ in complete(engine, "section:")} == {"section"}
    assert complete(engine, "tag:ida", kinds=("title", "word")) == []


def test_titles_by_place_then_by_date(engine: Engine) -> None:
    index(
        engine,
        article(1, "The old bridge", published_at=day(2020, 1, 1)),
        article(2, "Old bridge closed", published_at=day(2021, 1, 1)),
        article(3, "A bridge for the old town", published_at=day(2026, 1, 1)),
        article(4, "Old bridge open", published_at=day(2022, 1, 1)),
        article(5, "Older bridges", published_at=day(2026, 1, 1)),
    )
    assert titles(engine, "old bri") == [
        "Old bridge open",
        "Old bridge closed",
        "The old bridge",
        "A bridge for the old town",
    ]
    assert titles(engine, "town bridge") == ["A bridge for the old town"]
    assert "Older bridges" in titles(engine, "old")
    assert "Older bridges" not in titles(engine, "old ")
    assert titles(engine, "bridges -old") == ["Older bridges"]


def test_the_same_title_is_offered_once(engine: Engine) -> None:
    index(engine, *(article(n, "Weather", published_at=day(2026, 1, n)) for n in (1, 3, 2)), article(4, "WEATHER"))
    found = engine.suggest("wea", now=NOW, audiences=EVERYBODY, kinds=("title",))
    assert found == (Suggestion("Weather", "title", "news.story:3"),)


def test_among_many_titles_those_that_begin_so_are_found(engine: Engine) -> None:
    others = [
        article(n, f"Number {n} of the town", published_at=day(2026, 1, 1 + n % 9)) for n in range(MOST_TITLES * 2)
    ]
    index(engine, *others, article("old", "Town on the river", published_at=day(2001, 1, 1)))
    assert titles(engine, "town")[0] == "Town on the river"
    assert len(titles(engine, "number of")) == 8


def test_of_articles_of_one_day_the_first_by_key(engine: Engine) -> None:
    days = [day(2026, 1, 1), day(2026, 1, 2), None]
    index(engine, *(article(f"{n:02}", f"Quay number {n}", published_at=days[n % 3]) for n in reversed(range(90))))
    assert titles(engine, "quay") == [f"Quay number {n}" for n in range(1, 24, 3)]
    assert titles(engine, "number") == titles(engine, "quay")


def test_a_word_that_is_nearly_everywhere_is_not_offered(engine: Engine) -> None:
    index(engine, *(article(n, "", f"The thing {n}" if n % 2 else "The thaw") for n in range(MANY_ARTICLES)))
    assert words(engine, "th") == ["thaw", "thing"]
    assert "the thaw" in words(engine, "the th")


@pytest.mark.parametrize(
    "hidden", [{"audiences": frozenset()}, {"published_at": day(2030, 1, 1)}], ids=["draft", "later"]
)
def test_most_articles_are_hidden(engine: Engine, hidden: dict[str, object]) -> None:
    secret = [
        article(
            f"s{n}",
            f"Zirconium plan {n}",
            "The mayor zigzag. Zinc zebra.",
            tags=("Zircon",),
            authors=("Zid",),
            **hidden,
        )
        for n in range(30)
    ]
    shown = article("shown", "Zinc mine", "The mayor said zinc is here.", tags=("Zone",), authors=("Zoe",))
    index(engine, *secret, shown)
    alone = [complete(engine, text) for text in ("z", "zi", "mayor ", "mayor zi", "zinc", "zirconium ", "author:z")]
    text = str(alone).lower()
    assert not [word for word in ("zirco", "zigzag", "zebra", "zid") if word in text]
    with engine.writer() as writer:
        for document in secret:
            writer.delete(document.key)
    assert [
        complete(engine, text) for text in ("z", "zi", "mayor ", "mayor zi", "zinc", "zirconium ", "author:z")
    ] == alone
    assert ("tag", "Zone") in alone[0] and ("author", "Zoe") in alone[0]
    index(engine, *(replace(document, audiences=frozenset({"staff"})) for document in secret))
    assert complete(engine, "zi", hidden=frozenset({shown.key})) == []


def test_scripts_without_spaces(engine: Engine) -> None:
    index(
        engine,
        article("ja", "東京の図書館", "図書館は東京にある。", language="ja", tags=("図書", "東京")),
        article("zh", "北京图书馆", "", language="zh", authors=("王小明",)),
    )
    assert complete(engine, "東京") == [("tag", "東京"), ("title", "東京の図書館")]
    assert complete(engine, "図書館") == [("title", "東京の図書館")]
    assert complete(engine, "書") == [("tag", "図書"), ("title", "東京の図書館"), ("title", "北京图书馆")][:2]
    assert complete(engine, "小明") == [("author", "王小明")]
    assert titles(engine, "館") == titles(engine, "図館") + ["東京の図書館"]
    assert titles(engine, "京") == ["東京の図書館", "北京图书馆"]
    assert titles(engine, "鳥") == []


@pytest.mark.parametrize(
    "typed", ["", " ", "!", "-", '"', "author", "OR", "OR ", "\x00", "\ud800", "a:" * 90, "(" * 300]
)
def test_whatever_is_typed_is_answered(engine: Engine, typed: str) -> None:
    index(engine, *NEWS)
    assert len(complete(engine, typed)) <= 8
    assert complete(engine, typed) == complete(engine, typed)
