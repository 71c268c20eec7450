"""Segments built by several processes, for a rebuild: rows go in through pipes, files come out.

A worker is a new interpreter that knows this package and nothing of Django. It ends when its input does, so that none
outlives the process that started it, whatever that one dies of.
"""

from __future__ import annotations

import fcntl
import json
import marshal
import os
import queue
import signal
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final

from newsindex.engines.whoosh.building import SegmentBuilder
from newsindex.engines.whoosh.lexicon import Lexicon
from newsindex.engines.whoosh.rows import Row
from newsindex.exceptions import EngineError, NewsIndexError
from newsindex.logs import get_logger

logger = get_logger("newsindex")

#: Rows that go through a pipe at once.
_FRAME: Final = 64
#: So many bytes wait in a pipe, where the system lets them: its usual 64 kB make both sides wait for each other.
_PIPE: Final = 1 << 20
_SIZE: Final = struct.Struct("<Q")
# The packages above this module import Django and Whoosh, which a worker has no use for.
_START: Final = """
import json, sys, types
path, packages = json.loads(sys.argv[1])
sys.path[:] = path
for name, places in packages.items():
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].__path__ = places
from newsindex.engines.whoosh import workers
"""


class SegmentWorkers:
    """Several processes that build segments. Used by one thread; at the end of a ``with`` the processes are gone.

    What fails in a worker, and the death of one, is an EngineError in the next ``submit`` or in ``results``. Whoever
    gets it removes the files: one may be unfinished.
    """

    def __init__(self, processes: int, directory: Path) -> None:
        """directory: where the segments go. EngineError where no process can be started."""
        self._directory = directory
        # One job waits for the next free worker; more would only take memory.
        self._jobs: queue.Queue[tuple[str, list[Row]] | None] = queue.Queue(1)
        self._done: queue.SimpleQueue[str | EngineError] = queue.SimpleQueue()
        self._waited_for = 0
        self._error: EngineError | None = None
        self._processes: list[subprocess.Popen[bytes]] = []
        try:
            for _ in range(processes):
                self._processes.append(_started())
        except OSError as error:
            self._kill()
            raise EngineError(f"A worker process can't be started: {error}") from error
        self._threads = [threading.Thread(target=self._serve, args=[each], daemon=True) for each in self._processes]
        for thread in self._threads:
            thread.start()

    def submit(self, rows: Sequence[Row], name: str) -> None:
        """Have the segment ``name`` built. Waits while all workers are busy and another segment waits already."""
        if self._error:
            raise self._error
        self._waited_for += 1
        self._jobs.put((name, list(rows)))

    def finished(self) -> Iterator[str]:
        """As ``results``, but only those that are finished already."""
        while not self._done.empty():
            yield self._next()

    def results(self) -> Iterator[str]:
        """The names of all segments submitted and not yet named here, as they are finished."""
        while self._waited_for:
            yield self._next()

    def _next(self) -> str:
        done = self._done.get()
        self._waited_for -= 1
        if isinstance(done, EngineError):
            raise done
        return done

    def close(self) -> None:
        """End the processes, whatever they are doing."""
        # The workers' threads take what is left of the jobs, and see that their process is gone.
        self._error = self._error or EngineError("The workers are closed.")
        self._kill()
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            thread.join()

    def __enter__(self) -> SegmentWorkers:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _serve(self, process: subprocess.Popen[bytes]) -> None:
        """Give jobs to one process until there are no more. The jobs that follow a failure are dropped."""
        while (job := self._jobs.get()) is not None:
            name, rows = job
            try:
                if self._error is None:
                    _build(process, self._directory / name, rows)
                self._done.put(self._error or name)
            except EngineError as error:
                self._fail(error)
            except Exception as error:
                # A thread that ended here would leave whoever waits for it waiting for ever.
                logger.exception("The segment %s can't be sent to a worker process", name)
                self._fail(EngineError(f"The segment {name} can't be sent to a worker process: {error!r}"))
            # The rows of a finished job are not to stay until the next comes.
            del job, rows

    def _fail(self, error: EngineError) -> None:
        self._error = self._error or error
        self._done.put(error)

    def _kill(self) -> None:
        for process in self._processes:
            process.kill()
        for process in self._processes:
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe:
                    _closed(pipe)


