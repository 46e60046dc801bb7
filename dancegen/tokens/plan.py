"""The plan of a dance in tokens: which parts are drawn, which are repeated, and where parts join."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

LONGEST = 32  # tokens of a part: four bars of four beats
JOIN = 3  # tokens on each side of a join that are drawn again
AROUND = 8  # tokens on each side of a join that are seen then


class Part(NamedTuple):
    """Tokens from `start` to `end`. Those of a part with a `source` are repeated from there on."""

    start: int
    end: int
    label: str
    source: int | None = None


class Span(NamedTuple):
    """A window from token `first` to `last`; the ones from `start` to `end` are drawn in it, or repeated."""

    first: int
    last: int
    start: int
    end: int
    source: int | None = None


def find_parts(starts: Sequence[int], labels: Sequence[str], tokens: int) -> list[Part]:
    """The parts of a dance whose phrases start at these tokens. A phrase whose label was there before is repeated.

    Where it is longer than before, the rest is a part of its own. Long phrases are divided.
    """
    found: list[Part] = []
    known: dict[str, tuple[int, int]] = {}
    for start, end, label in zip(starts, [*starts[1:], tokens], labels, strict=True):
        if end <= start:
            continue
        source, length = known.setdefault(label, (start, end - start))
        if source == start:
            found += [Part(start + one, start + other, f"{label}/{one}") for one, other in _divided(length)]
            continue
        repeated = min(length, end - start)
        found += [
            Part(start + one, start + min(other, repeated), f"{label}/{one}", source + one)
            for one, other in _divided(length)
            if one < repeated
        ]
        rest = start + repeated
        found += [Part(rest + one, rest + other, f"{label}/{repeated + one}") for one, other in _divided(end - rest)]
    return found


def drawn(plan: Sequence[Part], given: int) -> list[Span]:
    """The windows of all parts, without the first `given` tokens, which are known."""
    found = []
    for part in plan:
        start = min(max(part.start, given), part.end)
        source = None if part.source is None else part.source + start - part.start
        found.append(Span(part.start, part.end, start, part.end, source))
    return found


def joins(plan: Sequence[Part], given: int) -> tuple[list[Span], list[Span]]:
    """The windows around the joins, every other one apart: neighbours may overlap.

    A join of two parts that are repeated together is repeated as well.
    """
    found, known = [], dict[tuple[str, str, int], int]()
    for before, after in pairwise(plan):
        edge = after.start
        start, end = max(edge - JOIN, before.start, given), max(min(edge + JOIN, after.end), given)
        source = known.setdefault((before.label, after.label, before.end - before.start), start)
        span = Span(max(edge - AROUND, 0), min(edge + AROUND, plan[-1].end), start, end)
        found.append(span._replace(source=source) if source != start else span)
    return found[::2], found[1::2]


def section(first: int, last: int, tokens: int) -> list[Span]:
    """The windows in which the tokens from `first` to `last` are drawn between those on both sides, one after another.

    Each goes on from what was drawn before it, of which it draws the last third again.
    """
    found = []
    for start in range(first, max(last, first + 1), LONGEST // 2):
        begin = max(start - LONGEST // 4, 0)
        end = min(begin + LONGEST, tokens)
        found.append(Span(begin, end, start, min(last, end)))
        if end >= min(last + LONGEST // 4, tokens):
            break
    return found


def _divided(tokens: int) -> list[tuple[int, int]]:
    """Equal parts of LONGEST tokens or less; none of no tokens."""
    number = -(-tokens // LONGEST)
    return list(pairwise(round(tokens * at / max(number, 1)) for at in range(number + 1)))
