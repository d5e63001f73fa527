"""A map over many items: lazy, bounded, in input order, in one process, many, or a cluster; it outlives its workers."""

from __future__ import annotations

import pickle
import signal
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Future, ThreadPoolExecutor
from typing import Any, Final, Generic, NamedTuple, Protocol, TypeVar

from nato_stance.records import InvalidInputError, InvalidTypeError, MissingDependencyError, NatoStanceError

T = TypeVar("T")
R = TypeVar("R")

BATCH_SIZE: Final = 16
"""Items sent to a worker at once, unless told otherwise: some tens of milliseconds of work on news articles."""

_BATCH_WEIGHT: Final = 2_000_000
_BATCHES_PER_WORKER: Final = 4
_IDLE_SECONDS: Final = 120
_LARGE_FUNCTION: Final = 100_000
_SOLO_TRIES: Final = 2

Answer = tuple[Any, BaseException | None]


class WorkerDiedError(NatoStanceError, RuntimeError):
    """A worker process was ended from outside, each time that it worked on one certain item."""


class Outcome(NamedTuple, Generic[T, R]):
    """What became of one item: `value`, or `error` where the function raised it."""

    item: T
    value: R | None
    error: BaseException | None


def map_ordered(
    function: Callable[[T], R],
    items: Iterable[T],
    *,
    n_jobs: int | None = 1,
    batch_size: int = BATCH_SIZE,
    weight: Callable[[T], int] = lambda item: 0,
) -> Generator[Outcome[T, R], None, None]:
    """Apply `function` to every item and give the outcomes in the order of the items.

    With one job everything happens in this process, one item after the other. With more, batches go to the workers of
    joblib's active backend: processes by default, threads or a Dask cluster under `joblib.parallel_config`. At most
    four batches a worker are under way, so memory stays flat however long the input is.

    When a worker process is killed, what it had in hand is done again, one batch at a time; an item that kills
    its worker every time gets a `WorkerDiedError` as its outcome, the others are done as if nothing had happened.

    Args:
        function: takes an item; must be importable or picklable by cloudpickle when there are several jobs.
        items: read ahead by no more than the batches under way. If the iterator itself raises, the error comes
            after the outcomes of all items before it.
        n_jobs: number of workers; -1 all that there are; None what `joblib.parallel_config` says.
        batch_size: items a batch.
        weight: size of an item in bytes; a batch is closed at two megabytes even if it holds fewer items.

    Yields:
        One outcome an item.

    Raises:
        InvalidTypeError: `n_jobs` or `batch_size` is no whole number.
        InvalidInputError: `n_jobs` is 0, `batch_size` is below 1, or joblib's active backend is none of those above.
        MissingDependencyError: joblib is not installed and more than one job was asked for.

    Example:
        >>> [outcome.value for outcome in map_ordered(len, ["a", "bcd"])]
        [1, 3]
    """
    _check_count(n_jobs, "n_jobs", allow_none=True)
    _check_count(batch_size, "batch_size")
    if n_jobs == 0 or batch_size < 1:
        raise InvalidInputError(f"n_jobs is {n_jobs} and batch_size is {batch_size}; n_jobs is at least 1, or -1")
    return _map(function, items, n_jobs, batch_size, weight)


def _map(
    function: Callable[[T], R],
    items: Iterable[T],
    n_jobs: int | None,
    batch_size: int,
    weight: Callable[[T], int],
) -> Generator[Outcome[T, R], None, None]:
    pool = None if n_jobs == 1 else _open_pool(n_jobs, function)
    if pool is None:
        for item in items:
            yield Outcome(item, *_answer(function, item))
        return
    yield from _Run(pool, _batches(items, batch_size, weight)).outcomes()


def _check_count(value: object, name: str, *, allow_none: bool = False) -> None:
    if (value is None and allow_none) or (isinstance(value, int) and not isinstance(value, bool)):
        return
    raise InvalidTypeError(f"{name} must be a whole number, got {type(value).__name__}")


