"""From article text to statements: quoted spans, who said them, and indirect speech, put together."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final, Literal

from nato_stance import tokens as t
from nato_stance.attribution import AFTER, Attribution, attribute
from nato_stance.headings import Headings
from nato_stance.indirect import IndirectSpeech, indirect_speech
from nato_stance.lexicon_files import entries, lexicon
from nato_stance.non_statements import continues_titles, is_markup, is_title_case, modifies_noun, names_something
from nato_stance.noun_phrases import main_subject, noun_phrase_at, possessor, span_of, subject_before
from nato_stance.paragraphs import paragraphs
from nato_stance.people import People, split_name
from nato_stance.quotes import QuotedSpan, quoted_spans
from nato_stance.records import InvalidTypeError, Kind, Quotation, Span
from nato_stance.reporter import reporter_sentences
from nato_stance.resolution import Resolver, Speaker
from nato_stance.speakers import Cue, cues, in_subordinate_clause
from nato_stance.tokens import Frame
from nato_stance.transcripts import Turn, transcript_turns
from nato_stance.verbs import verb_forms

_WORD: Final = re.compile(r"\w[\w’'&.-]*")
_POINTER: Final = re.compile(r"(?:Read|See|Watch|Listen|Also)(?: more| also| read)?:|Related|Read (?:more|also)\b")
# A line that only tells the time, or a rule: the next entry of a live page.
_ENTRY: Final = re.compile(r"_{3,}\.?|\d{1,2}(?:[.:h]\d\d)?[ \u00a0]?(?:[ap]\.?m\.?)?(?:[ ][A-Z]{2,4})?\.?")
_PLAIN_WORD: Final = re.compile(r"\w+")
_CLAUSE_END: Final = frozenset(",.?!…;—–-:")
_MAX_CONTEXT: Final = 600
_PRONOUN_NEXT: Final = ("He ", "She ", "They ", "It ", "It’s ", "It's ")
_LONG_FRAGMENT: Final = 6
_LEAD: Final = 6
_CLAUSE: Final = 4
_EDGES: Final = frozenset(("(", ">", "*", "_", "\ufeff"))
_SUBJECTS: Final = frozenset(("i", "we", "you", "he", "she", "it", "they", "there", "this", "that", "nobody"))

_Place = Literal["before", "after", "tail", "none"]


@dataclass(slots=True)
class _Draft:
    """A statement that is being put together."""

    kind: Kind
    spans: list[Span]
    speaker: Speaker | None
    cue: Span | None
    sentence: Span
    paragraph: int
    place: str = "none"
    run: int = 0
    """Index of the span with which an unclosed quotation went on after the attribution, 0 for none."""


@cache
def _triggers() -> frozenset[str]:
    """Return the words of which an unquoted sentence needs one to hold indirect speech."""
    lemmas = {line.lstrip("+") for line in entries("clause_verbs")} | lexicon("object_verbs")
    heads = {lemma.replace("_", " ").split()[0] for lemma in lemmas}
    forms = {form for form, verb in verb_forms().items() if verb.lemma in heads}
    return frozenset(forms | {form.capitalize() for form in forms} | {"according", "According"})


class _Extraction:
    """The walk over one article."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.blocks = paragraphs(text)
        self.quoted = quoted_spans(text, self.blocks)
        self.headings = Headings(text, self.blocks, self.quoted)
        self.people = People(text, [(q.outer_start, q.outer_end) for q in self.quoted])
        self.resolver = Resolver(text, self.people)
        self.drafts: list[_Draft] = []
        self.waiting: list[tuple[int, Frame, QuotedSpan, Kind]] = []

    def run(self) -> list[Quotation]:
        turns = {i: turn for turn in transcript_turns(self.text, self.blocks) for i in turn.paragraphs}
        self._answerer = self._main_answerer(turns.values())
        end = self.headings.end_of_article()
        for index, quotes in self._paragraphs_with_quotes():
            if index >= end:
                break
            if _ENTRY.fullmatch(self.text, *self.blocks[index]):
                self.resolver.new_entry(self.blocks[index][0])
            turn = turns.get(index)
            if turn is None:
                self._paragraph(index, quotes)
            elif turn.asks:
                self._paragraph(index, quotes, reported=False)
            elif turn.spans:
                if index == turn.paragraphs[0]:
                    self._turn(turn)
            else:
                self.resolver.last = self._label_speaker(turn)
                self._paragraph(index, quotes, label=turn.label[1])
        self.drafts.sort(key=lambda d: d.spans[0])
        return [self._quotation(d) for d in self.drafts]

    def _main_answerer(self, turns: Iterable[Turn]) -> str | None:
        """Return who answers in an interview whose answers are only marked "A:"."""
        names = Counter(self._label_name(t) for t in turns if not t.asks and not t.anonymous)
        if names:
            return names.most_common(1)[0][0]
        first = self.people.mentions_after(0, 1)
        return first[0][1].name if first else None

    def _label_name(self, turn: Turn) -> str:
        label = self.text[slice(*turn.label)]
        _, name = split_name(label.split())
        if len(name) > 1:
            known = self.people.of_name(name, turn.label[0])
            return known.name if known else " ".join(name)
        person = self.people.of_surname(name[0], turn.label[0]) if name else None
        return person.name if person else label

    def _label_speaker(self, turn: Turn) -> Speaker:
        name = self._answerer if turn.anonymous else self._label_name(turn)
        return Speaker(name, turn.label)

    def _turn(self, turn: Turn) -> None:
        speaker = self._label_speaker(turn)
        for span in turn.spans:
            self.drafts.append(_Draft("indirect", [span], speaker, None, span, turn.paragraphs[0]))

    def _paragraphs_with_quotes(self) -> Iterator[tuple[int, list[QuotedSpan]]]:
        position, quoted = 0, self.quoted
        for index in range(len(self.blocks)):
            begin = position
            while position < len(quoted) and quoted[position].paragraph == index:
                position += 1
            yield index, quoted[begin:position]

    def _paragraph(
        self, index: int, quotes: Sequence[QuotedSpan], *, reported: bool = True, label: int | None = None
    ) -> None:
        """Read one paragraph.

        Args:
            index: which one.
            quotes: its quoted spans.
            reported: whether to look for indirect speech.
            label: where the label of a turn ends whose words stand in quotation marks.
        """
        block = self.blocks[index]
        if label is not None and block[0] <= label < block[1]:
            block = (self.text.index(":", label) + 1, block[1])
        kept = [q for q in quotes if not is_markup(self.text, q) and not self.headings.holds(q)]
        heading = self.headings.is_heading(index) or not reported
        parts = reporter_sentences(self.text, block, kept)
        for n, (start, end, inside) in enumerate(parts):
            kept_any = False
            if inside:
                kept_any = self._quoted_sentence(index, start, end, inside, heading=heading)
            elif not heading and not _triggers().isdisjoint(
                _PLAIN_WORD.findall(self.text, start, min(end, start + 4000))
            ):
                frame = Frame(self.text, start, end, ())
                self._indirect(index, frame, cues(frame), frozenset())
            following = parts[n + 1] if n + 1 < len(parts) else None
            if kept_any:
                continue
            if self._hands_over(index, end, following):
                self._hand_over(Frame(self.text, start, end, ()), index)
            elif following is not None and self.text.startswith(_PRONOUN_NEXT, following[0]):
                self._introduce(Frame(self.text, start, end, ()), following)

    def _hands_over(self, index: int, end: int, following: tuple[int, int, Sequence[QuotedSpan]] | None) -> bool:
        """Tell whether a sentence without quotations stands right before one that is a quotation and nothing else."""
        if following is not None:
            inside = following[2]
            return bool(inside) and inside[0].outer_start == following[0]
        if self.text[end - 1] != ":" or index + 1 >= len(self.blocks):
            return False
        return self.text[self.blocks[index + 1][0]] in "\"“‘'«„`"

    def _hand_over(self, frame: Frame, index: int) -> None:
        """Let the source or the subject of a sentence speak the quotation that follows it."""
        found = [c for c in cues(frame) if c.subject is not None and c.finite and not c.passive]
        found = [c for c in found if not in_subordinate_clause(frame, c)]
        subject = found[-1].subject if found else main_subject(frame, frame.size)
        if not found:
            subject = _lead_in(frame) or subject
        if subject is None:
            return
        if not found and not frame.flags[-1] & t.COLON and not self.resolver.names_person(frame, subject):
            self.resolver.introduce(frame, subject)
            return
        self.resolver.resolve(frame, subject)
        self.resolver.handed_over = True

    def _introduce(self, frame: Frame, following: tuple[int, int, Sequence[QuotedSpan]]) -> None:
        """Let somebody described in a sentence be whom the pronoun means that opens the next one."""
        subject = main_subject(frame, frame.size)
        if subject is not None:
            self.resolver.introduce(frame, subject, _first_word(self.text, following[0]))

    def _quoted_sentence(
        self, index: int, start: int, end: int, quotes: Sequence[QuotedSpan], *, heading: bool
    ) -> bool:
        """Read a sentence with quotations; tell whether it gave a statement."""
        if _POINTER.match(self.text, start, end):
            return False
        frame = Frame(self.text, start, end, quotes)
        named: list[bool] = []
        for i in range(len(quotes)):
            listed = bool(named) and named[-1] and continues_titles(frame, i, self.text)
            named.append(listed or names_something(frame, i, self.text))
        kept = [q for q, name in zip(quotes, named, strict=True) if q.joined or not name]
        if len(kept) < len(quotes):
            frame = Frame(self.text, start, end, kept)
        size = len(self.drafts) + len(self.waiting)
        if kept and frame.size == len(kept):  # nothing beside the quotations that could carry them
            for i, quote in enumerate(kept):
                self._quoted(index, frame, i, quote, None)
            return len(self.drafts) + len(self.waiting) > size
        found = cues(frame)
        carried = attribute(frame, self.text, found) if kept else []
        taken = frozenset(
            c.cue for i, c in enumerate(carried) if c is not None and c.cue is not None and not _adds(frame, i, c.cue)
        )
        speech = [] if heading else indirect_speech(frame, found, taken)
        for said in speech:
            if not kept or said.content[0][0] < frame.at[0]:
                self._reported(index, frame, said)
        for i, quote in enumerate(kept):
            self._quoted(index, frame, i, quote, carried[i])
        for said in speech:
            if kept and said.content[0][0] >= frame.at[0]:
                self._reported(index, frame, said)
        return len(self.drafts) + len(self.waiting) > size

    def _quoted(self, index: int, frame: Frame, i: int, quote: QuotedSpan, carried: Attribution | None) -> None:
        last = self.drafts[-1] if self.drafts else None
        if quote.joined and last is not None and last.kind != "indirect" and last.paragraph >= index - 1:
            if last.cue is not None and carried is not None and last.run:
                last = self._split_off(last, frame)
            last.spans.append((quote.start, quote.end))
            last.paragraph = index
            if last.cue is None and carried is not None and carried.subject is not None:
                last.speaker = self.resolver.resolve(frame, carried.subject)
                last.cue = _cue_span(frame, carried)
                last.sentence = (frame.start, frame.end)
            last.place = carried.place if carried is not None else last.place
            return
        words = _WORD.findall(self.text, quote.start, quote.end)
        if not words:
            return
        if carried is not None:
            self._attributed(index, frame, i, quote, carried)
        else:
            self._alone(index, frame, i, quote, words)

    def _split_off(self, last: _Draft, frame: Frame) -> _Draft:
        """Start a statement with the unclosed quotation at the end of another: it has an attribution of its own."""
        spans = last.spans[last.run :]
        del last.spans[last.run :]
        last.run = 0
        draft = _Draft("direct", spans, None, None, (frame.start, frame.end), last.paragraph)
        self.drafts.append(draft)
        return draft

    def _attributed(self, index: int, frame: Frame, i: int, quote: QuotedSpan, carried: Attribution) -> None:
        cue = _cue_span(frame, carried)
        sentence = (frame.start, frame.end)
        last = self._last_quoted()
        if last is not None and last.sentence == sentence and last.cue == cue and cue is not None:
            last.spans.append((quote.start, quote.end))
            return
        speaker = self.resolver.resolve(frame, carried.subject, carried.cue) if carried.subject else None
        if speaker is not None and carried.mention is not None:
            speaker = speaker._replace(span=span_of(frame, carried.mention))
        kind = self._kind(frame, i, quote, carried.place)
        if kind == "direct" and self.text[quote.start].islower() and _interrupts(frame, carried):
            kind = "mixed"  # "The minister was, he said, “the only ...”"
        self._draft(kind, quote, speaker, cue, frame, index, carried.place)

    def _alone(self, index: int, frame: Frame, i: int, quote: QuotedSpan, words: Sequence[str]) -> None:
        """Decide about quoted words in a sentence without a cue: go on with the speaker before, or drop."""
        last = self._last_quoted()
        pure = frame.size == len(frame.at)
        same = last is not None and last.paragraph == index
        if pure and same and last is not None and last.place == AFTER and not self._changes_speaker(last):
            last.run = 0 if quote.closed else len(last.spans)
            last.spans.append((quote.start, quote.end))
            return
        kind = self._kind(frame, i, quote, "none")
        if pure or (len(words) > _LONG_FRAGMENT and not is_title_case(words)):
            if pure and not same and last is not None and self._asks(last) and last.paragraph == index - 1:
                self._draft(kind, quote, self.resolver.let_answer(quote.start), None, frame, index, "none")
                return
            running = self.resolver.last if pure or self._runs_on(frame, frame.at[i], begun=same) else None
            self._draft(kind, quote, running, None, frame, index, "none")
            return
        begun = bool(self.drafts) and self.drafts[-1].paragraph == index
        colon = not begun and not self.waiting and frame.at[i] > 0 and frame.flags[frame.at[i] - 1] & t.COLON
        if kind == "direct" and (len(words) > 2 or (colon and len(words) > 1)) and (colon or frame.at[i] == 0):
            self._draft(kind, quote, None, None, frame, index, "none")
            return
        if len(words) < 2 or modifies_noun(self.text, quote) or is_title_case(words):
            return
        owner = possessor(frame, frame.at[i])
        if owner is not None and words[0][0].islower() and self.resolver.names_person(frame, owner):
            self._draft(kind, quote, self.resolver.resolve(frame, owner), None, frame, index, "none")
            return
        if not begun:
            self.waiting.append((index, frame, quote, kind))
            return
        if last is not None and last.sentence == (frame.start, frame.end) and last.cue is None:
            last.spans.append((quote.start, quote.end))
        else:
            running = self.resolver.last if self._runs_on(frame, frame.at[i], begun=same) else None
            self._draft(kind, quote, running, None, frame, index, "none")

    def _changes_speaker(self, draft: _Draft) -> bool:
        """Tell whether a sentence since has handed over to somebody else: "His neighbour nods. “...”"."""
        last = self.resolver.last
        return (
            self.resolver.handed_over
            and last is not None
            and draft.speaker is not None
            and last.name != draft.speaker.name
        )

    def _asks(self, draft: _Draft) -> bool:
        """Tell whether a statement is a question that somebody asked."""
        asked = draft.cue is not None and self.text[slice(*draft.cue)] in ("asked", "asks")
        return asked and self.text[draft.spans[-1][1] - 1] == "?"

    def _runs_on(self, frame: Frame, at: int, *, begun: bool) -> bool:
        """Tell whether a sentence leaves room for the running speaker: no other person or body is its subject."""
        if frame.low[0] == "as" and "goes" in frame.low[1:at]:
            return False  # "as the old joke goes": nobody's words
        adjacent = subject_before(frame, at)
        if adjacent is not None and adjacent[1] == at and not begun and self.resolver.names_body(frame, adjacent):
            return False  # "Harbour Alliance “brings together those who ...”" in a paragraph of its own
        subject = main_subject(frame, at)
        return subject is None or bool(frame.flags[subject[0]] & t.PRONOUN) or self.resolver.may_be_last(frame, subject)

    def _draft(
        self,
        kind: Kind,
        quote: QuotedSpan,
        speaker: Speaker | None,
        cue: Span | None,
        frame: Frame,
        index: int,
        place: str,
    ) -> None:
        spans = [(quote.start, quote.end)]
        self._place_waiting(index, speaker)
        self.drafts.append(_Draft(kind, spans, speaker, cue, (frame.start, frame.end), index, place))

    def _place_waiting(self, index: int, speaker: Speaker | None) -> None:
        """Give fragments that stood before the first attribution of their paragraph to its speaker."""
        waiting, self.waiting = self.waiting, []
        for paragraph, frame, quote, kind in waiting:
            if paragraph != index or speaker is None:
                continue
            last = self._last_quoted()
            sentence = (frame.start, frame.end)
            if last is not None and last.sentence == sentence and last.cue is None:
                last.spans.append((quote.start, quote.end))
            else:
                self.drafts.append(_Draft(kind, [(quote.start, quote.end)], speaker, None, sentence, index))

    def _last_quoted(self) -> _Draft | None:
        return next((d for d in reversed(self.drafts[-4:]) if d.kind != "indirect"), None)

    def _indirect(self, index: int, frame: Frame, found: Sequence[Cue], taken: frozenset[Span]) -> None:
        for said in indirect_speech(frame, found, taken):
            self._reported(index, frame, said)

    def _reported(self, index: int, frame: Frame, said: IndirectSpeech) -> None:
        assert said.cue.subject is not None
        speaker = self.resolver.resolve(frame, said.cue.subject)
        spans = [(frame.starts[a], frame.ends[b - 1]) for a, b in said.content]
        cue = (frame.starts[said.cue.at[0]], frame.ends[said.cue.at[1] - 1])
        self.drafts.append(_Draft("indirect", spans, speaker, cue, (frame.start, frame.end), index))

    def _kind(self, frame: Frame, i: int, quote: QuotedSpan, place: str) -> Kind:
        """Tell a full clause in quotation marks from words that complete the reporter's."""
        words = self.text[quote.start : quote.end]
        at = frame.at[i]
        before = frame.flags[at - 1] if at else 0
        introduced = (
            at == 0
            or frame.words[at - 1] in _EDGES
            or bool(before & (t.COMMA | t.COLON | t.DASH))
            or frame.low[at - 1] == "that"
        )
        first = next((c for c in words if c.isalnum()), "")
        if first.islower():
            opened = bool(before & (t.COMMA | t.COLON)) or (at > 0 and frame.words[at - 1] == "(")
            opened = opened or (at == 0 and place == AFTER and len(words.split()) >= _CLAUSE)
            clause = len(words.split()) > _LONG_FRAGMENT or words.partition(" ")[0].lower() in _SUBJECTS
            return "direct" if opened and (clause or at == 0) else "mixed"
        ends = words.rstrip("\"'”’»)]")[-1:] in _CLAUSE_END or at + 1 >= frame.size
        ends = ends or bool(frame.flags[at + 1] & (t.COMMA | t.DASH))
        ends = ends or (place == AFTER and len(words.split()) > _LONG_FRAGMENT)
        if introduced and ends and (" " in words or words[-1] in _CLAUSE_END):
            return "direct"
        return "direct" if words[-1] in ".?!" and len(words.split()) > _LONG_FRAGMENT else "mixed"

    def _quotation(self, draft: _Draft) -> Quotation:
        text = self.text
        context = _context(text, draft, self.blocks[draft.paragraph])
        speaker = draft.speaker
        return Quotation(
            kind=draft.kind,
            spans=tuple(draft.spans),
            text=" ".join(text[start:end] for start, end in draft.spans),
            speaker=speaker.name if speaker else None,
            speaker_span=speaker.span if speaker else None,
            cue=text[slice(*draft.cue)] if draft.cue else None,
            cue_span=draft.cue,
            context_span=context,
            context=text[slice(*context)],
        )


