"""One thing, written in several ways: what is found, and what is marked."""

from __future__ import annotations

import pytest

from newsindex.engines.base import Engine
from newsindex.query import parse
from newsindex.query.nodes import Phrase, Prefix
from tests.contract.asking import article, ask, found, index, marked_words, matching

#: language, query, text, what is marked in it
FOUND = [
    # Umlauts, sharp s, and letters with two spellings.
    ("de", "Mueller", "Frau Müller kam.", ["Müller"]),
    ("de", "Müller", "Frau Mueller kam.", ["Mueller"]),
    ("de", "muller", "Frau Müller kam.", ["Müller"]),
    ("en", "Mueller", "Ms Müller came.", ["Müller"]),
    ("en", "Müller", "Ms Mueller came.", ["Mueller"]),
    ("", "Zuerich", "Zürich", ["Zürich"]),
    ("de", "Strasse", "Die Straße ist zu.", ["Straße"]),
    ("de", "STRASSE", "Die Straße ist zu.", ["Straße"]),
    ("de", "Straße", "Die Strasse ist zu.", ["Strasse"]),
    ("de", "GROẞE", "Eine große Brücke.", ["große"]),
    ("da", "Aarhus", "Skibet til Århus.", ["Århus"]),
    ("da", "Soeren", "Søren kom.", ["Søren"]),
    # Elided articles, straight and curly.
    ("fr", "eau", "Le prix de l’eau monte.", ["eau"]),
    ("fr", "l'eau", "Une eau claire.", ["eau"]),
    ("fr", "d'autres", "Beaucoup d’autres villes.", ["autres"]),
    ("fr", "loreal", "L’Oréal publie ses comptes.", ["Oréal"]),
    ("fr", "jusqu'à", "Ouvert jusqu’à minuit.", ["à"]),
    ("it", "arte", "La storia dell'arte.", ["arte"]),
    ("it", "dell’arte", "L’arte moderna.", ["arte"]),
    ("ca", "aigua", "El preu de l'aigua.", ["aigua"]),
    ("tr", "İstanbul", "Vapur İstanbul'dan kalktı.", ["İstanbul"]),
    ("tr", "istanbul'a", "İstanbul'dan geldi.", ["İstanbul"]),
    # Possessives and names with an apostrophe.
    ("en", "ship", "The ship's bell.", ["ship"]),
    ("en", "ships'", "The ship’s bell.", ["ship"]),
    ("en", "James", "James’s boat.", ["James"]),
    ("en", "O'Neill", "Mr O’Neill spoke.", ["O’Neill"]),
    ("en", "oneill", "Mr O'Neill spoke.", ["O'Neill"]),
    ("en", "O'Neill", "Mr O`Neill spoke.", ["O`Neill"]),
    ("en", "rock'n'roll", "Rock ’n’ roll tonight.", ["Rock ’n’ roll"]),
    ("en", "Hawaii", "Hawaiʻi and Hawai'i.", ["Hawaiʻi", "Hawai'i"]),
    # The apostrophe that is a letter to Unicode: what Ukrainian and Uzbek are printed with.
    ("uk", "пам'ять", "Наша памʼять жива.", ["памʼять"]),
    ("uk", "памʼять", "Наша пам’ять жива.", ["пам’ять"]),
    ("uz", "maʼno", "So'zning ma'no doirasi", ["ma'no"]),
    ("fr", "eau", "Le prix de lʼeau monte.", ["eau"]),
    ("en", "ship", "The shipʼs bell.", ["ship"]),
    ("en", "don't", "We donʼt know.", ["donʼt"]),
    # Hyphens.
    ("en", "email", "Send an e-mail.", ["e-mail"]),
    ("en", "e-mail", "Send an email.", ["email"]),
    ("en", "e-mail", "Send an e mail.", ["e mail"]),
    ("en", "well-known", "He is well known.", ["well known"]),
    ("en", "wellknown", "A well-known man.", ["well-known"]),
    ("en", "covid-19", "After COVID 19.", ["COVID 19"]),
    ("en", "covid19", "After Covid-19.", ["Covid-19"]),
    # Numbers.
    ("en", "1,000,000", "It cost 1000000 crowns.", ["1000000"]),
    ("en", "1000000", "It cost 1,000,000 crowns.", ["1,000,000"]),
    ("de", "1.000.000", "Es kostet 1,000,000 Euro.", ["1,000,000"]),
    ("de", "1000000", "Es kostet 1.000.000 Euro.", ["1.000.000"]),
    ("fr", "1000000", "Il coûte 1\u202f000\u202f000 euros.", ["1\u202f000\u202f000"]),
    ("fr", "1\u00a0000\u00a0000", "Il coûte 1\u2009000\u2009000 euros.", ["1\u2009000\u2009000"]),
    ("de", "1000000", "Er kostet 1’000’000 Franken.", ["1’000’000"]),
    ("de", "1234.56", "Genau 1.234,56 Euro.", ["1.234,56"]),
    ("de", "3.14", "Pi ist 3,14.", ["3,14"]),
    ("en", "2.7.1", "Get tool-2.7.1.tar.gz now.", ["2.7.1"]),
    ("en", "2.7.1", "Get v2.7.1 now.", ["v2.7.1"]),
    ("en", "v2.7.1", "Get 2.7.1 now.", ["2.7.1"]),
    ("en", "2024-11-01", "From 2024-11-01 on.", ["2024-11-01"]),
    ("ar", "2024", "في عام ٢٠٢٤", ["٢٠٢٤"]),
    # Acronyms.
    ("en", "US", "The U.S. exports.", ["U.S"]),
    ("en", "U.S.", "The US exports.", ["US"]),
    ("en", "USA", "From the U.S.A. today.", ["U.S.A"]),
    ("en", "e.g.", "Fish, eg cod.", ["eg"]),
    ("en", "UNESCO", "U.N.E.S.C.O. decided.", ["U.N.E.S.C.O"]),
    # Signs that belong to a name, or stand before one.
    ("en", "C++", "A C++ compiler.", ["C++"]),
    ("en", "c#", "Written in C#.", ["C#"]),
    ("en", "C++", "In C++17 it works.", ["C++"]),
    ("zh", "C++", "学习C++语言", ["C++"]),
    ("en", "notepad++", "The Notepad is new.", ["Notepad"]),
    ("en", "AT&T", "AT&T was split.", ["AT&T"]),
    ("en", ".NET", "The .NET runtime.", ["NET"]),
    ("en", "#budget", "Talk of #budget.", ["budget"]),
    ("en", "@mayor", "Thanks, @mayor!", ["mayor"]),
    # Width, kana, particles, vowel points.
    ("ja", "ｶﾞｲﾄﾞ", "旅のガイド", ["ガイド"]),
    ("ja", "サーバー", "新しいサーバ", ["サーバ"]),
    ("ja", "サーバ", "新しいサーバー", ["サーバ"]),
    ("en", "ｗｉｄｅ", "A wide river.", ["wide"]),
    ("ko", "루비를", "새 루비가 나왔다", ["루비"]),
    ("ko", "도서관에서", "도서관은 열려 있다", ["도서관"]),
    ("ko", "3.1.4", "Ruby 3.1.4가 나왔다", ["3.1.4"]),
    ("th", "ห้องสมุด", "ไปห้องสมุดวันนี้", ["ห้องสมุด"]),
    ("hi", "हिन्दी", "हिन्दी में समाचार", ["हिन्दी"]),
    ("ar", "احمد", "قال أحمد", ["أحمد"]),
    ("ar", "محمد", "قال مُحَمَّد", ["مُحَمَّد"]),
    ("ar", "كتاب", "كتـــاب جديد", ["كتـــاب"]),
    ("fa", "کتاب", "كتاب", ["كتاب"]),
    ("he", "שלום", "שָׁלוֹם", ["שָׁלוֹם"]),
    ("he", "צהל", "דובר צה״ל", ["צה״ל"]),
    ("pl", "książka", "nowe książki", ["książki"]),
    ("cs", "kniha", "nové knihy", ["knihy"]),
    # Without marks any are meant, with them these, wherever the tone stands.
    ("vi", "thi truong", "Thị trường, thi.", ["Thị", "trường", "thi"]),
    ("vi", "thị", "Thị, thi, thì.", ["Thị"]),
    ("vi", "khoẻ", "Sức khỏe.", ["khỏe"]),
    ("vi", "ba đền", "Ba đền, bà đến.", ["Ba", "đền"]),
    ("vi", '"trong đền"', "Trọng đến trong đền.", ["trong đền"]),
    ("vi", "2024", "Năm 2024.", ["2024"]),
    ("en", "Hồ Chí Minh", "Ho Chi Minh City", ["Ho", "Chi", "Minh"]),
]


