"""Writing: Documents to Whoosh documents, one commit for all changes of a writer."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from whoosh.writing import MERGE_SMALL

from newsindex.analysis import stemming_language
from newsindex.engines.base import Document, Writer
from newsindex.engines.whoosh.analysis import AnalysedText, analysed
from newsindex.engines.whoosh.records import encoded_article, encoded_paragraph
from newsindex.engines.whoosh.schema import ARTICLE, PARAGRAPH, words_field
from newsindex.engines.whoosh.segments import Snapshot
from newsindex.engines.whoosh.storage import writing
from newsindex.engines.whoosh.store import Store
from newsindex.exceptions import ContractError

logger = logging.getLogger("newsindex")


class WhooshWriter(Writer):
    """Changes one generation. Committing or cancelling ends it; whoever makes it holds the lock.

    Whoosh writes documents as they come and keeps its postings within ``memory`` megabytes. It can't delete what it
    has not committed: what is put again in the same writer is deleted in the segment that is being written.
    """

    def __init__(
        self, store: Store, memory: int, before_commit: Callable[[Iterable[str]], None], ended: Callable[[], None]
    ) -> None:
        """before_commit: gets the keys that are about to change. ended: called once, whatever happened."""
        self._store = store
        self._memory = memory
        self._before_commit = before_commit
        self._ended = ended
        self._open = True
        self._whoosh: Any = None
        self._snapshot: Snapshot | None = None
        #: Where documents of this writer lie in the new segment, None for those only deleted.
        self._changed: dict[str, range | None] = {}

    def put(self, document: Document) -> None:
        self._check_open()
        # Before anything is taken out: a document that can't be analysed changes nothing.
        prepared = whoosh_documents(document)
        with self._changing():
            self._take_out(document.key)
            whoosh = self._writing()
            first = int(whoosh.docnum)
            for fields in prepared:
                whoosh.add_document(**fields)
            self._changed[document.key] = range(first, int(whoosh.docnum))

    def delete(self, key: str) -> None:
        self._check_open()
        with self._changing():
            self._take_out(key)
            self._changed[key] = None

    def commit(self) -> None:
        if not self._open:
            return
        try:
            if self._whoosh is not None:
                with writing(str(self._store.directory)):
                    self._before_commit(self._changed)
                    self._whoosh.commit(mergetype=merge_policy)
                self._whoosh = None
        finally:
            self._end()

    def cancel(self) -> None:
        if self._open:
            self._end()

    def _check_open(self) -> None:
        if not self._open:
            raise ContractError("This writer has committed or was cancelled; open another one with engine.writer().")

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """A change that fails half-way ends the writer: half an article must not be committed."""
        try:
            with writing(str(self._store.directory)):
                yield
        except BaseException:
            self._end()
            raise

    def _take_out(self, key: str) -> None:
        """Delete what this writer and the commits before it have under ``key``."""
        if key in self._changed:
            for doc in self._changed[key] or ():
                self._writing().newsegment.delete_document(doc)
            return
        if self._snapshot is None:
            self._snapshot = self._store.snapshot()
        ordinal = self._snapshot.find(key)
        if ordinal is not None:
            whoosh = self._writing()
            # Document numbers of Whoosh run over the segments of the commit as those of the snapshot do.
            for doc in range(*self._snapshot.documents_of(ordinal)):
                whoosh.delete_document(doc)

    def _writing(self) -> Any:
        if self._whoosh is None:
            self._whoosh = self._store.whoosh_writer(self._memory)
        return self._whoosh

    def _end(self) -> None:
        """Drop what was not committed, and let others write."""
        self._open = False
        self._changed = {}
        self._snapshot = None
        whoosh, self._whoosh = self._whoosh, None
        try:
            if whoosh is not None:
                self._abandon(whoosh)
        finally:
            self._ended()

    def _abandon(self, whoosh: Any) -> None:
        """Cancel a Whoosh writer, and remove the files of its unfinished segment, which Whoosh leaves lying.

        After a failure some of its files may be closed already, so that it can't even cancel.
        """
        try:
            if not whoosh.is_closed:
                whoosh.cancel()
        except Exception as error:
            logger.warning("A Whoosh writer could not cancel (%r); its files are removed.", error)
        try:
            self._store.clean(whoosh)
        except OSError as error:
            logger.warning("Files of an unfinished segment stay until the next commit: %r", error)


def merge_policy(writer: Any, segments: list[Any]) -> list[Any]:
    """Which segments stay as they are: Whoosh's own choice, among those that have any live document."""
    remaining: list[Any] = MERGE_SMALL(writer, [each for each in segments if each.doc_count()])
    return remaining


def whoosh_documents(document: Document) -> list[dict[str, Any]]:
    """The head and the paragraphs of a Document as Whoosh takes them."""
    language = stemming_language(document.language)
    title = analysed([document.title], language)
    summary = analysed([document.summary], language)
    tags = analysed(document.tags, language)
    texts = [analysed([paragraph.text], language) for paragraph in document.paragraphs]
    lengths = (title.length, summary.length, tags.length)
    head = {
        ARTICLE: encoded_article(document, lengths, [text.length for text in texts]),
        **_fields("title", title),
        **_fields("summary", summary),
        **_fields("tags", tags),
    }
    paragraphs = [
        {PARAGRAPH: encoded_paragraph(paragraph), **_fields("text", text)}
        for paragraph, text in zip(document.paragraphs, texts, strict=True)
    ]
    return [head, *paragraphs]


def _fields(name: str, text: AnalysedText) -> dict[str, Any]:
    return {name: text.stems, words_field(name): text.words}
