"""The way from a laptop to a cluster: a real scheduler and worker processes on this machine, one killed in mid-run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from generated_articles import articles

from nato_stance import score_articles
from nato_stance.parallel import ClusterLostError

joblib = pytest.importorskip("joblib")
distributed = pytest.importorskip("distributed")

NEWS = list(articles(240))


class Cluster:
    """A scheduler and two workers, each a process of its own, on the loopback interface."""

    def __init__(self, folder: Path) -> None:
        address_file = folder / "scheduler.json"
        quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": folder}
        scheduler = ["--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(address_file)]
        self.processes = [
            subprocess.Popen([sys.executable, "-m", "distributed.cli.dask_scheduler", *scheduler], **quiet)
        ]
        worker = ["--scheduler-file", str(address_file), "--no-nanny", "--nthreads", "1", "--no-dashboard"]
        worker += ["--host", "127.0.0.1", "--local-directory", str(folder)]
        deadline = time.monotonic() + 60
        while not address_file.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        for _ in range(2):
            command = [sys.executable, "-m", "distributed.cli.dask_worker", *worker]
            self.processes.append(subprocess.Popen(command, **quiet))
        self.client = distributed.Client(scheduler_file=str(address_file), timeout=60, set_as_default=True)
        self.client.wait_for_workers(2, timeout=60)

    def close(self) -> None:
        self.client.close()
        for process in self.processes:
            process.kill()
            process.wait()


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    made = Cluster(tmp_path)
    yield made
    made.close()


@pytest.mark.skipif(os.name == "nt", reason="there is no SIGKILL")
def test_a_worker_of_the_cluster_is_killed_and_nothing_is_lost(cluster: Cluster) -> None:
    expected = list(score_articles(NEWS))
    found = []
    with joblib.parallel_config("dask"):
        for score in score_articles(NEWS, n_jobs=-1, batch_size=4):
            found.append(score)
            if len(found) == 20:
                cluster.processes[1].send_signal(signal.SIGKILL)
    assert found == expected
    assert len(cluster.client.scheduler_info()["workers"]) == 1
    with joblib.parallel_config("dask"):
        bad = list(score_articles(["x", 5], n_jobs=None, on_error="record"))
    assert [type(x).__name__ for x in bad] == ["ArticleScore", "ArticleFailure"]
    with joblib.parallel_config("dask"):
        stream = score_articles(NEWS * 10, n_jobs=-1, batch_size=4)
    next(stream)
    cluster.processes[0].kill()
    with pytest.raises(ClusterLostError, match="start its scheduler again"):
        list(stream)