def _first_word(text: str, position: int) -> str:
    """Return the word at `position` in lower case, without what is contracted with it ("it" of "It's")."""
    match = _PLAIN_WORD.match(text, position)
    return match.group().lower() if match else ""


def _lead_in(frame: Frame) -> tuple[int, int] | None:
    """Return the source of a line that leads to a quotation: "This from the minister's office:"."""
    for i in range(1, min(_LEAD, frame.size - 1)):
        if frame.low[i] == "from" and frame.flags[-1] & t.COLON:
            subject = noun_phrase_at(frame, i + 1, frame.size)
            return subject if subject is not None and subject[1] == frame.size - 1 else None
    return None


def _interrupts(frame: Frame, carried: Attribution) -> bool:
    """Tell whether a cue stands between commas inside the reporter's clause."""
    if carried.cue is None or carried.subject is None or carried.place == AFTER:
        return False
    begin = min(carried.cue[0], carried.subject[0])
    return begin > 0 and bool(frame.flags[begin - 1] & t.COMMA)


def _adds(frame: Frame, i: int, cue: tuple[int, int]) -> bool:
    """Tell whether a quotation after a colon only adds to what its cue already reports: "He ruled out talks: “...”"."""
    at = frame.at[i]
    return at - cue[1] > 1 and bool(frame.flags[at - 1] & t.COLON)


