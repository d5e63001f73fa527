"""Thirteen linear scores to one consistent set of labels.

The scores are: presence of each field, denial of each field given that it is present, the four primary stances, the
three tones. A joint model over the 55 codings that the codebook allows turns them into one answer: a coding says for
each field affirmed, denied or absent, and names as primary one of the fields present, or `none` where none is.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from nato_stance.codebook import FIELDS, PRESENCES, STANCES, TONES
from nato_stance.records import Polarity, Presence, Stance, StanceLabel

Floats = NDArray[np.float64]

OUTPUTS: Final[tuple[str, ...]] = (
    *(f"present:{field}" for field in FIELDS),
    *(f"denied:{field}" for field in FIELDS),
    *(f"primary:{stance}" for stance in STANCES),
    *(f"tone:{tone}" for tone in TONES),
)
"""Names of the linear scores, in order."""

PRESENT: Final = slice(0, 3)
DENIED: Final = slice(3, 6)
PRIMARY: Final = slice(6, 10)
TONE: Final = slice(10, 13)

CODINGS: Final[tuple[tuple[int, int, int, int], ...]] = tuple(
    (threat, dialogue, deterrence, primary)
    for threat, dialogue, deterrence, primary in product(range(3), range(3), range(3), range(4))
    if ((threat, dialogue, deterrence) == (2, 2, 2) if primary == 3 else (threat, dialogue, deterrence)[primary] != 2)
)
"""The consistent codings: for each field the place in `PRESENCES`, then the place of the primary in `STANCES`."""

_CODINGS = np.array(CODINGS)
_BY_PRIMARY = [np.flatnonzero(_CODINGS[:, 3] == k) for k in range(4)]


@dataclass(frozen=True)
class JointLayer:
    """How the linear scores become probabilities of codings, fitted on scores of held-out statements.

    Attributes:
        scales: factors of the log-probabilities of presence, denial and primary, shape (3,).
        offsets: added to the thirteen scores first, shape (13,).
        temperature: factor of the tone scores.
        stance_factors: a stance wins by probability times factor, shape (4,).
        tone_factors: a tone wins by probability times factor, shape (3,).
        denial_threshold: a present field is denied when the probability of denial reaches this.
        presence_threshold: a field beside the primary one is present when its probability is above this.
    """

    scales: Floats
    offsets: Floats
    temperature: float
    stance_factors: Floats
    tone_factors: Floats
    denial_threshold: float
    presence_threshold: float = 0.5

    @classmethod
    def plain(cls) -> JointLayer:
        """Return the layer that changes nothing."""
        return cls(np.ones(3), np.zeros(13), 1.0, np.ones(4), np.ones(3), 0.5)

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers in the form that a model file keeps."""
        return {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in vars(self).items()}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> JointLayer:
        """Rebuild from `to_dict`; a wrong shape raises ValueError."""
        shapes = {"scales": 3, "offsets": 13, "stance_factors": 4, "tone_factors": 3}
        arrays = {name: np.asarray(data[name], dtype=np.float64).reshape(shape) for name, shape in shapes.items()}
        return cls(
            temperature=float(data["temperature"]),
            denial_threshold=float(data["denial_threshold"]),
            presence_threshold=float(data["presence_threshold"]),
            **arrays,
        )


def _log_sigmoid(z: Floats) -> Floats:
    return -np.logaddexp(0.0, -z)


def _row_sums(values: Floats) -> Floats:
    # numpy adds in an order that goes by the memory layout, and that of a picked set of columns differs between one
    # row and many: rows made contiguous are summed alike, so that a label does not depend on its batch.
    sums: Floats = np.ascontiguousarray(values).sum(axis=1)
    return sums


def _log_softmax(z: Floats) -> Floats:
    top = z.max(axis=1, keepdims=True)
    out: Floats = z - top - np.log(_row_sums(np.exp(z - top))[:, None])
    return out


def coding_log_scores(scores: Floats, layer: JointLayer) -> Floats:
    """Return the unnormalised log-probability of each coding, shape (n, 55)."""
    z = scores + layer.offsets
    present, absent = _log_sigmoid(z[:, PRESENT]), _log_sigmoid(-z[:, PRESENT])
    denied, affirmed = _log_sigmoid(z[:, DENIED]), _log_sigmoid(-z[:, DENIED])
    a, b, c = layer.scales
    by_presence = np.stack([a * present + b * affirmed, a * present + b * denied, a * absent], axis=2)
    primary = c * _log_softmax(z[:, PRIMARY])
    out: Floats = primary[:, _CODINGS[:, 3]]
    for field in range(3):
        out = out + by_presence[:, field, _CODINGS[:, field]]
    return out


