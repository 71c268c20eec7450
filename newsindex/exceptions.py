"""The exceptions of newsindex, all children of one base.

NewsIndexError
├── ConfigurationError     a developer's mistake in settings or in a source
├── ContractError          a document or request that breaks the engine contract
└── EngineError            the engine can't do its work now; pages answer 503, saving goes on
    ├── IndexNotBuilt      there is no live generation yet: run newsindex_rebuild
    ├── IndexDamaged       files of the index are missing, foreign or broken
    ├── DocumentsRefused   the engine will never take some documents; it has taken the others
    └── WriterBusy         somebody else holds the writer lock
"""

from __future__ import annotations

from collections.abc import Mapping


class NewsIndexError(Exception):
    """Base of everything that newsindex raises on purpose."""


class ConfigurationError(NewsIndexError):
    """Settings or a source are wrong; the message says who, what, and what to write instead."""


class ContractError(NewsIndexError):
    """A document or a search request breaks the contract of engines/base.py."""


class EngineError(NewsIndexError):
    """The engine can't answer or write at the moment."""


class IndexNotBuilt(EngineError):
    """The engine has no live generation; ``newsindex_rebuild`` makes one."""


class IndexDamaged(EngineError):
    """Files of the index are missing, foreign or broken."""


class DocumentsRefused(EngineError):
    """The engine will never take some documents of a commit; it has the others. failures: why, by key."""

    def __init__(self, message: str, failures: Mapping[str, str]) -> None:
        super().__init__(message)
        self.failures = dict(failures)


class WriterBusy(EngineError):
    """Another thread or process holds the writer lock; what is pending stays pending."""
