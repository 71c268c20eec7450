"""Entries, their file format, and queries with them; engines are asked in tests/contract/test_synonyms.py."""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from hypothesis import given
from hypothesis import strategies as st

from newsindex.models import Synonym
from newsindex.query import Entry, Thesaurus, expanded, parse, unparse
from newsindex.query.nodes import And, Leaf, Not, Or, Other, Phrase, Synonyms, Word, leaves, relaxed
from newsindex.query.synonyms import MOST_ADDED, read_entry, read_lines, spelling, terms_of, written_lines
from newsindex.synonym_rules import LONGEST_TERM, MOST_QUERIES, MOST_TERMS, Entries, query_troubles

CARS = Thesaurus([Entry(("car", "automobile")), Entry(("motor car",), ("car",))], "en")


def tree(text: str, thesaurus: Thesaurus = CARS) -> Any:
    return expanded(parse(text).tree, thesaurus).tree


def others(leaf: Leaf) -> list[str]:
    return [other.leaf.text for other in leaf.others] if isinstance(leaf, Synonyms) else []


# Queries.


def test_commas_of_other_scripts_stand_between_words_too() -> None:
    assert terms_of("安全漏洞，弱点、 缺陷") == ("安全漏洞", "弱点", "缺陷")
    assert terms_of("سيارة، مركبة") == ("سيارة", "مركبة")


def test_a_word_by_its_stem() -> None:
    assert tree("Cars") == Synonyms(Word("Cars"), (Other(Word("automobile")),))
    assert tree("care") == Word("care")


@pytest.mark.parametrize("text", ['"car"', '"a car"', "car*", "carz~", "tag:car", "author:car", "", "after:2024"])
def test_what_stands_for_itself(text: str) -> None:
    assert tree(text) == parse(text).tree


def test_the_longest_term_counts() -> None:
    found = tree("big motor car race")
    assert [others(leaf) for leaf in leaves(found)] == [[], ["car"], ["car"], []]
    assert [others(leaf) for leaf in leaves(tree("motor OR car"))] == [[], ["automobile"]]
    assert [others(leaf) for leaf in leaves(tree('motor "x" car'))] == [[], [], ["automobile"]]
    assert [others(leaf) for leaf in leaves(tree("motor title:car"))] == [[], ["automobile"]]


def test_fields_groups_and_exclusions() -> None:
    assert tree("title:car") == Synonyms(Word("car", "title"), (Other(Word("automobile", "title")),))
    found = tree("race -(car OR bus)")
    assert isinstance(found, And)
    assert found.children[1] == Not(Or((Synonyms(Word("car"), (Other(Word("automobile")),)), Word("bus"))))
    assert expanded(parse("race -car").tree, CARS).added == ()
    assert expanded(parse("race car").tree, CARS).added == ("automobile",)


def test_an_acronym_that_is_another_word_counts_in_capitals() -> None:
    offices = Thesaurus([Entry(("IT",), ("information technology",)), Entry(("WHO", "WMO"), ("agency",))], "en")
    phrase = (Other(Phrase("information technology")),)
    assert expanded(parse("IT jobs").tree, offices).tree == And((Synonyms(Word("IT"), phrase), Word("jobs")))
    for small in ("it jobs", "It jobs", "who went"):
        assert expanded(parse(small).tree, offices).added == ()
    assert expanded(parse("WHO report").tree, offices).added == ("agency",)
    # Others are no words, and hold in any case.
    assert expanded(parse("wmo report").tree, offices).added == ("agency",)
    states = Thesaurus([Entry(("U.S.", "United States"))], "en")
    assert [expanded(parse(text).tree, states).added for text in ("US", "u.s.", "us")] == [("United States",)] * 2 + [
        ()
    ]
    german = Thesaurus([Entry(("DER", "Ei"), ("Huhn",), "de")], "en")
    assert expanded(parse("DER Tag").tree, german).added == ("Huhn",)
    assert expanded(parse("der Tag").tree, german).added == ()


def test_no_chains() -> None:
    chain = Thesaurus([Entry(("a1",), ("b1",)), Entry(("b1",), ("c1",)), Entry(("c1",), ("a1",))])
    assert others(tree("a1", chain)) == ["b1"]


def test_a_term_of_several_words_becomes_a_phrase() -> None:
    states = Thesaurus([Entry(("usa", "united states"), (), "en")])
    assert tree("usa", states) == Synonyms(Word("usa"), (Other(Phrase("united states"), "en"),))


def test_the_text_stays_that_of_the_visitor() -> None:
    for text in ("car", "motor car", "title:car -automobile", "(car OR bus) race"):
        assert unparse(tree(text)) == unparse(parse(text).tree)


def test_a_word_of_pairs_is_taken_apart_where_some_words_are_enough() -> None:
    library = Thesaurus([Entry(("図書館", "文庫"))], "ja")
    found = relaxed(And((tree("図書館", library), Word("x"))))
    assert [leaf.text for leaf in leaves(found)] == ["図書", "書館", "図書館", "x"]


