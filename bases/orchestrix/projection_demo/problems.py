"""Rows that could not be used, and why."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from orchestrix.messaging import OrchestrixError
from orchestrix.projection_demo.formats import counted

LISTED = 20
"""How many problems are shown; the rest is counted."""


class UnusableFile(Exception):
    """A file as a whole cannot be used. The text is one sentence for the person who named it."""


class UnusableRow(ValueError):
    """One row cannot be used. The text says what was expected and what was found."""


class ProjectionsStuck(OrchestrixError):
    """Projections cannot go on at present. The text is one sentence that says why."""


@dataclass(frozen=True)
class Problem:
    """An unusable row: its file, its line (the header is line 1) and the reason."""

    file: str
    line: int
    reason: str


@dataclass
class Problems:
    """All problems of a run: the first `LISTED` of them, and how many there were."""

    listed: list[Problem] = field(default_factory=list[Problem])
    count: int = 0
    _are_told: bool = False

    def add(self, file: str, line: int, reason: str) -> None:
        """Remember one more unusable row."""
        self.count += 1
        if len(self.listed) < LISTED:
            self.listed.append(Problem(file, line, reason))

    def sentences(self) -> Sequence[str]:
        """Return what to tell the user, one line each; nothing when there is nothing to tell."""
        if not self.count:
            return []
        unlisted = self.count - len(self.listed)
        return [
            f"warning: unusable and left out: {counted(self.count, 'row')}",
            *(f"  {each.file}, line {each.line}: {each.reason}" for each in self.listed),
            *([f"  and {unlisted:,} more"] if unlisted else []),
        ]

    def untold(self) -> Sequence[str]:
        """Return the sentences, once."""
        were_told, self._are_told = self._are_told, True
        return () if were_told else self.sentences()
