"""Worker processes of one machine, each behind a pair of pipes of its own.

A pool that shares queues between its workers can hang for good when one of them is killed in the middle of a message.
Here a killed worker closes its pipe, which tells at once that it is gone and which batch it had in hand. A worker whose
parent is gone reads the end of its input and leaves. No `__main__` guard is needed: workers never import the user's
script.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import queue
import signal
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

from nato_stance.records import NatoStanceError

Answer = tuple[Any, BaseException | None]

_LENGTH: Final = struct.Struct("<Q")
_BOOT: Final = "import sys; sys.path[:] = {path!r}; from nato_stance.processes import serve; serve()"
_PATIENCE_SECONDS: Final = 5.0
_START_TRIES: Final = 5
# One thread each: the workers themselves are the parallelism, and sums must not depend on how threads share them.
_ONE_THREAD: Final = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


class WorkerDiedError(NatoStanceError, RuntimeError):
    """A worker process was ended from outside while it worked on an article."""


class WorkerStartError(NatoStanceError, RuntimeError):
    """A worker process cannot be started, or cannot load what it should do."""


Work = Callable[[Sequence[Any]], list[Answer]]
"""What workers do: a batch of items to one answer each, a value or the exception that kept it from arising."""


@dataclass(frozen=True, slots=True)
class Each:
    """Work that applies a function to one item at a time.

    Example:
        >>> Each(int)(["7", "x"])
        [(7, None), (None, ValueError("invalid literal for int() with base 10: 'x'"))]
    """

    function: Callable[[Any], Any]

    def __call__(self, batch: Sequence[Any]) -> list[Answer]:
        """Answer every item."""
        return [self._answer(item) for item in batch]

    def _answer(self, item: Any) -> Answer:
        try:
            return self.function(item), None
        except Exception as error:
            return None, error


class ProcessPool:
    """Workers that all do the same work.

    Args:
        n_workers: number of processes; they start when they are first needed.
        work: goes to each worker once, at its start, since it may carry a whole model.
    """

    deaths: tuple[type[BaseException], ...] = (WorkerDiedError,)
    losses: tuple[type[BaseException], ...] = ()

    def __init__(self, n_workers: int, work: Work) -> None:
        from joblib.externals.loky.cloudpickle_wrapper import dumps

        self.n_workers = n_workers
        self._work: bytes = dumps(work)
        self._jobs: queue.SimpleQueue[tuple[Sequence[Any], Future[list[Answer]]] | None] = queue.SimpleQueue()
        self._workers: set[_Worker] = set()
        self._killed = False
        # Daemons: an iterator that nobody finished must not keep the interpreter from ending.
        self._threads = [threading.Thread(target=self._attend, daemon=True) for _ in range(n_workers)]
        for thread in self._threads:
            thread.start()

    def submit(self, batch: Sequence[Any]) -> Future[list[Answer]]:
        """Queue a batch; its future holds the answers, or `WorkerDiedError` if its worker was killed."""
        future: Future[list[Answer]] = Future()
        self._jobs.put((batch, future))
        return future

    def close(self, unfinished: list[Future[list[Answer]]], *, kill: bool) -> None:
        """End the workers: when they are done, or at once."""
        self._killed = kill
        for future in unfinished:
            future.cancel()
        if kill:
            for worker in list(self._workers):
                worker.kill()
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            thread.join()

    def _attend(self) -> None:
        """Look after one worker: hand it batches, replace it when it dies."""
        worker: _Worker | None = None
        while (job := self._jobs.get()) is not None:
            batch, future = job
            if self._killed or not future.set_running_or_notify_cancel():
                continue
            try:
                if worker is None:
                    worker = self._start()
                future.set_result(worker.do(batch))
            except WorkerDiedError as error:
                self._bury(worker)
                worker = None
                future.set_exception(error)
            except BaseException as error:
                future.set_exception(error)
        self._bury(worker)

    def _start(self) -> _Worker:
        for _ in range(_START_TRIES):
            worker = _Worker(self._work)
            self._workers.add(worker)
            if self._killed:
                worker.kill()
            try:
                worker.wait_until_ready()
            except WorkerDiedError:
                self._bury(worker)
                if self._killed or not worker.was_killed():
                    break
            else:
                return worker
        raise WorkerStartError("a worker process ended while it started; use fewer jobs, or see its message above")

    def _bury(self, worker: _Worker | None) -> None:
        if worker is not None:
            self._workers.discard(worker)
            worker.end()


class _Worker:
    """The parent's end of one worker process."""

    def __init__(self, work: bytes) -> None:
        environment = {**dict.fromkeys(_ONE_THREAD, "1"), **os.environ}
        command = [sys.executable, "-c", _BOOT.format(path=sys.path)]
        try:
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)
        except OSError as error:
            raise WorkerStartError(f"a worker process cannot be started: {error}; use fewer jobs") from error
        self._work = work

    def wait_until_ready(self) -> None:
        self._send(self._work)
        problem = self._receive()
        if problem is not None:
            raise WorkerStartError(f"a worker process cannot load what it should do: {problem}")

    def was_killed(self) -> bool:
        """Tell, of a worker that has ended, whether a signal ended it, as the system does when memory runs out."""
        return (self._process.returncode or 0) < 0

    def do(self, batch: Sequence[Any]) -> list[Answer]:
        self._send(pickle.dumps(batch, pickle.HIGHEST_PROTOCOL))
        received: list[Answer] = self._receive()
        return received

    def _send(self, data: bytes) -> None:
        assert self._process.stdin is not None
        try:
            _write_message(self._process.stdin, data)
        except (OSError, ValueError) as error:
            raise _died() from error

    def _receive(self) -> Any:
        assert self._process.stdout is not None
        data = _read_message(self._process.stdout)
        if data is None:
            raise _died()
        return pickle.loads(data)

    def kill(self) -> None:
        self._process.kill()

    def end(self) -> None:
        with contextlib.suppress(OSError):
            self._process.stdin.close()  # type: ignore[union-attr]
        try:
            self._process.wait(_PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()  # type: ignore[union-attr]


def _died() -> WorkerDiedError:
    return WorkerDiedError(
        "the worker process was killed every time that it worked on this article, most likely because memory ran out; "
        "score it alone with --jobs 1, or leave it out"
    )


def serve() -> None:
    """Be a worker: read what to do, then batches, write answers, until there is no more input."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches every process of a terminal; the parent decides
    requests, replies = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever the work prints must not get between the answers
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    with contextlib.suppress(BrokenPipeError):
        _serve(requests, replies)
    os._exit(0)  # the parent may be gone: nobody is left to whom flushing or complaining would matter


def _serve(requests: BinaryIO, replies: BinaryIO) -> None:
    data = _read_message(requests)
    if data is None:
        return
    try:
        work = pickle.loads(data)
    except Exception as error:
        _write_message(replies, pickle.dumps(f"{type(error).__name__}: {error}"))
        return
    _write_message(replies, pickle.dumps(None))
    while (data := _read_message(requests)) is not None:
        _write_message(replies, _portable(work(pickle.loads(data))))


def _portable(results: list[Answer]) -> bytes:
    checked = [(value, None if error is None else _portable_error(error)) for value, error in results]
    try:
        return pickle.dumps(checked, pickle.HIGHEST_PROTOCOL)
    except Exception as error:
        reason = RuntimeError(f"a result cannot be sent back: {error}")
        return pickle.dumps([(None, reason)] * len(checked))


def _portable_error(error: BaseException) -> BaseException:
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error


def _write_message(stream: Any, data: bytes) -> None:
    stream.write(_LENGTH.pack(len(data)))
    stream.write(data)
    stream.flush()


def _read_message(stream: Any) -> bytes | None:
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(head)
    data: bytes = stream.read(length)
    return data if len(data) == length else None