def _batches(items: Iterable[T], size: int, weight: Callable[[T], int]) -> Iterator[list[T]]:
    batch: list[T] = []
    total = 0
    try:
        for item in items:
            batch.append(item)
            total += weight(item)
            if len(batch) >= size or total >= _BATCH_WEIGHT:
                yield batch
                batch, total = [], 0
    except Exception:
        if batch:
            yield batch
        raise
    if batch:
        yield batch


class _Pool(Protocol):
    """Workers that all know the function of one run."""

    n_workers: int
    deaths: tuple[type[BaseException], ...]

    def submit(self, batch: Sequence[Any]) -> Future[list[Answer]]: ...

    def restart(self) -> None: ...

    def close(self, unfinished: list[Future[list[Answer]]], *, kill: bool) -> None: ...


class _Task(NamedTuple):
    batch: list[Any]
    future: Future[list[Answer]]


class _Run:
    """One pass over the batches: a window of tasks, emptied from the front."""

    def __init__(self, pool: _Pool, batches: Iterator[list[Any]]) -> None:
        self._pool = pool
        self._batches = batches
        self._window: deque[_Task] = deque()
        self._input_error: Exception | None = None
        self._exhausted = False

    def outcomes(self) -> Iterator[Outcome[Any, Any]]:
        kill = True
        try:
            while self._fill():
                task = self._window.popleft()
                try:
                    answers = task.future.result()
                except self._pool.deaths:
                    self._window.appendleft(task)
                    yield from self._recover()
                else:
                    yield from _pair(task.batch, answers)
            kill = False
        finally:
            self._pool.close([task.future for task in self._window], kill=kill)
        if self._input_error is not None:
            raise self._input_error

    def _fill(self) -> bool:
        while not self._exhausted and len(self._window) < _BATCHES_PER_WORKER * self._pool.n_workers:
            try:
                batch = next(self._batches)
            except StopIteration:
                self._exhausted = True
            except Exception as error:
                self._exhausted, self._input_error = True, error
            else:
                self._window.append(_Task(batch, self._submit(batch)))
        return bool(self._window)

    def _submit(self, batch: list[Any]) -> Future[list[Answer]]:
        try:
            return self._pool.submit(batch)
        except self._pool.deaths as error:
            lost: Future[list[Answer]] = Future()
            lost.set_exception(error)
            return lost

    def _recover(self) -> Iterator[Outcome[Any, Any]]:
        """Finish the window after a death, one task at a time, so that a death has one possible cause."""
        tasks = list(self._window)
        self._window.clear()
        self._pool.restart()
        for task in tasks:
            answers = self._settled(task) or self._alone(task.batch)
            if answers is None:
                answers = [self._single(item) for item in task.batch]
            yield from _pair(task.batch, answers)

    def _settled(self, task: _Task) -> list[Answer] | None:
        try:
            return task.future.result()
        except self._pool.deaths:
            return None

    def _alone(self, batch: list[Any]) -> list[Answer] | None:
        try:
            return self._submit(batch).result()
        except self._pool.deaths:
            self._pool.restart()
            return None

    def _single(self, item: Any) -> Answer:
        for _ in range(_SOLO_TRIES):
            answers = self._alone([item])
            if answers is not None:
                return answers[0]
        return None, WorkerDiedError(
            "the worker process was killed every time that it worked on this article, most likely because memory ran "
            "out; score it alone with --jobs 1, or leave it out"
        )


def _pair(batch: list[Any], answers: list[Answer]) -> Iterator[Outcome[Any, Any]]:
    for item, answer in zip(batch, answers, strict=True):
        yield Outcome(item, *answer)


def _answer(function: Callable[[Any], Any], item: Any) -> Answer:
    try:
        return function(item), None
    except Exception as error:
        return None, error


def _answers(function: Callable[[Any], Any], batch: Sequence[Any]) -> list[Answer]:
    """Work of a worker: one answer an item, each sure to survive the way back."""
    return [(value, _portable(error)) for value, error in (_answer(function, item) for item in batch)]


def _portable(error: BaseException | None) -> BaseException | None:
    if error is None:
        return None
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error


