"""The quality gate: measured values may not fall below floors that are kept, with their history, in one file.

The file holds a list of entries, the last in force. An entry has the floors of each measured set, the digest of the
data they were measured on, a reason, and a seal over itself and the entry before it. Floors rise without a word; an
entry in which one falls, goes away, or is measured on other data needs a reason, and the seal keeps anybody from
lowering one in passing: it takes `nato-stance evaluate --gate --update --reason TEXT`, and shows in the file.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from nato_stance._version import __version__
from nato_stance.evaluation import LOWER_IS_BETTER
from nato_stance.records import InvalidInputError, NatoStanceError

TOLERANCE: Final = 0.005
"""How far a value may lie on the wrong side of its floor before the gate fails."""

GATED: Final = (
    "primary_f1",
    "presence_f1",
    "polarity_f1",
    "tone_f1",
    "ece",
    "quoted_span_f1",
    "indirect_span_f1",
    "span_f1",
    "speaker_accuracy",
    "found_and_attributed",
)
"""Measures of labelled sets and articles that have floors (for `ece`, a ceiling); of pairs, every family has one."""

_DECIMALS: Final = 4
Entry = dict[str, Any]


class FloorsError(NatoStanceError, ValueError):
    """The file of floors is damaged, was edited by hand, or an update breaks its rules."""


@dataclass(frozen=True, slots=True)
class Measured:
    """Values measured on one set, and the digest of its data."""

    data_digest: str
    values: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Breach:
    """One reason why the gate fails.

    Attributes:
        name: the measured set.
        measure: the measure, or None where the set as a whole is at fault.
        message: what is wrong.
    """

    name: str
    measure: str | None
    message: str

    def __str__(self) -> str:
        return f"{self.name}: " + (f"{self.measure} " if self.measure else "") + self.message


def measured_of(suite: Mapping[str, Any]) -> dict[str, Measured]:
    """Return the gated values of the model in the JSON form of an `EvaluationSuite`."""
    result = {}
    for name, content in suite["sets"].items():
        report = content["systems"]["model"]
        values = {k: v["value"] for k, v in report["measures"].items() if k in GATED and v["value"] is not None}
        result[name] = Measured(report["data_digest"], values)
    for name, report in [*suite["articles"].items(), *suite["quotations"].items()]:
        values = {k: v for k, v in report["measures"].items() if k in GATED}
        result[name] = Measured(report["data_digest"], values)
    for name, report in suite["behaviour"].items():
        result[name] = Measured(report["data_digest"], report["measures"])
    return result


def read_floors(path: str | Path) -> list[Entry]:
    """Read the file of floors and check its history.

    Returns:
        The entries, oldest first; none where the file does not exist.

    Raises:
        FloorsError: the file is no such file, an entry does not bear its seal, or lowers a floor without a reason.
    """
    try:
        entries = json.loads(Path(path).read_text(encoding="utf-8"))["history"]
        problems = list(_history_problems(entries))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise FloorsError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise FloorsError(f"{path} is no file of floors ({type(error).__name__}: {error})") from error
    if problems:
        raise FloorsError(f"{path}: {'; '.join(problems)}")
    return list(entries)


def _history_problems(entries: Sequence[Entry]) -> Iterator[str]:
    before: Entry | None = None
    for number, entry in enumerate(entries, start=1):
        if entry["seal"] != _seal(entry, before):
            yield (
                f"entry {number} does not bear its seal; it was edited by hand: restore it and use "
                "`nato-stance evaluate --gate --update --reason TEXT`"
            )
        lowered = lowered_floors(before, entry)
        if lowered and not entry["reason"].strip():
            yield f"entry {number} lowers floors without a reason: {', '.join(lowered)}"
        before = entry


def _seal(entry: Entry, before: Entry | None) -> str:
    content = {k: v for k, v in entry.items() if k != "seal"}
    previous = before["seal"] if before else ""
    return hashlib.sha256((previous + json.dumps(content, sort_keys=True)).encode()).hexdigest()


def lowered_floors(before: Entry | None, entry: Entry) -> list[str]:
    """Return what an entry demands less of than the one before it: floors that fell or went away, data that changed."""
    if before is None:
        return []
    lowered = []
    for name, floors in before["floors"].items():
        if name not in entry["floors"]:
            lowered.append(f"{name} is gone")
            continue
        if entry["data"][name] != before["data"][name]:
            lowered.append(f"{name} is measured on other data")
        for measure, floor in floors.items():
            now = entry["floors"][name].get(measure)
            if now is None or _worse_by(measure, now, floor) > 0:
                lowered.append(f"{name} {measure} {floor} -> {now}")
    return lowered


def _worse_by(measure: str, value: float, floor: float) -> float:
    """Return how far a value lies on the wrong side of a floor; negative on the right side."""
    return value - floor if measure in LOWER_IS_BETTER else floor - value


def check(entries: Sequence[Entry], measured: Mapping[str, Measured], tolerance: float = TOLERANCE) -> list[Breach]:
    """Hold measured values against the floors in force.

    Args:
        entries: from `read_floors`.
        measured: set name to values; sets without floors pass, floors of sets that were not measured are not asked.
        tolerance: how far a value may lie on the wrong side.

    Returns:
        Every breach; an empty list is a pass.

    Raises:
        FloorsError: there are no floors, or none of the sets measured has any.

    Example:
        >>> entries = updated([], {"dev": Measured("d1", {"primary_f1": 0.70})}, "first measured")
        >>> check(entries, {"dev": Measured("d1", {"primary_f1": 0.699})})
        []
        >>> print(check(entries, {"dev": Measured("d1", {"primary_f1": 0.69})})[0])
        dev: primary_f1 is 0.6900, more than 0.005 worse than the floor 0.7000
    """
    floors = entries[-1]["floors"] if entries else {}
    if not floors.keys() & measured.keys():
        raise FloorsError(
            f"there are no floors for {', '.join(sorted(measured)) or 'nothing'}; set some with --update --reason TEXT"
        )
    breaches: list[Breach] = []
    for name in sorted(floors.keys() & measured.keys()):
        breaches += _set_breaches(name, entries[-1], measured[name], tolerance)
    return breaches


def _set_breaches(name: str, entry: Entry, measured: Measured, tolerance: float) -> Iterator[Breach]:
    if measured.data_digest != entry["data"][name]:
        yield Breach(
            name,
            None,
            f"the data changed since the floors were set (digest {measured.data_digest[:12]}… against "
            f"{entry['data'][name][:12]}…); measure anew with --update --reason TEXT",
        )
        return
    for measure, floor in entry["floors"][name].items():
        value = measured.values.get(measure)
        if value is None or math.isnan(value):
            yield Breach(name, measure, f"was not measured; its floor is {floor:.4f}")
        elif _worse_by(measure, value, floor) > tolerance + 1e-9:
            side = "ceiling" if measure in LOWER_IS_BETTER else "floor"
            yield Breach(name, measure, f"is {value:.4f}, more than {tolerance} worse than the {side} {floor:.4f}")


def updated(entries: Sequence[Entry], measured: Mapping[str, Measured], reason: str = "") -> list[Entry]:
    """Return the history with a new entry whose floors are the measured values.

    Args:
        entries: from `read_floors`.
        measured: set name to values; floors of sets that were not measured are carried over.
        reason: why; needed where a floor falls or data changed.

    Returns:
        The longer history; the same one where nothing would change.

    Raises:
        FloorsError: something is lowered and there is no reason.
        InvalidInputError: nothing was measured.
    """
    if not measured:
        raise InvalidInputError("nothing was measured; floors can only be set to measured values")
    before = entries[-1] if entries else None
    floors = dict(before["floors"]) if before else {}
    data = dict(before["data"]) if before else {}
    for name, those in measured.items():
        floors[name] = {m: _cautious(m, value) for m, value in sorted(those.values.items())}
        data[name] = those.data_digest
    if before and floors == before["floors"] and data == before["data"]:
        return list(entries)
    entry: Entry = {"package_version": __version__, "reason": reason.strip(), "data": data, "floors": floors}
    lowered = lowered_floors(before, entry)
    if lowered and not entry["reason"]:
        raise FloorsError(f"this lowers floors; say why with --reason TEXT: {'; '.join(lowered)}")
    return [*entries, entry | {"seal": _seal(entry, before)}]


def _cautious(measure: str, value: float) -> float:
    """Round so that the value itself passes: down for floors, up for ceilings."""
    scale = 10**_DECIMALS
    rounded = math.ceil(value * scale - 1e-9) if measure in LOWER_IS_BETTER else math.floor(value * scale + 1e-9)
    return rounded / scale


def write_floors(entries: Sequence[Entry], path: str | Path) -> None:
    """Write the history.

    Raises:
        FloorsError: the file cannot be written.
    """
    text = json.dumps({"tolerance": TOLERANCE, "history": list(entries)}, indent=1, ensure_ascii=False) + "\n"
    try:
        Path(path).write_text(text, encoding="utf-8")
    except OSError as error:
        raise FloorsError(f"{path} cannot be written: {error.strerror}") from error
