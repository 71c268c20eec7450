"""A few stories from an invented town, a paragraph a line."""

from __future__ import annotations

from newsindex.engines.base import Document
from tests.contract.asking import article, day

FLOOD = article(
    "flood",
    "River bursts its banks at Aldermouth",
    """
    The river Wend burst its banks on Sunday night, and forty families left their homes.
    Volunteers carried sandbags to the old bridge until four in the morning.
    The mayor said that the bridge would stay closed while engineers examine its pillars.
    Schools reopen on Tuesday.
    """,
    summary="Forty families spent the night in the sports hall.",
    tags=("Weather", "Aldermouth"),
    authors=("Ida Brandt",),
    section="Local",
    published_at=day(2026, 5, 3),
    url="/stories/flood/",
)
FERRY = article(
    "ferry",
    "Night ferry returns after nine years",
    """
    From Friday a ferry leaves the harbour at eleven in the evening again.
    The company had given up the crossing when the bridge was built.
    Passengers may bring bicycles, but no cars.
    """,
    summary="The crossing takes twenty minutes.",
    tags=("Transport", "aldermouth"),
    authors=("Ida Brandt", "Jon Marsh"),
    section="Transport",
    published_at=day(2026, 4, 17),
    url="/stories/ferry/",
)
BAKERY = article(
    "bakery",
    "The bakery that belongs to its customers",
    """
    Two hundred customers bought the bakery in Mill Lane when the baker retired.
    Each of them works there for one morning a year.
    "We had never kneaded dough," says Maud Ellery, who is eighty.
    """,
    tags=("Food", "Aldermouth"),
    authors=("Jon Marsh",),
    section="Local",
    published_at=day(2025, 11, 20),
    url="/stories/bakery/",
)
LIBRARY = article(
    "library",
    "Library lends tools",
    """
    Readers can borrow drills, ladders and a cider press from the town library.
    The most wanted tool is a floor sander, which is booked until autumn.
    """,
    tags=("Books",),
    section="Culture",
    url="/stories/library/",
)
NEWS: tuple[Document, ...] = (FLOOD, FERRY, BAKERY, LIBRARY)

BRIDGE_DE = article(
    "bruecke",
    "Brücke über die Wend bleibt gesperrt",
    """
    Die alte Brücke bleibt bis zum Herbst geschlossen, sagt die Bürgermeisterin.
    Für Fußgänger fahren Boote zwischen beiden Straßenseiten.
    """,
    language="de",
    published_at=day(2026, 5, 9),
)
SCHOOL_FR = article(
    "ecole",
    "L’école du village rouvre ses portes",
    """
    Les élèves retrouvent leur école après trois années de travaux.
    Le café d’en face offre le goûter aux plus petits.
    """,
    language="fr",
    published_at=day(2026, 3, 2),
)
LIBRARY_JA = article(
    "toshokan",
    "東京の図書館が夜間開館を始める",
    """
    図書館は来月から夜十時まで開く。
    利用者は京都からも訪れている。
    """,
    language="ja",
    published_at=day(2026, 2, 14),
)
LIBRARY_HI = article(
    "pustakalay",
    "गाँव का नया पुस्तकालय",
    """
    बच्चों के लिए पुस्तकालय में पाँच सौ किताबें हैं।
    """,
    language="hi",
    published_at=day(2026, 1, 26),
)
BRIDGE_RU = article(
    "most",
    "Новый мост открыт для пешеходов",
    """
    По мосту можно идти с велосипедом, но ехать нельзя.
    Ёлка у моста горит до января.
    """,
    language="ru",
    published_at=day(2025, 12, 30),
)
WORLD: tuple[Document, ...] = (*NEWS, BRIDGE_DE, SCHOOL_FR, LIBRARY_JA, LIBRARY_HI, BRIDGE_RU)