def test_so_many_are_added_and_no_more() -> None:
    many = Thesaurus([Entry(("word",), tuple(f"other{n}" for n in range(MOST_ADDED + 1)))])
    found = expanded(parse("word word").tree, many)
    assert found.cut
    assert sum(len(others(leaf)) for leaf in leaves(found.tree)) == MOST_ADDED
    assert not expanded(parse("other1").tree, many).cut


terms = st.sampled_from(
    ["car", "motor car", "cars", "Automobile", "the", "図書館", "l’école", "U.S.", "!", "a b c", ""]
)
lists = st.lists(terms, max_size=4).map(tuple)
queries = st.lists(
    st.sampled_from(
        ["car", "motor", "cars", "-car", '"motor car"', "OR", "(", ")", "title:car", "図書館", "école", "a", "b"]
    )
).map(" ".join)


@given(st.lists(st.builds(Entry, lists, lists, st.sampled_from(["", "en", "fr", "ja"])), max_size=6), queries)
def test_any_entries_and_any_query(entries: list[Entry], text: str) -> None:
    found = expanded(parse(text).tree, Thesaurus(entries, "en"))
    assert unparse(found.tree) == unparse(parse(text).tree)
    assert sum(len(others(leaf)) for leaf in leaves(found.tree)) <= MOST_ADDED
    Entries(entries).troubles(entries[0] if entries else Entry(()))


# The file.


def test_lines() -> None:
    text = [
        "\ufeff# Cars",
        "car, automobile ,motor  car",
        "",
        "  telly,tv => television",
        "# language: de",
        "Bank, Sparkasse",
    ]
    text += ["# language:", "ferry, boat"]
    found = [read_entry(line, language) for _number, line, language in read_lines(text)]
    assert found == [
        Entry(("car", "automobile", "motor car")),
        Entry(("telly", "tv"), ("television",)),
        Entry(("Bank", "Sparkasse"), (), "de"),
        Entry(("ferry", "boat")),
    ]
    written = list(written_lines(found))
    assert written == [
        "car, automobile, motor car",
        "telly, tv => television",
        "ferry, boat",
        "# language: de",
        "Bank, Sparkasse",
    ]
    assert {read_entry(line, own) for _n, line, own in read_lines(written)} == set(found)


def test_a_word_that_stays_need_not_be_said() -> None:
    assert read_entry("tv => tv, television") == Entry(("tv",), ("television",))
    with pytest.raises(ValueError, match="a => b => c"):
        read_entry("a => b => c")


@pytest.mark.django_db
def test_the_command_imports_and_exports(tmp_path: Path) -> None:
    file = tmp_path / "synonyms.txt"
    file.write_text(
        "# ours\r\ncar, automobile\r\ntelly => television\n# language: de\nBank, Sparkasse\n", encoding="utf-8-sig"
    )
    out = StringIO()
    call_command("newsindex_synonyms", source=str(file), dry_run=True, stdout=out)
    assert out.getvalue() == "3 would be new, 0 left out\n"
    assert not Synonym.objects.exists()
    call_command("newsindex_synonyms", "--import", str(file), stdout=out)
    assert list(Synonym.objects.order_by("pk").values_list("words", "targets", "language")) == [
        ("car, automobile", "", ""),
        ("telly", "television", ""),
        ("Bank, Sparkasse", "", "de"),
    ]
    exported = StringIO()
    call_command("newsindex_synonyms", "--export", "-", stdout=exported)
    assert exported.getvalue() == "car, automobile\ntelly => television\n# language: de\nBank, Sparkasse\n"
    call_command("newsindex_synonyms", "--export", str(tmp_path / "out.txt"))
    assert (tmp_path / "out.txt").read_text(encoding="utf-8") == exported.getvalue()


@pytest.mark.django_db
def test_the_command_names_what_is_wrong_and_takes_the_rest(tmp_path: Path) -> None:
    file = tmp_path / "synonyms.txt"
    file.write_text("car, cars\na => b => c\ncar, automobile\nautomobiles, car\nthe\n!!, car\n", encoding="utf-8")
    out, err = StringIO(), StringIO()
    with pytest.raises(CommandError, match="5 could not be imported"):
        call_command("newsindex_synonyms", "--import", str(file), stdout=out, stderr=err)
    lines = err.getvalue().splitlines()
    assert [line.partition(":")[0] for line in lines] == ["Line 1", "Line 2", "Line 4", "Line 5", "Line 6"]
    assert "“car” and “cars” are the same to a search." in lines[0]
    assert "“car, automobile” says this already." in lines[2]
    assert out.getvalue() == "1 new, 5 left out\n"
    file.write_text("ferry, boat\n", encoding="utf-8")
    call_command("newsindex_synonyms", "--import", str(file), "--replace", stdout=out)
    assert [str(row) for row in Synonym.objects.all()] == ["ferry, boat"]
    with pytest.raises(CommandError, match="missing.txt"):
        call_command("newsindex_synonyms", "--import", str(tmp_path / "missing.txt"))
    file.write_bytes(b"caf\xe9, bistro\n")
    with pytest.raises(CommandError, match="can't decode"):
        call_command("newsindex_synonyms", "--import", str(file))


