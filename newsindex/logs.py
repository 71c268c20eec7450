"""Lines that newsindex alone makes, in logs and commands: what a user wrote can't begin a line of its own."""

from __future__ import annotations

import logging
import re
import traceback
from typing import Any, Final

#: What begins a new line somewhere, or moves a terminal: controls, and the separators of Unicode.
_CONTROLS: Final = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]")
#: What Python itself writes between exceptions.
_BETWEEN: Final = ("The above exception was the direct cause", "During handling of the above exception")


def one_line(text: str) -> str:
    r"""``text`` with its line breaks and other controls written out: ``\n``, ``\x1b``."""
    return _CONTROLS.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)


def some(count: int, noun: str) -> str:
    """``1 article``, ``2 articles``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


class _OneLine(logging.Filter):
    """Lets everything through, with the arguments of the message and the texts of exceptions on one line."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(map(_fit, record.args))
        error = record.exc_info[1] if record.exc_info else None
        if error is not None and not record.exc_text:
            record.exc_text = _trace(error)
        return True


#: One for all, so that a logger has it once.
_filter: Final = _OneLine()


def get_logger(name: str) -> logging.Logger:
    """The logger of this name."""
    logger = logging.getLogger(name)
    logger.addFilter(_filter)
    return logger


def _fit(argument: Any) -> Any:
    """``argument`` as it is, or its text on one line where that has several: templates stay what they are."""
    if isinstance(argument, int | float):
        return argument
    text = str(argument)
    return one_line(text) if _CONTROLS.search(text) else argument


def _trace(error: BaseException) -> str:
    lines = traceback.TracebackException.from_exception(error).format()
    return "".join(line if _is_pythons(line) else f"{one_line(line[:-1])}\n" for line in lines).rstrip("\n")


def _is_pythons(line: str) -> bool:
    """Whether a part of a traceback holds nothing but places in the code."""
    return line.startswith(('  File "', "Traceback ")) or line.strip().startswith(_BETWEEN)
