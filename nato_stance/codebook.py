"""Label names, their order and their definitions. `docs/codebook.md` is the full text; this is what code needs."""

from __future__ import annotations

from typing import Final

from nato_stance.records import Polarity, Presence, Stance, Tone

CODEBOOK_VERSION: Final = 2

FIELDS: Final[tuple[Stance, ...]] = ("threat", "dialogue", "deterrence")
"""The three stances that are asked for one by one."""

STANCES: Final[tuple[Stance, ...]] = (*FIELDS, "none")
"""Values of the primary stance."""

PRESENCES: Final[tuple[Presence, ...]] = ("affirmed", "denied", "absent")
POLARITIES: Final[tuple[Polarity, ...]] = ("affirmed", "denied")
TONES: Final[tuple[Tone, ...]] = ("conciliatory", "neutral", "confrontational")

SIGNS: Final[dict[str, Presence]] = {"+": "affirmed", "-": "denied", "0": "absent"}
"""The one-character codes of corpus files."""

DEFINITIONS: Final[dict[str, str]] = {
    "threat": "a danger to security is presented (affirmed) or said to be absent, small or invented (denied)",
    "dialogue": "talks, contact, cooperation or de-escalation are wanted or under way (affirmed) or refused (denied)",
    "deterrence": "force, readiness or announced costs that keep an opponent from acting are supported (affirmed) "
    "or called needless, useless or provocative, or ruled out (denied)",
    "none": "none of the three",
    "conciliatory": "reassures, extends a hand, gives the other side credit or a way out",
    "neutral": "factual, procedural, measured",
    "confrontational": "the point is blame, ridicule, menace or an ultimatum, or the words are loaded",
}