@pytest.mark.django_db
def test_a_line_that_is_no_entry_is_not_looked_into(tmp_path: Path) -> None:
    file = tmp_path / "synonyms.txt"
    file.write_text(f"car => {'automobile, ' * 1_000}\ncar, automobile\n", encoding="utf-8")
    out, err = StringIO(), StringIO()
    with pytest.raises(CommandError, match="1 could not be imported"):
        call_command("newsindex_synonyms", "--import", str(file), stdout=out, stderr=err)
    assert err.getvalue() == "Line 1: The line has 12,006 characters; an entry has 4,080 at most.\n"
    assert out.getvalue() == "1 new, 1 left out\n"


# What is wrong with an entry.


@pytest.mark.parametrize(
    ("entry", "field", "message"),
    [
        (Entry(()), "words", "Give at least one."),
        (Entry(("car",)), "words", "Give at least two words, or say what else one of them finds."),
        (Entry(("car", "...")), "words", "“...” has no letters or digits."),
        (Entry(("car!", "auto")), "words", "“car!” would be searched as “car”: leave out !."),
        (Entry(("car*", "auto")), "words", "“car*” would be searched as “car”: leave out *."),
        (Entry(("the", "article")), "words", "“the” has only words that stand in almost every text."),
        (Entry(("car",), ("of the",)), "targets", "“of the” has only words that stand in almost every text."),
        (
            Entry(("WHO", "agency")),
            "words",
            "“WHO” is a common word in small letters",
        ),
        (
            Entry(("agency",), ("WHO",)),
            "targets",
            "“WHO” is a common word in small letters",
        ),
        (Entry(("who",), ("agency",)), "words", "“who” has only words that stand in almost every text."),
        (Entry(("der", "Artikel"), (), "de"), "words", "“der” has only words that stand in almost every text."),
        (Entry(("car", "Cars")), "words", "“car” and “Cars” are the same to a search."),
        (Entry(("car",), ("bus", "car")), "targets", "“car” stands on both sides."),
        (Entry(("a => b", "c")), "words", "Write what stands after => into the second field."),
        (Entry(("car", "x" * (LONGEST_TERM + 1))), "words", "is too long."),
        (Entry(("car", "one two three four five six seven")), "words", "is too long: at most 6 words."),
        (Entry(tuple(f"word{n}" for n in range(MOST_TERMS + 1))), "words", f"Give at most {MOST_TERMS}."),
        (Entry(("car", "auto"), (), "de!"), "language", "A language is a code"),
        (Entry(("automobile", "cars")), "", "The entry “car, automobile” says this already."),
        (Entry(("tv",), ("telly",)), "", "The entry “telly => tv” leads back"),
    ],
)
def test_troubles(entry: Entry, field: str, message: str) -> None:
    known = Entries([Entry(("car", "automobile")), Entry(("telly",), ("tv",))])
    found = known.troubles(entry)
    assert [where for where, _message in found] == [field]
    assert message in found[0][1]


@pytest.mark.parametrize(
    "entry",
    [
        Entry(("car", "automobile", "motor car")), Entry(("U.S.", "United States")), Entry(("R&D", "research")),
        Entry(("図書館", "文庫")), Entry(("war", "conflict")), Entry(("die", "perish")),
        Entry(("the who", "band"), (), "de"),
        Entry(("telly", "tv")), Entry(("car", "automobile"), (), "de"), Entry(("e-mail", "mail")),
    ],
)  # fmt: skip
def test_good_entries(entry: Entry) -> None:
    known = Entries([Entry(("car", "automobile")), Entry(("telly",), ("tv",))])
    assert known.troubles(entry) == []


def test_there_can_be_so_many_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("newsindex.synonym_rules.MOST_ENTRIES", 1)
    assert "There are 1 entries already" in Entries([Entry(("a1", "b1"))]).troubles(Entry(("c1", "d1")))[0][1]


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ([], "Give at least one."),
        (["..."], "“...” has no letters or digits."),
        (["ferry", "Férry!"], "“ferry” and “Férry!” are the same to a search."),
        (["ferry -boat"], "“ferry -boat” is more than words"),
        (["title:ferry"], "is more than words"),
        (["ferry " * 40], "is too long."),
        ([f"ferry {n}" for n in range(MOST_QUERIES + 1)], f"Give at most {MOST_QUERIES}."),
    ],
)
def test_troubles_of_queries(texts: list[str], message: str) -> None:
    (found,) = query_troubles(texts)
    assert message in found


def test_spelling() -> None:
    assert spelling(" Night—FÉRRY! ") == spelling("night ferry") != spelling("night-ferry") == spelling("nightferry")
    assert spelling("U.S.") == spelling("us")