def _open_pool(n_jobs: int | None, function: Callable[[Any], Any]) -> _Pool | None:
    """Return the workers of joblib's active backend, or None when one job in this process is asked for."""
    try:
        from joblib.parallel import get_active_backend
    except ImportError as error:
        raise MissingDependencyError(f"more than one job needs joblib ({error}); install it, or use 1 job") from error
    backend, configured = get_active_backend()
    n_workers = int(backend.effective_n_jobs(configured if n_jobs is None else n_jobs))
    name = type(backend).__name__
    if hasattr(backend, "client"):
        return _DaskPool(backend.client, n_workers, function)
    if n_workers == 1 or name == "SequentialBackend":
        return None
    if name in ("LokyBackend", "MultiprocessingBackend"):
        return _ProcessPool(n_workers, function)
    if name == "ThreadingBackend":
        return _ThreadPool(n_workers, function)
    raise InvalidInputError(f"joblib's active backend is {name}; choose loky, threading or dask in parallel_config")


class _ThreadPool:
    deaths: tuple[type[BaseException], ...] = ()

    def __init__(self, n_workers: int, function: Callable[[Any], Any]) -> None:
        self.n_workers = n_workers
        self._function = function
        self._executor = ThreadPoolExecutor(n_workers)

    def submit(self, batch: Sequence[Any]) -> Future[list[Answer]]:
        return self._executor.submit(_answers, self._function, batch)

    def restart(self) -> None:
        raise AssertionError("threads do not die alone")

    def close(self, unfinished: list[Future[list[Answer]]], *, kill: bool) -> None:
        self._executor.shutdown(wait=not kill, cancel_futures=True)


class _ProcessPool:
    deaths: tuple[type[BaseException], ...] = (BrokenExecutor,)

    def __init__(self, n_workers: int, function: Callable[[Any], Any]) -> None:
        from joblib.externals.loky.cloudpickle_wrapper import dumps

        self.n_workers = n_workers
        self._pickled: bytes = dumps(function)
        self.restart()

    def submit(self, batch: Sequence[Any]) -> Future[list[Answer]]:
        future: Future[list[Answer]] = self._executor.submit(_answers_installed, batch)
        return future

    def restart(self) -> None:
        from joblib.externals.loky import ProcessPoolExecutor

        # The function goes to each worker once, at its start, not with every batch: it may carry a whole model.
        # Not joblib's reusable executor: two runs at once in one process would take it from each other.
        self._executor = ProcessPoolExecutor(
            self.n_workers, timeout=_IDLE_SECONDS, initializer=_install, initargs=(self._pickled,)
        )

    def close(self, unfinished: list[Future[list[Answer]]], *, kill: bool) -> None:
        # Killing the workers settles what is unfinished; loky trips over futures that were cancelled as well.
        self._executor.shutdown(wait=True, kill_workers=kill)


_installed: Callable[[Any], Any] | None = None


def _install(pickled: bytes) -> None:
    global _installed
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches every process of a terminal; the parent decides
    _installed = pickle.loads(pickled)


def _answers_installed(batch: Sequence[Any]) -> list[Answer]:
    if _installed is None:
        raise AssertionError("the worker was started without its function")
    return _answers(_installed, batch)


class _DaskPool:
    """Workers of a Dask cluster. The scheduler itself gives the work of a lost worker to another one."""

    def __init__(self, client: Any, n_workers: int, function: Callable[[Any], Any]) -> None:
        from distributed.scheduler import KilledWorker

        self.n_workers = n_workers
        self.deaths: tuple[type[BaseException], ...] = (KilledWorker,)
        self._client = client
        large = len(pickle.dumps(function)) > _LARGE_FUNCTION
        self._function = client.scatter(function, broadcast=True, hash=False) if large else function

    def submit(self, batch: Sequence[Any]) -> Future[list[Answer]]:
        future: Future[list[Answer]] = self._client.submit(_answers, self._function, batch, pure=False)
        return future

    def restart(self) -> None:
        """Do nothing: the cluster looks after its workers."""

    def close(self, unfinished: list[Future[list[Answer]]], *, kill: bool) -> None:
        """Call back what is not done; the cluster belongs to whoever started it."""
        self._client.cancel(unfinished)
