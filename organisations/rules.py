"""What the tree of organisations and the periods of memberships must obey: no database, no framework."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from organisations.enums import Kind

# Kind of organisation → kinds its parent may have; None stands for "no parent".
PARENT_KINDS: dict[str, frozenset[str | None]] = {
    Kind.BUREAU: frozenset({None}),
    Kind.DIVISION: frozenset({Kind.BUREAU}),
    Kind.DEPARTMENT: frozenset({None, Kind.BUREAU}),
    Kind.UNIT: frozenset({Kind.DEPARTMENT}),
    Kind.AGENCY: frozenset({None, Kind.BUREAU}),
}


def on_loops(parents: Mapping[str, str | None]) -> set[str]:
    """The codes that are their own ancestor; `parents` maps each code to its parent's code."""
    looping: set[str] = set()
    settled: set[str] = set()
    for start in parents:
        path: list[str] = []
        at: str | None = start
        while at is not None and at not in settled and at not in path:
            path.append(at)
            at = parents.get(at)
        if at is not None and at in path:
            looping.update(path[path.index(at) :])
        settled.update(path)
    return looping


def overlap(from_a: date, to_a: date | None, from_b: date, to_b: date | None) -> bool:
    """Whether two periods share a day; an end of None is open, both ends belong to the period."""
    return (to_b is None or from_a <= to_b) and (to_a is None or from_b <= to_a)
