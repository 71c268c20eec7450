"""Did you mean: what is offered, how it is spelt, and what no correction may say."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from newsindex.analysis import fold
from newsindex.engines.base import EVERYTHING, Document, Engine, Filters
from newsindex.engines.memory import MemoryEngine
from newsindex.query import parse
from newsindex.query.nodes import And, Not, Or, Word
from tests.contract.asking import article, ask, day, index
from tests.contract.news import NEWS

pytestmark = pytest.mark.needs("supports_suggest")


def texts(*written: str, **fields: object) -> list[Document]:
    return [article(number, "", text, **fields) for number, text in enumerate(written)]


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("recieve", "receive"),
        ("acomodation", "accommodation"),
        ("definately", "definitely"),
        ("publisch", "publish"),
        ("fotograph", "photograph"),
        ("nife", "knife"),
        ("necessery", "necessary"),
        ("teh", "the"),
        ("kollege", "college"),
        ("parlement", "parliament"),
    ],
)
def test_common_slips(engine: Engine, typed: str, meant: str) -> None:
    index(
        engine,
        *texts("receive accommodation definitely publish photograph", "knife necessary the college parliament"),
        article("more", "", "recipe deceive nice fine life toe teeth collage public"),
    )
    assert ask(engine, typed).suggestion == meant


def test_likelier_slips_beat_frequent_words(engine: Engine) -> None:
    """Two letters swapped, a letter doubled, a key beside: each before a word more frequent that is as near."""
    index(engine, *texts("angle planes", *["angel planet"] * 4, language=""))
    assert ask(engine, "angell").suggestion == "angel"
    assert ask(engine, "anlge").suggestion == "angle"
    assert ask(engine, "planes").suggestion == ""
    assert ask(engine, "planed").suggestion in ("planet", "planes")


def test_which_keys_are_neighbours_depends_on_the_language(engine: Engine) -> None:
    """Z lies beside T in German, and beside X in English."""
    index(engine, article(1, "", "haut", language="de"), article(2, "", "haux", language="de"))
    assert ask(engine, "hauz").suggestion == "haut"
    index(engine, article(1, "", "haut"), article(2, "", "haux"))
    assert ask(engine, "hauz").suggestion == "haux"


@pytest.mark.parametrize(
    ("typed", "suggestion"),
    [
        ("newyork", "New York"),
        ("mayor newyork", "mayor New York"),
        ("every thing", "everything"),
        ("every thing works", "everything works"),
        ("yorknew", ""),
        ("title:newyork", ""),
        ("tag:city newyork", "New York tag:city"),
        ("newyork OR nothingness", "(New York) OR nothingness"),
    ],
)
def test_split_and_join(engine: Engine, typed: str, suggestion: str) -> None:
    index(
        engine,
        article(1, "", "The mayor of New York resigned.", tags=("city",)),
        article(2, "", "Here everything works."),
        article(3, "", "Somehow nothingness every day."),
    )
    offered = ask(engine, parse(typed).tree).suggestion
    if typed == "newyork OR nothingness":
        # It finds something as it is.
        assert offered == ""
    else:
        assert sorted(offered.split()) == sorted(suggestion.split())


def test_a_split_keeps_its_field(engine: Engine) -> None:
    index(engine, article(1, "Snow in New York"))
    assert ask(engine, Word("newyork", field="title")).suggestion == "title:new title:york"


@pytest.mark.parametrize(
    ("text", "language", "typed", "suggestion"),
    [
        ("Über die Brücken von Köln.", "de", "brukcen", "Brücken"),
        ("Auf der Straße liegt Schnee.", "de", "strasze", "Straße"),
        ("She said that Aldermouth is small.", "en", "aldermuoth", "Aldermouth"),
        ("Volunteers came.", "en", "voluntears", "volunteers"),
        ("We read O'Reilly and don’t know.", "en", "orielly", "O'Reilly"),
        ("A well-known story.", "en", "welknown", "well-known"),
        ("Le café des élèves.", "fr", "cfae", "café"),
        ("Большой мост закрыт", "ru", "мсот", "мост"),
        ("Novak Đoković je pobedio.", "sr", "djokovich", "Đoković"),
        ("Thị trường chứng khoán tăng.", "vi", "chứng khoánn", "chứng khoán"),
        ("Thị trường chứng khoán tăng.", "vi", "thi truongg", "thi truong"),
        ("İzmir'de deprem oldu.", "tr", "izmri", "izmir"),
        ("He works for NASA now.", "en", "nsaa", "NASA"),
        ("Read this OR that", "en", "tihs", "this"),
        ("The logical operator ANDD is new", "en", "anddd", "ANDD"),
    ],
)
def test_words_are_shown_as_texts_write_them(
    engine: Engine, text: str, language: str, typed: str, suggestion: str
) -> None:
    index(engine, article(1, "", text, language=language))
    assert ask(engine, typed).suggestion == suggestion


def test_the_spelling_of_most_of_the_newest(engine: Engine) -> None:
    new = [article(f"new{n}", "", "We met Mr Baker.", published_at=day(2026, 1, 1)) for n in range(5)]
    newer = [article(f"newer{n}", "", "the baker sells bread", published_at=day(2026, 2, 1)) for n in range(3)]
    old = [article(f"old{n}", "", "our baker", published_at=day(2020, 1, 1)) for n in range(9)]
    index(engine, *old, *new, *newer)
    assert ask(engine, "bakker").suggestion == "Baker"


def test_words_that_stand_together_beat_the_most_frequent(engine: Engine) -> None:
    index(engine, *texts("stormy night", "stormy night", *["eight"] * 6, *["right"] * 6, "stormy weather"))
    assert ask(engine, "stormy nihgt").suggestion == "stormy night"
    assert ask(engine, "stromy rnight").suggestion == "stormy night"


def test_beside_other_words_what_counts_is_the_word_that_is_offered(engine: Engine) -> None:
    """Not its stem: hardly anybody writes "phasing", though many articles that have "phase" match it."""
    index(engine, *texts(*["registry phase"] * 9, "registry phasing", *["registry phishing"] * 3))
    assert ask(engine, "phising").suggestion == "phishing"
    assert ask(engine, "registry phising").suggestion == "registry phishing"


def test_beside_other_words_a_cut_counts_where_both_words_stand_together(engine: Engine) -> None:
    index(engine, *texts(*["edit what is on air"] * 60, "edit on air", *["edition air"] * 30, language=""))
    assert ask(engine, "editon air").suggestion == "edition air"


def test_a_rare_word_beside_a_frequent_one_is_doubted(engine: Engine) -> None:
    """It is offered to look for the other one, where that finds a hundred times as much."""
    index(engine, *texts(*["the government met"] * 100, "the goverment met", "a bright day"))
    assert ask(engine, "goverment").total == 1
    assert ask(engine, "goverment").suggestion == "government"
    assert ask(engine, "bright").suggestion == ""
    index(engine, *(replace(each, audiences=frozenset({"staff"})) for each in texts("the government met")))
    assert ask(engine, "goverment").suggestion == ""


def test_a_space_left_out_is_offered_where_a_stem_finds_something_by_accident(engine: Engine) -> None:
    """Nobody writes "newyork"; it is only a stem of another language."""
    foreign = article("foreign", "", "newyorken", language="sv")
    index(engine, *texts(*["the mayor of New York"] * 12), foreign)
    assert ask(engine, "newyork").total == 1
    assert ask(engine, "newyork").suggestion == "New York"
    assert ask(engine, "mayor newyork").suggestion == "mayor New York"
    index(engine, article("foreign", "", "newyork", language="sv"))
    assert ask(engine, "newyork").suggestion == ""
    index(engine, *(article(f"more{n}", "", "New York") for n in range(100)))
    assert ask(engine, "newyork").suggestion == "New York"


def test_a_space_too_many_is_offered_where_both_parts_stand_somewhere(engine: Engine) -> None:
    index(engine, *texts(*["everything works"] * 99, "every day some thing"))
    assert ask(engine, "every thing").total == 1
    assert ask(engine, "every thing").suggestion == ""
    index(engine, article("last", "", "everything"))
    assert ask(engine, "every thing").suggestion == "everything"


def test_beside_words_that_it_never_stands_with_a_rare_word_is_doubted(engine: Engine) -> None:
    index(engine, *texts(*["the government policy"] * 99, "the goverment met"))
    assert ask(engine, "goverment policy").suggestion == ""
    index(engine, article("last", "", "policy of the government"))
    assert ask(engine, "goverment policy").suggestion == "government policy"


def test_of_the_closest_matches_words_that_stand_nowhere_are_corrected(engine: Engine) -> None:
    index(engine, *texts("the harbour", "a mountain", "secret"))
    tree = And((Word("habrour"), Word("mountian"), Word("zzzqx")))
    assert ask(engine, tree).suggestion == ""
    assert ask(engine, tree, match="any").suggestion == "harbour mountain zzzqx"
    assert ask(engine, And((Word("harbour"), Word("mountian"))), match="any").suggestion == "harbour mountain"
    assert ask(engine, And((Word("harbour"), Word("mountain"))), match="any").suggestion == ""
    assert ask(engine, And((Word("harbour"), Word("mountian", "title"))), match="any").suggestion == ""
    hidden = frozenset({"news.story:0"})
    assert ask(engine, tree, match="any", hidden=hidden).suggestion == "habrour mountain zzzqx"


def test_a_long_query_with_slips_is_corrected_though_no_article_has_all_of_it(engine: Engine) -> None:
    index(engine, *texts("harbour ferry", "storm bridge", "ferry quay", "harbour storm"))
    tree = parse("harbur strom ferry bridge quay").tree
    assert ask(engine, tree).suggestion == ""
    close = ask(engine, tree, match="any")
    assert close.total == 3 and close.suggestion == "harbour storm ferry bridge quay"
    assert ask(engine, tree, match="any", correct=False).suggestion == ""
    index(engine, article("joined", "", "flagship flag ship"))
    assert ask(engine, parse("flag ship ferry quay").tree, match="any").suggestion == ""
    assert ask(engine, parse("flag ship ferry quai").tree, match="any").suggestion == "flag ship ferry quay"


@pytest.mark.parametrize("word", ["bridge", "Ferry", "kneaded", "sandbags", "eighty", "Marsh", "cider"])
def test_right_words_are_left_alone(engine: Engine, word: str) -> None:
    index(engine, *NEWS)
    assert ask(engine, word).suggestion == ""


@pytest.mark.parametrize(
    ("typed", "suggestion"),
    [
        ("3.2.9", ""),
        ("kettle 3.2.9", ""),
        ("kettle v3.2.9", ""),
        ("kettle 3.2.0-rc1", ""),
        ("kettle 3.2-rc1", ""),
        ("kettle 3.4", ""),
        ("kettle 2025-11-02", ""),
        ("kettel 3.2.0", "kettle 3.2.0"),
    ],
)
def test_another_number_is_no_slip(engine: Engine, typed: str, suggestion: str) -> None:
    """Versions and dates as the query has them, whatever stands one digit away."""
    index(engine, *texts("Kettle 3.2.0", "Kettle v3.2.0", "Kettle 3.3.0-rc1, 3.3-rc1", "Kettle 3.2 of 2025-11-01"))
    assert ask(engine, typed).suggestion == suggestion


def test_a_correction_stands_where_the_filters_look(engine: Engine) -> None:
    index(engine, article(1, "", "bridge ferry", section="a"), article(2, "", "secret", section="b"))
    tree = Or((Word("brigde"), Word("secrte")))
    assert ask(engine, tree).suggestion == "bridge OR secret"
    assert ask(engine, tree, filters=Filters(sections=("a",))).suggestion in ("", "bridge OR secrte")


def test_what_is_excluded_stays(engine: Engine) -> None:
    index(engine, *NEWS)
    assert ask(engine, And((Word("brigde"), Not(Word("fery"))))).suggestion == "bridge -fery"


def test_no_hidden_word_is_offered_and_none_changes_what_is(engine: Engine) -> None:
    """However near and frequent."""
    hidden = [
        article("draft", "", "zirconium zircons new york everything", audiences=frozenset()),
        article("embargoed", "", "zirconium new york everything", published_at=day(2030, 1, 1)),
        article("expired", "", "zirconium new york everything", expires_at=day(2020, 1, 1)),
        article("theirs", "", "zirconium new york everything", audiences=frozenset({"staff"})),
    ]
    index(engine, *NEWS, article("shown", "", "the circonia shines"))
    asked = ["zirconum", "circonai", "newyork", "every thing", "brigde", "zircns"]
    before = [ask(engine, word).suggestion for word in asked]
    index(engine, *hidden)
    assert [ask(engine, word).suggestion for word in asked] == before
    assert before == ["", "circonia", "", "", "bridge", ""]
    assert ask(engine, "zirconum", audiences=EVERYTHING).suggestion == "zirconium"
    gone = frozenset({"news.story:shown"})
    assert ask(engine, "circonai", hidden=gone).suggestion == ""


@pytest.mark.parametrize(
    "typed",
    [
        "a" * 10_000,
        "ab" * 5_000,
        "日本語の文章です" * 50,
        "🙂🙃" * 100,
        "ก" * 500,
        "e\u0301" * 300,
        "\ud800x",
        "x\u200dy",
        "1234567",
        "-" * 50,
        " ".join(f"wrnog{n}" for n in range(200)),
        "O'" * 40,
        "\u0600\u0627" * 30,
    ],
)
def test_hostile_words_cost_little_and_offer_nothing(engine: Engine, typed: str) -> None:
    index(engine, *NEWS)
    assert ask(engine, parse(typed).tree).suggestion == ""
    assert ask(engine, Word(typed)).suggestion == ""


word = st.text("abeiknst", min_size=2, max_size=7)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(word, min_size=1, max_size=25), st.lists(word, max_size=10), st.lists(word, min_size=1, max_size=3))
def test_every_word_of_a_correction_is_visible(seen: list[str], unseen: list[str], typed: list[str]) -> None:
    """And asked again, in an index filled the other way round, it is the same."""
    documents = texts(*(" . ".join(seen[at : at + 5]) for at in range(0, len(seen), 5)))
    secret = article("secret", "", " . ".join(unseen), audiences=frozenset())
    one, other = MemoryEngine(), MemoryEngine()
    index(one, *documents, secret)
    index(other, secret, *reversed(documents))
    offered = ask(one, " ".join(typed)).suggestion
    assert ask(other, " ".join(typed)).suggestion == offered
    assert {fold(each) for each in offered.split()} <= set(seen)
    if offered:
        assert ask(one, parse(offered).tree).total > ask(one, " ".join(typed)).total