@dataclass(frozen=True)
class Decision:
    """Labels of a batch as arrays: see `decide`."""

    primary: NDArray[np.int64]
    presence: NDArray[np.int64]
    tone: NDArray[np.int64]
    probabilities: Floats
    tone_probabilities: Floats


def decide(scores: Floats, layer: JointLayer) -> Decision:
    """Turn scores into labels.

    The probability of a stance is the sum of the probabilities of the codings with that primary. The stance with the
    highest probability times factor wins; then, of the codings with that primary, each field is present if the share of
    those that hold it is above a threshold, and denied if its share of denial reaches another.

    Args:
        scores: shape (n, 13).
        layer: the fitted joint layer.

    Returns:
        `primary` and `tone` as places in `STANCES` and `TONES`, shape (n,); `presence` as places in `PRESENCES`,
        shape (n, 3); probabilities of shape (n, 4) and (n, 3).
    """
    log = coding_log_scores(scores, layer)
    joint = np.exp(log - log.max(axis=1, keepdims=True))
    joint /= _row_sums(joint)[:, None]
    stance = np.stack([_row_sums(joint[:, columns]) for columns in _BY_PRIMARY], axis=1)
    primary = (stance * layer.stance_factors).argmax(axis=1)
    given = np.where(_CODINGS[:, 3] == primary[:, None], joint, 0.0)
    presence = np.empty((len(scores), 3), dtype=np.int64)
    for field in range(3):
        share = np.stack([_row_sums(given[:, _CODINGS[:, field] == value]) for value in range(3)], axis=1)
        there = share[:, 0] + share[:, 1]
        present = (there > layer.presence_threshold * (there + share[:, 2])) | (primary == field)
        denied = share[:, 1] >= layer.denial_threshold * there
        presence[:, field] = np.where(present, np.where(denied, 1, 0), 2)
    presence[primary == 3] = 2
    tone = np.exp(_log_softmax(layer.temperature * (scores + layer.offsets)[:, TONE]))
    return Decision(primary, presence, (tone * layer.tone_factors).argmax(axis=1), stance, tone)


_POLARITIES: Final[tuple[Polarity | None, ...]] = ("affirmed", "denied", None)
_Names = tuple[Stance, Polarity | None, Presence, Presence, Presence]


def _names(threat: int, dialogue: int, deterrence: int, primary: int) -> _Names:
    polarity = None if primary == 3 else _POLARITIES[(threat, dialogue, deterrence)[primary]]
    return STANCES[primary], polarity, PRESENCES[threat], PRESENCES[dialogue], PRESENCES[deterrence]


_NAMES: Final = {coding: _names(*coding) for coding in CODINGS}
_THREAT, _DIALOGUE, _DETERRENCE, _NONE = STANCES
_CONCILIATORY, _NEUTRAL, _CONFRONTATIONAL = TONES


def labels_of(decision: Decision) -> list[StanceLabel]:
    """Return the decisions as records."""
    codings = zip(*decision.presence.T.tolist(), decision.primary.tolist(), strict=True)
    rows = zip(
        map(_NAMES.__getitem__, codings),
        map(TONES.__getitem__, decision.tone.tolist()),
        decision.probabilities[np.arange(len(decision.primary)), decision.primary].tolist(),
        decision.probabilities.tolist(),
        decision.tone_probabilities.tolist(),
        strict=True,
    )
    # The mappings are spelled out, since building them is most of the work on a label.
    return [
        StanceLabel(
            stance,
            polarity,
            threat,
            dialogue,
            deterrence,
            tone,
            confidence,
            {_THREAT: p[0], _DIALOGUE: p[1], _DETERRENCE: p[2], _NONE: p[3]},
            {_CONCILIATORY: q[0], _NEUTRAL: q[1], _CONFRONTATIONAL: q[2]},
        )
        for (stance, polarity, threat, dialogue, deterrence), tone, confidence, p, q in rows
    ]
