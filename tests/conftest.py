"""Where things lie, for every test."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"


@pytest.fixture(scope="session")
def root() -> Path:
    """The folder with README, docs and fixtures."""
    return ROOT


@pytest.fixture(scope="session")
def fixtures(root: Path) -> Path:
    """The folder with articles, corpus and cases."""
    return root / "fixtures"


@pytest.fixture(scope="session")
def shared() -> Path:
    """Third-party yardsticks beside the checkout; the test is skipped where they are missing."""
    if not SHARED.is_dir():
        pytest.skip(f"the third-party yardsticks are not there ({SHARED}); this check needs them")
    return SHARED