@pytest.mark.parametrize(("language", "query", "text", "marks"), FOUND)
def test_what_is_written_in_another_way_is_found_and_marked(
    engine: Engine, language: str, query: str, text: str, marks: list[str]
) -> None:
    index(engine, article("it", "", text, language=language), article("other", "", "nothing, rien, nichts"))
    (hit,) = ask(engine, parse(query).tree).hits
    assert marked_words(hit.paragraphs[0].marked) == marks


@pytest.mark.parametrize(
    ("language", "query", "text"),
    [
        ("en", "C++", "Vitamin C"),
        ("en", "2.7.1", "On 2 of 7 days, 1 hour"),
        ("en", "3.14", "3, then 14"),
        ("en", "nue", "the neue Galerie"),
        ("en", "1000", "1,2,000 or 10,00"),
        ("en", "oreal", "lore al"),
        ("tr", "guel", "gül"),
        ("de", "Mass", "Das Mas"),
        ("vi", "đảng", "đang"),
        ("vi", "ba đền", "bà đền"),
    ],
)
def test_what_only_looks_alike_is_not_found(engine: Engine, language: str, query: str, text: str) -> None:
    index(engine, article("it", "", text, language=language))
    assert matching(engine, parse(query).tree) == set()


def test_what_is_written_as_it_was_typed_stands_first(engine: Engine) -> None:
    index(
        engine,
        article("apart", "", "He is well known in the harbour."),
        article("whole", "", "He is a well-known harbour man."),
    )
    assert found(engine, parse("well-known").tree) == ["whole", "apart"]