def _cue_span(frame: Frame, carried: Attribution) -> Span | None:
    return (frame.starts[carried.cue[0]], frame.ends[carried.cue[1] - 1]) if carried.cue else None


def _context(text: str, draft: _Draft, block: Span) -> Span:
    """Return the sentences that carry a statement, at most about 600 characters of them, cue included."""
    start = min(draft.sentence[0], draft.spans[0][0])
    end = max(draft.sentence[1], draft.spans[-1][1])
    if draft.spans[-1][1] >= draft.sentence[1] and end < len(text) and text[end] in "\"”’'»":
        end += 1
    if end - start <= _MAX_CONTEXT:
        return start, end
    if draft.cue is not None and draft.cue[1] > start + _MAX_CONTEXT:
        end = min(end, draft.cue[1] + _MAX_CONTEXT // 4)
        return max(start, end - _MAX_CONTEXT), end
    return start, start + _MAX_CONTEXT


def extract_quotations(text: str) -> list[Quotation]:
    """Return the statements of an article in the order in which they begin.

    Args:
        text: the article text. Offsets of the result count its characters.

    Returns:
        One `Quotation` a statement. Spans of different statements do not overlap; each slices back to its words.

    Raises:
        InvalidTypeError: `text` is not a str.

    Example:
        >>> for q in extract_quotations("“We are ready,” Jens Stoltenberg said. He denied that there was any plan."):
        ...     print(q.kind, q.speaker, q.cue, q.text, sep=" | ")
        direct | Jens Stoltenberg | said | We are ready,
        indirect | Jens Stoltenberg | denied | there was any plan
    """
    if not isinstance(text, str):
        raise InvalidTypeError(f"text must be a str, not {type(text).__name__}; decode bytes first")
    return _Extraction(text).run()
