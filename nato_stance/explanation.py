"""What pushed the labels of a statement: the exact contribution of every feature, with the words behind it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from nato_stance.records import Span, StanceLabel
from nato_stance.words import TOKEN


@dataclass(frozen=True, slots=True)
class Contribution:
    """One feature at one place.

    Attributes:
        feature: family of the feature.
        source: `text` for the words said, `context` for words outside them, `cue` for a cue given apart.
        span: half-open character span in the source, or None for a feature of the whole segment.
        words: the characters of the span.
        values: score name (`primary:threat`, …) to what the feature adds to it; in log-odds.
    """

    feature: str
    source: str
    span: Span | None
    words: str
    values: Mapping[str, float] = field(hash=False)


@dataclass(frozen=True, slots=True)
class Explanation:
    """A label and what led to it.

    Attributes:
        label: the label of the statement.
        scores: score name to value; `scores[s]` equals `intercept[s]` plus the values of all contributions.
        intercept: score name to value.
        contributions: every known feature, by falling weight in the winning stance's score.
    """

    label: StanceLabel
    scores: Mapping[str, float] = field(hash=False)
    intercept: Mapping[str, float] = field(hash=False)
    contributions: tuple[Contribution, ...]

    def words(self, score: str | None = None, limit: int = 10) -> list[tuple[str, Span, str, float]]:
        """Return the words that add most to a score, all features over them taken together.

        A feature over several words is shared among them in equal parts.

        Args:
            score: name of the score; None takes the primary stance's.
            limit: how many words to return.

        Returns:
            (source, span, word, contribution) by falling size of the contribution.
        """
        name = score or f"primary:{self.label.stance}"
        sums: dict[tuple[str, Span, str], float] = {}
        for item in self.contributions:
            if item.span is None:
                continue
            inside = [found.span() for found in TOKEN.finditer(item.words) if found[0][:1].isalnum()]
            for start, end in inside:
                span = (item.span[0] + start, item.span[0] + end)
                key = (item.source, span, item.words[start:end])
                sums[key] = sums.get(key, 0.0) + item.values[name] / len(inside)
        ranked = sorted(sums.items(), key=lambda pair: (-abs(pair[1]), pair[0]))
        return [(*key, value) for key, value in ranked[:limit]]

    def asked(self) -> list[str]:
        """Return the names of the scores behind the label: its stance, each field present, each denial, its tone."""
        fields = {name: getattr(self.label, name) for name in ("threat", "dialogue", "deterrence")}
        present = [f"present:{name}" for name, value in fields.items() if value != "absent"]
        denied = [f"denied:{name}" for name, value in fields.items() if value == "denied"]
        return [f"primary:{self.label.stance}", *present, *denied, f"tone:{self.label.tone}"]

    def to_table(self, top: int = 8) -> str:
        """Return the label and, for each score behind it, the words that pushed it most, as lines of text.

        Args:
            top: how many words to show for each score.
        """
        label = self.label
        polarity = f" ({label.polarity})" if label.polarity else ""
        lines = [f"{label.stance}{polarity}, {label.tone}, confidence {label.confidence:.2f}"]
        for name in self.asked():
            lines += ["", f"{name}  score {self.scores[name]:+.2f}"]
            for source, (start, end), word, value in self.words(name, top):
                where = "" if source == "text" else f" in the {source}"
                lines.append(f"  {value:+.3f}  {word}  [{start}:{end}]{where}")
        return "\n".join(lines)

    def to_dict(self, limit: int | None = None) -> dict[str, Any]:
        """Return the JSON form; `limit` keeps only the strongest contributions."""
        return {
            "label": self.label.to_dict(),
            "scores": dict(self.scores),
            "intercept": dict(self.intercept),
            "contributions": [
                {
                    "feature": c.feature,
                    "source": c.source,
                    "span": list(c.span) if c.span else None,
                    "words": c.words,
                    "values": dict(c.values),
                }
                for c in self.contributions[:limit]
            ],
        }
