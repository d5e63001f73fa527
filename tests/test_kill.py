"""A short form of `benchmarks/kill.py`: runs that are killed and resumed leave the database of an undisturbed run."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent / "benchmarks"))
import kill


@pytest.mark.skipif(os.name == "nt", reason="there is no SIGKILL")
def test_killed_runs_resume_to_the_same_database(tmp_path: Path) -> None:
    told = kill.check(300, 5, jobs=2, longest=1.5, seed=1, folder=tmp_path)
    assert any("identical" in line for line in told)