def test_a_phrase_takes_a_number_for_one_word(engine: Engine) -> None:
    index(engine, article("comma", "", "about 1,000 people came"), article("plain", "", "about 1000 people came"))
    assert matching(engine, Phrase("1000 people")) == matching(engine, Phrase("1,000 people")) == {"comma", "plain"}
    assert matching(engine, Phrase("about 1000 people")) == {"comma", "plain"}


def test_a_phrase_steps_over_an_elided_article(engine: Engine) -> None:
    index(engine, article("fr", "", "le prix de l'eau potable", language="fr"))
    assert matching(engine, Phrase("l’eau potable")) == matching(engine, Phrase("de eau potable")) == {"fr"}


@pytest.mark.parametrize("query", ["to be or not to be", "The Who", "IT", "it", "US", "être ou ne pas être"])
def test_function_words_alone_find_and_are_marked(engine: Engine, query: str) -> None:
    index(engine, article("it", "", f"They played {query} that night."))
    (hit,) = ask(engine, parse(query).tree).hits
    assert marked_words(hit.paragraphs[0].marked) == query.split()


@pytest.mark.parametrize(
    ("language", "query", "marks"),
    [
        ("en", "the causes of the flood", ["causes", "flood"]),
        ("en", '"the causes" flood', ["The causes", "flood"]),
        ("en", "IT flood", ["flood", "it"]),
        ("en", "it flood", ["flood"]),
        ("", "the flood", ["The", "the", "flood"]),
    ],
)
def test_function_words_beside_others_are_not_marked(
    engine: Engine, language: str, query: str, marks: list[str]
) -> None:
    index(engine, article("it", "", "The causes of the flood are that it rained.", language=language))
    (hit,) = ask(engine, parse(query).tree).hits
    assert marked_words(hit.paragraphs[0].marked) == marks


def test_a_function_word_is_one_in_the_language_of_its_text(engine: Engine) -> None:
    index(
        engine,
        article("en", "", "They die in the harbour.", language="en"),
        article("de", "", "Sie sehen die Yacht im Harbour.", language="de"),
    )
    marked = {hit.pk: marked_words(hit.paragraphs[0].marked) for hit in ask(engine, parse("die harbour").tree).hits}
    assert marked == {"en": ["die", "harbour"], "de": ["Harbour"]}


def test_one_question_is_asked_in_all_languages_of_the_index(engine: Engine) -> None:
    index(
        engine,
        article("en", "", "Three animals were seen.", language="en"),
        article("fr", "", "Un animal fut vu.", language="fr"),
        article("none", "", "animals", language=""),
    )
    assert matching(engine, "animals") == {"en", "fr", "none"}


def test_a_prefix_is_one_word_in_some_languages_only(engine: Engine) -> None:
    index(engine, article("en", "Ecoles", language="en"), article("fr", "Ecoles de Paris", language="fr"))
    assert [hit.pk for hit in ask(engine, Prefix("l’école")).hits] == ["fr"]
