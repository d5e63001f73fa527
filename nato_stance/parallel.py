"""A map over many items: lazy, bounded, in input order, in one process, many, or a cluster; it outlives its workers."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any, Final, Generic, NamedTuple, Protocol, TypeVar

from nato_stance.processes import Answer, ProcessPool, Work
from nato_stance.records import InvalidInputError, InvalidTypeError, MissingDependencyError, NatoStanceError

T = TypeVar("T")

BATCH_SIZE: Final = 16
"""Items sent to a worker at once, unless told otherwise: some tens of milliseconds of work on news articles."""

MAX_WORKERS: Final = 1_000
"""Most workers of one machine: each costs tens of megabytes, and four batches are read ahead for it."""

_BATCH_WEIGHT: Final = 2_000_000
_BATCHES_PER_WORKER: Final = 4
_LARGE_WORK: Final = 100_000
_SOLO_TRIES: Final = 2


class ClusterLostError(NatoStanceError, RuntimeError):
    """The scheduler of a Dask cluster went away in the middle of a run."""


class Outcome(NamedTuple, Generic[T]):
    """What became of one item: `value`, or `error` where there is none."""

    item: T
    value: Any
    error: BaseException | None


def map_ordered(
    work: Work,
    items: Iterable[T],
    *,
    n_jobs: int | None = 1,
    batch_size: int = BATCH_SIZE,
    weight: Callable[[T], int] = lambda item: 0,
) -> Generator[Outcome[T], None, None]:
    """Do some work on every item and give the outcomes in the order of the items.

    With one job everything happens in this process, one batch after the other. With more, batches go to the workers of
    joblib's active backend: processes by default, threads or a Dask cluster under `joblib.parallel_config`. At most
    four batches a worker are under way, so memory stays flat however long the input is.

    When a worker process is killed, the batch that it had in hand is done again, item by item; an item that kills
    its worker every time gets a `WorkerDiedError` as its outcome, the others are done as if nothing had happened.

    Args:
        work: takes a batch of items to one answer each; `Each` makes it of a function of one item. With several
            jobs it must be importable or picklable by cloudpickle.
        items: read ahead by no more than the batches under way. If the iterator itself raises, the error comes
            after the outcomes of all items before it.
        n_jobs: number of workers; -1 all that there are; None what `joblib.parallel_config` says.
        batch_size: items a batch.
        weight: size of an item in bytes; a batch is closed at two megabytes even if it holds fewer items.

    Yields:
        One outcome an item.

    Raises:
        InvalidTypeError: `n_jobs` or `batch_size` is no whole number.
        InvalidInputError: `n_jobs` is 0 or above 1,000 on one machine, `batch_size` is below 1, or joblib's active
            backend is none of those above.
        MissingDependencyError: joblib is not installed and more than one job was asked for.
        WorkerStartError: a worker process cannot be started.
        ClusterLostError: the scheduler of the cluster went away.

    Example:
        >>> from nato_stance.processes import Each
        >>> [outcome.value for outcome in map_ordered(Each(len), ["a", "bcd"])]
        [1, 3]
    """
    _check_count(n_jobs, "n_jobs", allow_none=True)
    _check_count(batch_size, "batch_size")
    if n_jobs == 0 or batch_size < 1:
        raise InvalidInputError(f"n_jobs is {n_jobs} and batch_size is {batch_size}; n_jobs is at least 1, or -1")
    # Chosen now, not at the first item: the iterator may leave the `with joblib.parallel_config` that it was made in.
    open_pool = None if n_jobs == 1 else _pool_of(n_jobs)
    return _map(work, _batches(items, batch_size, weight), open_pool)


def _map(
    work: Work, batches: Iterator[list[Any]], open_pool: Callable[[Work], _Pool] | None
) -> Generator[Outcome[Any], None, None]:
    if open_pool is None:
        for batch in batches:
            yield from _pair(batch, work(batch))
    else:
        yield from _Run(open_pool(work), batches).outcomes()


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
    losses: tuple[type[BaseException], ...]

    def submit(self, batch: Sequence[Any]) -> Future[list[Answer]]: ...

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

    def outcomes(self) -> Iterator[Outcome[Any]]:
        kill = True
        try:
            while self._fill():
                task = self._window.popleft()
                yield from _pair(task.batch, self._done(task))
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
                self._window.append(_Task(batch, self._pool.submit(batch)))
        return bool(self._window)

    def _done(self, task: _Task) -> list[Answer]:
        try:
            return task.future.result()
        except self._pool.deaths:
            # Any of the batch may have been the death of the worker, or none: one by one tells.
            return [self._single(item) for item in task.batch]
        except self._pool.losses as error:
            raise ClusterLostError(
                f"the connection to the cluster is lost ({error}); start its scheduler again and score what is missing"
            ) from error

    def _single(self, item: Any) -> Answer:
        death: BaseException | None = None
        for _ in range(_SOLO_TRIES):
            try:
                return self._pool.submit([item]).result()[0]
            except self._pool.deaths as error:
                death = error
        return None, death


def _pair(batch: list[Any], found: list[Answer]) -> Iterator[Outcome[Any]]:
    for item, (value, error) in zip(batch, found, strict=True):
        yield Outcome(item, value, error)


def _pool_of(n_jobs: int | None) -> Callable[[Work], _Pool] | None:
    """Return what opens the workers of joblib's active backend, or None when it is one job in this process."""
    try:
        from joblib.parallel import get_active_backend
    except ImportError as error:
        raise MissingDependencyError(f"more than one job needs joblib ({error}); install it, or use 1 job") from error
    backend, configured = get_active_backend()
    n_workers = int(backend.effective_n_jobs(configured if n_jobs is None else n_jobs))
    name = type(backend).__name__
    if hasattr(backend, "client"):
        return partial(_DaskPool, n_workers, backend.client)
    if n_workers == 1 or name == "SequentialBackend":
        return None
    if n_workers > MAX_WORKERS:
        raise InvalidInputError(f"n_jobs is {n_workers:,}; one machine takes {MAX_WORKERS:,} at most, -1 fits it")
    if name in ("LokyBackend", "MultiprocessingBackend"):
        return partial(ProcessPool, n_workers)
    if name == "ThreadingBackend":
        return partial(_ThreadPool, n_workers)
    raise InvalidInputError(f"joblib's active backend is {name}; choose loky, threading or dask in parallel_config")