def _started() -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", f"{_START}workers.serve()", _argument()]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin
    if hasattr(fcntl, "F_SETPIPE_SZ"):
        with suppress(OSError):
            fcntl.fcntl(process.stdin, fcntl.F_SETPIPE_SZ, _PIPE)
    return process


def _argument() -> str:
    """What _START wants: where modules are looked for, and the packages of this one but the first."""
    parts = __name__.split(".")[:-1]
    names = [".".join(parts[:size]) for size in range(2, len(parts) + 1)]
    return json.dumps([sys.path, {name: list(sys.modules[name].__path__) for name in names}])


def _build(process: subprocess.Popen[bytes], path: Path, rows: list[Row]) -> None:
    """Have a segment built by a process. Takes the rows away. EngineError."""
    assert process.stdin and process.stdout
    try:
        rows.reverse()
        while rows:
            _send(process.stdin, [tuple(rows.pop()) for _ in range(min(_FRAME, len(rows)))])
        _send(process.stdin, str(path))
        problem = _received(process.stdout)
    except (OSError, ValueError, EOFError):
        raise EngineError(
            f"The worker process {process.pid} that was building {path.name} ended by itself (exit code "
            f"{process.wait()}; -9 is often a lack of memory). Nothing was changed."
        ) from None
    if problem:
        raise EngineError(f"A worker process can't build {path.name}: {problem}. Nothing was changed.")


def _send(pipe: IO[bytes], message: Any) -> None:
    try:
        data = marshal.dumps(message)
    except ValueError:
        data = marshal.dumps(_plain(message))
    pipe.write(_SIZE.pack(len(data)))
    pipe.write(data)
    pipe.flush()


def _received(pipe: IO[bytes]) -> Any:
    """The next message. EOFError."""
    size = pipe.read(_SIZE.size)
    if len(size) < _SIZE.size:
        raise EOFError
    return marshal.loads(pipe.read(_SIZE.unpack(size)[0]))


def _plain(value: Any) -> Any:
    """A message without strings and numbers of other classes, such as Django's safe strings."""
    if isinstance(value, tuple | list):
        return type(value)(map(_plain, value))
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return int(value)
    if not isinstance(value, bytes | float):
        raise TypeError(f"Rows have plain values only, not {value!r}.")
    return value


def _closed(pipe: IO[bytes]) -> None:
    """Close a pipe of a dead process: what was not flushed goes nowhere."""
    with suppress(OSError):
        pipe.close()


def serve() -> None:
    """The life of a worker: lists of rows and then a path come in, "" or what went wrong goes out."""
    # An interrupt in the terminal reaches all its processes; this one waits for what its parent does about it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answers = os.fdopen(os.dup(1), "wb")
    # Whatever prints shall not answer.
    os.dup2(2, 1)
    messages: queue.Queue[Any] = queue.Queue(4)
    threading.Thread(target=_listen, args=[messages], daemon=True).start()
    lexicon = Lexicon()
    builder = SegmentBuilder(lexicon)
    problem = ""
    while True:
        message = messages.get()
        try:
            if problem:
                pass
            elif isinstance(message, list):
                for row in message:
                    builder.add_row(Row(*row))
            else:
                builder.build(Path(message), whole=True)
        except (OSError, NewsIndexError, ValueError, TypeError, MemoryError) as error:
            problem = f"{type(error).__name__}: {error}"
            builder = SegmentBuilder(lexicon)
        if isinstance(message, str):
            _send(answers, problem)
            problem = ""


def _listen(messages: queue.Queue[Any]) -> None:
    """Take what comes in, also while the worker is busy: the end of it is the end of the parent."""
    while True:
        try:
            messages.put(_received(sys.stdin.buffer))
        except EOFError:
            os._exit(0)
