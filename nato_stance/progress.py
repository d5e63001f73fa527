"""How far a run is: one line that renews itself on a terminal, one summary at the end everywhere."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, TextIO

from nato_stance.articles import ArticleFailure

_REFRESH_SECONDS: Final = 0.2
_FEW_NOTES: Final = 5


@dataclass(slots=True)
class Progress:
    """Counts articles, reports on standard error.

    Attributes:
        stream: where to report.
        quiet: True for failures only.
        verbose: True for a line an article that deserves a note, however many there are.
        live: False for no line that renews itself, as when results go to the same terminal.
        total_bytes: size of all input, if it is known; gives the time left.
        clock: seconds, monotonic.
        n_done, n_failed, n_statements, n_without, bytes_read: counts so far; `n_without` are articles without any
            statement.
    """

    stream: TextIO
    quiet: bool = False
    verbose: bool = False
    live: bool = True
    total_bytes: int | None = None
    clock: Callable[[], float] = time.monotonic
    n_done: int = 0
    n_failed: int = 0
    n_statements: int = 0
    n_without: int = 0
    n_notes: int = 0
    bytes_read: int = 0
    _start: float = field(init=False)
    _shown: float = field(init=False)
    _live: bool = field(init=False)
    _dirty: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        self._start = self._shown = self.clock()
        self._live = self.live and not self.quiet and self.stream.isatty()

    def read(self, n_bytes: int) -> None:
        """Count bytes of input."""
        self.bytes_read += n_bytes

    def done(self, n_statements: int, name: str, note: str | None) -> None:
        """Count a scored article; `note` says what is unusual about it."""
        self.n_done += 1
        self.n_statements += n_statements
        self.n_without += n_statements == 0
        if note is not None:
            self.n_notes += 1
            if not self.quiet and (self.verbose or self.n_notes <= _FEW_NOTES):
                self._line(f"note: {name}: {note}")
        self._refresh()

    def failed(self, failure: ArticleFailure) -> None:
        """Count a failure and report it as a line of JSON, also when quiet."""
        self.n_failed += 1
        self._line(json.dumps(failure.to_dict(), ensure_ascii=False))
        self._refresh()

    def say(self, message: str) -> None:
        """Report a line, unless quiet."""
        if not self.quiet:
            self._line(message)

    def summary(self, *, n_unchanged: int = 0, ignored: str = "", stopped: bool = False) -> None:
        """Report the counts, once, at the end."""
        if self.quiet:
            return
        seconds = self.clock() - self._start
        rate = self.n_done / seconds if seconds > 0 else 0.0
        parts = [
            f"{self.n_done:,} article{'' if self.n_done == 1 else 's'} scored "
            f"({self.n_statements:,} statement{'' if self.n_statements == 1 else 's'}; {self.n_without:,} without any)"
        ]
        parts += [f"{n_unchanged:,} unchanged"] if n_unchanged else []
        parts += [f"{self.n_failed:,} failed"]
        parts += [f"files left out: {ignored}"] if ignored else []
        parts += [f"{self.n_notes:,} notes"] if self.n_notes > _FEW_NOTES and not self.verbose else []
        verb = "stopped after" if stopped else "in"
        self._line(f"nato-stance: {'; '.join(parts)}; {verb} {seconds:.1f} s ({rate:,.0f} a second)")

    def _line(self, text: str) -> None:
        self._erase()
        # Whatever is in a name or a message: it must neither steer the terminal nor be beyond its encoding.
        text = "".join(c if c.isprintable() else "\ufffd" for c in text)
        encoding = self.stream.encoding or "utf-8"
        self.stream.write(text.encode(encoding, "backslashreplace").decode(encoding) + "\n")
        self.stream.flush()

    def _erase(self) -> None:
        if self._dirty:
            self.stream.write("\r\x1b[K")
            self._dirty = False

    def _refresh(self) -> None:
        now = self.clock()
        if not self._live or now - self._shown < _REFRESH_SECONDS:
            return
        self._shown = now
        self._erase()
        self.stream.write(self._state(now - self._start))
        self.stream.flush()
        self._dirty = True

    def _state(self, seconds: float) -> str:
        rate = (self.n_done + self.n_failed) / seconds if seconds > 0 else 0.0
        state = f"{self.n_done:,} done, {self.n_failed:,} failed, {rate:,.0f} a second"
        if not self.total_bytes or not self.bytes_read:
            return state
        share = min(1.0, self.bytes_read / self.total_bytes)
        left = int(seconds * (1.0 - share) / share)
        return f"{state}, {share:.0%}, {left // 3600}:{left // 60 % 60:02}:{left % 60:02} left"
