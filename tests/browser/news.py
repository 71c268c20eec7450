"""The articles that the browser looks at."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from tests.factories import make_article

FIRST = datetime(2025, 1, 15, 9, 0, tzinfo=timezone.utc)
FILLER = "The council met on Tuesday evening and talked at length about the budget for the coming year. " * 4

LONG = "\n\n".join(
    [
        "The river rose during the night.",
        *(f"{number}. {FILLER}" for number in range(1, 30)),
        "Only the pilot of the lightship had seen the floating dock break loose.",
        *(f"{number}. {FILLER}" for number in range(30, 40)),
    ]
)

MARKDOWN = """## What the lightship saw

- a first barrel
- a second barrel

> Nobody listened to the lightship.

| hour | height |
|---|---|
| six | 3.4 m |

```
level = 3.4
```

[The register](https://example.org/register) has it all.
"""


def publish() -> None:
    """Thirty articles: one long, one in Markdown, one in German, and enough others for several pages."""
    make_article(
        "A night on the lightship",
        LONG,
        slug="lightship",
        tags=["river", "harbour"],
        authors="Ada Byron",
        section="Harbour",
        summary="What the crew saw when the river rose.",
        published_at=FIRST,
    )
    make_article(
        "The log of the lightship",
        MARKDOWN,
        slug="log",
        body_format="markdown",
        tags=["river"],
        authors="Grace Hill",
        section="Town Hall",
        published_at=FIRST + timedelta(days=40),
    )
    make_article(
        "Sturmflut am Hafen",
        "Die Sturmflut kam in der Nacht.\n\nDas Feuerschiff blieb liegen.",
        slug="sturmflut",
        language="de",
        tags=["harbour"],
        section="Harbour",
        published_at=FIRST + timedelta(days=70),
    )
    for number in range(27):
        make_article(
            f"Report {number} from the quay",
            f"The ferry was late on day {number}.\n\n{FILLER}\n\nNobody on the ferry complained.",
            slug=f"report-{number}",
            tags=["ferry", "harbour" if number % 2 else "river"],
            authors="Ada Byron" if number % 3 else "Grace Hill",
            section="Harbour" if number % 4 else "Town Hall",
            published_at=FIRST + timedelta(days=9 * number),
        )
