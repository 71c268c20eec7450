"""Putting documents in, taking them out, and building a new generation beside the live one."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from newsindex.engines.base import EVERYTHING, Document, Engine
from newsindex.exceptions import WriterBusy
from newsindex.paragraphs import Paragraph
from newsindex.query.nodes import Everything, Or, Phrase, Prefix, Word
from tests.contract.asking import NOW, article, ask, day, index, matching
from tests.contract.news import BAKERY, FERRY, FLOOD, NEWS, WORLD


class Interrupted(Exception):
    """Stands for whatever may go wrong in the middle of writing."""


def contents(engine: Engine) -> dict[str, str]:
    """All that is in the index: the version of each key."""
    pairs = list(engine.scan())
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


def versions(*documents: Document) -> dict[str, str]:
    return {document.key: document.version for document in documents}


def test_a_new_engine_is_empty_and_answers(engine: Engine) -> None:
    assert contents(engine) == {}
    assert engine.health().ok
    assert (engine.stats().articles, engine.stats().paragraphs) == (0, 0)
    page = ask(engine, "bridge", facets=("tag",), timeline=True)
    assert (page.hits, page.total, page.timeline, page.suggestion) == ((), 0, (), "")
    assert ask(engine, Everything()).total == 0
    assert engine.get("news.story:flood") is None


def test_what_is_put_is_found_after_the_commit(engine: Engine) -> None:
    writer = engine.writer()
    writer.put(FLOOD)
    assert matching(engine, "sandbags") == set()
    assert contents(engine) == {}
    writer.commit()
    assert matching(engine, "sandbags") == {"flood"}
    assert contents(engine) == versions(FLOOD)


def test_get_gives_the_document_as_it_was_put(engine: Engine) -> None:
    odd = Document(
        key="news.story:a:b/ç ",
        version="3",
        title="  Spaces, \ttabs\nand \u200bmore  ",
        summary="",
        paragraphs=(
            Paragraph(1, "p-one", "heading", "A heading"),
            Paragraph(5, "", "code", "  indented\n    code\x00"),
            Paragraph(7, "p-empty", "quote", ""),
        ),
        tags=("b", "a", "B", ""),
        authors=("Zoë", "Ąłä"),
        section=" x ",
        published_at=day(2026, 1, 2).replace(microsecond=123456),
        expires_at=day(9999, 12, 31),
        language="pt-BR",
        audiences=frozenset({"a", "b", "public"}),
        url="https://example.org/?a=1&b=<2>",
        boost=0.30000000000000004,
    )
    bare = Document(key="news.note:1", title="")
    index(engine, odd, bare, *WORLD)
    for document in (odd, bare, *WORLD):
        assert engine.get(document.key) == document
    assert engine.get("news.note:2") is None
    assert contents(engine) == versions(odd, bare, *WORLD)


def test_the_serial_is_that_of_the_last_commit_that_had_one(engine: Engine) -> None:
    assert engine.serial() == 0
    with engine.writer() as writer:
        writer.put(FLOOD)
        writer.serial = 7
        assert engine.serial() == 0
    assert engine.serial() == 7
    index(engine, FERRY)
    with pytest.raises(Interrupted), engine.writer() as writer:
        writer.serial = 8
        raise Interrupted
    assert engine.serial() == 7
    # A commit without a change is one too.
    with engine.writer() as writer:
        writer.serial = 9
    engine.purge([FLOOD.key])
    assert engine.serial() == 9 and contents(engine) == versions(FERRY)
    rebuild = engine.rebuild()
    with rebuild.writer() as writer:
        writer.put(BAKERY)
    with rebuild.exclusive():
        assert engine.serial() == 9
        rebuild.swap(12)
    assert engine.serial() == 12 and contents(engine) == versions(BAKERY)


def test_putting_replaces(engine: Engine) -> None:
    index(engine, FLOOD, FERRY)
    changed = article("flood", "All clear", "The water is gone.")
    index(engine, changed)
    assert matching(engine, "sandbags") == set()
    assert matching(engine, "clear") == {"flood"}
    assert contents(engine) == versions(changed, FERRY)
    assert engine.get(FLOOD.key) == changed
    assert engine.stats().articles == 2
    assert engine.stats().paragraphs == 1 + len(FERRY.paragraphs)


def test_deleting_takes_out(engine: Engine) -> None:
    index(engine, *NEWS)
    with engine.writer() as writer:
        writer.delete(FLOOD.key)
        writer.delete("news.story:nobody")
    assert matching(engine, "bridge") == {"ferry"}
    assert matching(engine, Everything()) == {"ferry", "bakery", "library"}
    assert engine.get(FLOOD.key) is None
    assert FLOOD.key not in contents(engine)


def test_the_last_call_for_a_key_counts(engine: Engine) -> None:
    index(engine, FERRY)
    newer = replace(FLOOD, title="Newer", version="newer")
    with engine.writer() as writer:
        writer.put(FLOOD)
        writer.put(newer)
        writer.put(BAKERY)
        writer.delete(BAKERY.key)
        writer.delete(FERRY.key)
        writer.put(FERRY)
    assert contents(engine) == versions(newer, FERRY)
    assert engine.get(FLOOD.key) == newer
    assert ask(engine, "sandbags").total == 1
    assert ask(engine, "bridge").total == 2


def test_the_last_call_counts_across_a_flush(engine: Engine) -> None:
    index(engine, FERRY)
    newer = replace(FLOOD, title="Newer", version="newer")
    with engine.writer() as writer:
        writer.put(FLOOD)
        writer.put(BAKERY)
        writer.delete(FERRY.key)
        writer.flush()
        assert contents(engine) == versions(FERRY)
        writer.put(newer)
        writer.delete(BAKERY.key)
        writer.put(FERRY)
        writer.flush()
        writer.flush()
    assert contents(engine) == versions(newer, FERRY)
    assert ask(engine, "sandbags").total == 1
    assert matching(engine, "dough") == set()


def test_cancelling_changes_nothing(engine: Engine) -> None:
    index(engine, FLOOD)
    writer = engine.writer()
    writer.put(FERRY)
    writer.flush()
    writer.delete(FLOOD.key)
    writer.cancel()
    assert contents(engine) == versions(FLOOD)
    index(engine, BAKERY)
    assert contents(engine) == versions(FLOOD, BAKERY)


def test_an_exception_changes_nothing_and_lets_the_next_one_write(engine: Engine) -> None:
    index(engine, FLOOD)
    with pytest.raises(Interrupted), engine.writer() as writer:
        writer.put(FERRY)
        writer.delete(FLOOD.key)
        raise Interrupted
    assert contents(engine) == versions(FLOOD)
    index(engine, BAKERY)
    assert contents(engine) == versions(FLOOD, BAKERY)


def test_a_commit_inside_the_block_is_no_trouble(engine: Engine) -> None:
    with engine.writer() as writer:
        writer.put(FLOOD)
        writer.commit()
    assert contents(engine) == versions(FLOOD)
    with engine.writer() as writer:
        writer.put(FERRY)
        writer.cancel()
    assert contents(engine) == versions(FLOOD)


def test_nothing_to_write_is_no_trouble(engine: Engine) -> None:
    with engine.writer():
        pass
    index(engine, FLOOD)
    with engine.writer() as writer:
        writer.delete("news.story:nobody")
    assert contents(engine) == versions(FLOOD)


def test_one_writer_at_a_time(engine: Engine) -> None:
    with engine.writer() as writer:
        writer.put(FLOOD)
        with pytest.raises(WriterBusy):
            engine.writer()
        with pytest.raises(WriterBusy):
            engine.writer(wait=0.01)
    index(engine, FERRY)
    assert contents(engine) == versions(FLOOD, FERRY)


def test_a_writer_waits_for_another(engine: Engine) -> None:
    first = engine.writer()
    first.put(FLOOD)
    closing = threading.Timer(0.05, first.commit)
    closing.start()
    with engine.writer(wait=30) as second:
        second.put(FERRY)
    closing.join()
    assert contents(engine) == versions(FLOOD, FERRY)


def test_readers_go_on_while_somebody_writes(engine: Engine) -> None:
    index(engine, *NEWS)
    failures: list[object] = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            page = ask(engine, Or((Word("bridge"), Prefix("kn"), Phrase("old bridge"))), facets=("tag",))
            if not {"news.story:flood", "news.story:ferry"} <= {hit.key for hit in page.hits}:
                failures.append(page)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for n in range(8):
        index(engine, article(n, "", f"knot {n}"), replace(FLOOD, version=str(n)))
    done.set()
    for reader in readers:
        reader.join()
    assert failures == []
    assert engine.stats().articles == len(NEWS) + 8


def test_an_iterator_over_the_keys_outlives_a_commit(engine: Engine) -> None:
    index(engine, *NEWS)
    walk = engine.scan()
    first = next(walk)
    with engine.writer() as writer:
        writer.delete(BAKERY.key)
    assert dict([first, *walk]) == versions(*NEWS)


def test_many_commits_add_up(engine: Engine) -> None:
    for n in range(25):
        index(engine, article(n, f"title {n}", f"kettle number {n}"))
    for n in range(0, 25, 2):
        with engine.writer() as writer:
            writer.delete(f"news.story:{n}")
    assert ask(engine, "kettle").total == 12
    assert engine.stats().articles == engine.stats().paragraphs == 12


def test_closing_loses_nothing(engine: Engine) -> None:
    index(engine, *NEWS)
    engine.close()
    assert matching(engine, "bridge") == {"flood", "ferry"}
    engine.close()
    index(engine, article(1, "bridge"))
    assert matching(engine, "bridge") == {"flood", "ferry", "1"}


def test_stats_say_what_there_is(engine: Engine) -> None:
    index(engine, *NEWS)
    stats = engine.stats()
    assert stats.articles == 4
    assert stats.paragraphs == sum(len(document.paragraphs) for document in NEWS)
    assert stats.size > 0
    assert stats.generation
    assert stats.built_at is not None and stats.built_at.tzinfo is not None


def test_a_rebuild_replaces_everything_at_once(engine: Engine) -> None:
    index(engine, FLOOD, FERRY)
    before = engine.stats().generation
    rebuild = engine.rebuild()
    with rebuild.writer() as writer:
        writer.put(FERRY)
    with rebuild.writer() as writer:
        writer.put(BAKERY)
    assert contents(engine) == versions(FLOOD, FERRY)
    made = rebuild.validate()
    assert (made.articles, made.paragraphs) == (2, len(FERRY.paragraphs) + len(BAKERY.paragraphs))
    with rebuild.exclusive():
        assert rebuild.touched() == frozenset()
        rebuild.swap()
    assert contents(engine) == versions(FERRY, BAKERY)
    assert matching(engine, "bridge") == {"ferry"}
    assert engine.stats().generation == rebuild.generation != before


def test_what_is_written_meanwhile_is_touched(engine: Engine) -> None:
    index(engine, FLOOD, FERRY)
    rebuild = engine.rebuild()
    with rebuild.writer() as writer:
        for document in (FLOOD, FERRY):
            writer.put(document)
    newer = replace(FERRY, title="Newer", version="newer")
    index(engine, newer)
    with engine.writer() as writer:
        writer.delete(FLOOD.key)
        writer.delete("news.story:nobody")
    with pytest.raises(Interrupted), engine.writer() as writer:
        writer.put(BAKERY)
        raise Interrupted
    assert contents(engine) == versions(newer)
    with rebuild.exclusive():
        assert rebuild.touched() >= {FERRY.key, FLOOD.key}
        assert BAKERY.key not in rebuild.touched()
        with rebuild.writer() as writer:
            writer.put(newer)
            writer.delete(FLOOD.key)
        rebuild.swap()
    assert contents(engine) == versions(newer)


def test_exclusive_keeps_writers_out(engine: Engine) -> None:
    rebuild = engine.rebuild()
    with rebuild.writer() as writer:
        writer.put(FLOOD)
    with rebuild.exclusive():
        with pytest.raises(WriterBusy):
            engine.writer()
        rebuild.swap()
    index(engine, FERRY)
    assert contents(engine) == versions(FLOOD, FERRY)


def test_an_aborted_rebuild_leaves_no_trace(engine: Engine) -> None:
    index(engine, FLOOD)
    generation = engine.stats().generation
    rebuild = engine.rebuild()
    with rebuild.writer() as writer:
        writer.put(FERRY)
    rebuild.abort()
    rebuild.abort()
    assert contents(engine) == versions(FLOOD)
    assert engine.stats().generation == generation
    again = engine.rebuild()
    with again.writer() as writer:
        writer.put(BAKERY)
    with again.exclusive():
        again.swap()
    again.abort()
    assert contents(engine) == versions(BAKERY)


def test_one_rebuild_at_a_time(engine: Engine) -> None:
    rebuild = engine.rebuild()
    with pytest.raises(WriterBusy):
        engine.rebuild()
    rebuild.abort()
    engine.rebuild().abort()


def test_the_answers_are_the_same_after_a_rebuild(engine: Engine) -> None:
    index(engine, *WORLD, article("old", "", "bridge bridge"))
    for document in WORLD:
        index(engine, replace(document, version="again"))
    with engine.writer() as writer:
        writer.delete("news.story:old")
    questions = ("bridge", "library", "wend", "the")
    before = [ask(engine, question, facets=("tag",), timeline=True) for question in questions]
    rebuild = engine.rebuild()
    with rebuild.writer() as writer:
        for document in reversed(WORLD):
            writer.put(replace(document, version="again"))
    with rebuild.exclusive():
        rebuild.swap()
    after = [ask(engine, question, facets=("tag",), timeline=True) for question in questions]
    assert [replace(page, took=0.0) for page in after] == [replace(page, took=0.0) for page in before]


def test_everything_is_written_whoever_may_see_it(engine: Engine) -> None:
    index(engine, article(1, "draft", audiences=frozenset()), article(2, "later", published_at=day(2030, 1, 1)))
    assert len(contents(engine)) == engine.stats().articles == 2
    assert ask(engine, Everything(), audiences=EVERYTHING, now=NOW).total == 2