class _ThreadPool:
    deaths: tuple[type[BaseException], ...] = ()
    losses: tuple[type[BaseException], ...] = ()

    def __init__(self, n_workers: int, work: Work) -> None:
        self.n_workers = n_workers
        self._work = work
        self._executor = ThreadPoolExecutor(n_workers)

    def submit(self, batch: Sequence[Any]) -> Future[list[Answer]]:
        return self._executor.submit(self._work, batch)

    def close(self, unfinished: list[Future[list[Answer]]], *, kill: bool) -> None:
        self._executor.shutdown(wait=not kill, cancel_futures=True)


class _DaskPool:
    """Workers of a Dask cluster. The scheduler itself gives the work of a lost worker to another one."""

    def __init__(self, n_workers: int, client: Any, work: Work) -> None:
        from distributed import CancelledError
        from distributed.comm import CommClosedError
        from distributed.scheduler import KilledWorker
        from joblib.externals.loky.cloudpickle_wrapper import dumps

        self.n_workers = n_workers
        self.deaths: tuple[type[BaseException], ...] = (KilledWorker,)
        self.losses: tuple[type[BaseException], ...] = (CancelledError, CommClosedError)
        self._client = client
        large = len(dumps(work)) > _LARGE_WORK
        self._work = client.scatter(work, broadcast=True, hash=False) if large else work

    def submit(self, batch: Sequence[Any]) -> Future[list[Answer]]:
        future: Future[list[Answer]] = self._client.submit(_do, self._work, batch, pure=False)
        return future

    def close(self, unfinished: list[Future[list[Answer]]], *, kill: bool) -> None:
        """Call back what is not done; the cluster belongs to whoever started it."""
        self._client.cancel(unfinished)


def _do(work: Work, batch: Sequence[Any]) -> list[Answer]:
    return work(batch)
