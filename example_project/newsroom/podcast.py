"""The episodes of the podcast "Slack Water", one of them not yet released and one withdrawn."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils import timezone

from newsroom.models import Episode, Topic

EPISODES: tuple[dict[str, Any], ...] = (
    {
        "slug": "the-gate-and-the-tide",
        "name": "The gate and the tide",
        "host": "Greta Lindqvist",
        "released_at": datetime(2025, 11, 14, 6, 0),
        "topics": ("flooding", "barrier"),
        "notes": """
            <p>How do you lift four hundred tonnes of steel out of a river without a crane? You blow. Łukasz Bryl, the
            town's engineer, explains the flood barrier with a bucket and a bathtub, and the bathtub wins.</p>
            <h2>In this episode</h2>
            <ul><li>Why the first pile took fifty-one minutes, and the second only nine</li>
            <li>What the avocets of the saltmarsh think of pile driving</li>
            <li>A question from Year Four: what happens to the fish when the gates are closed?</li></ul>
            <p>With thanks to the swimming bath, and apologies for the tiles.</p>
        """,
    },
    {
        "slug": "last-boat-home",
        "name": "Last boat home",
        "host": "Tomasz Wrede",
        "released_at": datetime(2026, 7, 3, 6, 0),
        "topics": ("ferry", "harbour"),
        "notes": """
            <p>One whole day on the ferry: from the bakers on the crossing at 5.40 to the last boat home at eleven. We
            recorded it twice, on the old <em>Marigold</em> in 2024 and on the electric <em>Halcyon</em> this week.</p>
            <blockquote><p>The old one talked all the way across. This one listens.</p></blockquote>
            <p>You also hear the nurse Zoë Marchetti, eleven cyclists, a cello, and the bell.</p>
        """,
    },
    {
        "slug": "voices-from-the-roofs",
        "name": "Voices from the roofs",
        "host": "Priya Nandakumar",
        "released_at": datetime(2026, 9, 4, 6, 0),
        "topics": ("history", "flooding", "library"),
        "notes": """
            <p>In a thawed parish register the archive found a letter from the night of the 1953 flood. Amara Diallo of
            the Pier Theatre reads it. Afterwards we sit down with three people who were children on those roofs.</p>
            <p>Bernard Achterberg remembers the sound of the bell, and a cat that would not be rescued.</p>
        """,
    },
    {
        "slug": "the-lighthouse-keepers-choir",
        "name": "The lighthouse keeper's choir",
        "host": "Samuel Okafor",
        "released_at": datetime(2099, 2, 5, 6, 0),
        "topics": ("history",),
        "notes": "<p>Not released yet: nine lighthouse keepers, nine rocks, and one song over the wireless.</p>",
    },
    {
        "slug": "the-wrong-recording",
        "name": "The wrong recording",
        "host": "Samuel Okafor",
        "released_at": datetime(2026, 3, 6, 6, 0),
        "withdrawn": True,
        "topics": (),
        "notes": "<p>Withdrawn: this was forty minutes of the editor's saxophone practice.</p>",
    },
)


def load_episodes() -> int:
    """Save the episodes that are missing and say how many those were."""
    missing = 0
    for content in EPISODES:
        values = {name: value for name, value in content.items() if name not in ("slug", "topics")}
        values["released_at"] = timezone.make_aware(content["released_at"])
        episode, created = Episode.objects.get_or_create(slug=content["slug"], defaults=values)
        if created:
            episode.topics.set([Topic.objects.get_or_create(name=name)[0] for name in content["topics"]])
            missing += 1
    return missing
