"""Whose row it is: the segment key of its first writer, and who else may not write it."""

from collections.abc import Sequence
from typing import Any, Literal

from orchestrix.read_models.definition import StoredKey, StoredRow
from orchestrix.read_models.errors import CrossSegmentWrite
from orchestrix.read_models.kept_row import UNKNOWN, KeptRow
from orchestrix.read_models.row_codec import RowCodec

Claim = tuple[Literal["put", "delete"], str | None]
"""What was done with a row that nobody has read, and by which segment key."""


class RowOwners:
    """Refuses writes of one segment key to the rows of another.

    A row without an owner is anybody's and stays so, and an event without a segment key may write
    any row. A row that a stranger was only given is compared with what it was, when it is used
    next or written. What is written without being read is remembered as a claim, until the stored
    row is looked up.

    Attributes:
        writer: The segment key of the present event, None when it has none.
        is_checked: Whether the engine says whose events it handles.
    """

    def __init__(self, codec: RowCodec[Any]) -> None:
        self._codec = codec
        self._claims: dict[StoredKey, tuple[KeptRow, list[Claim]]] = {}
        self.writer: str | None = None
        self.is_checked = False

    def set_writer(self, key: str | None) -> None:
        """Take note of the present event's segment key."""
        self.writer = key
        self.is_checked = True

    def given(self, kept: KeptRow) -> None:
        """Take note that the present event's handler is given a row."""
        self._check_foreign(kept)
        if self.writer is not None and self._is_foreign(kept):
            kept.foreign = self.writer, self._codec.encode(kept.row, kept.owner)

    def put(self, kept: KeptRow) -> None:
        """Check that the present event may put a row in the place of `kept`."""
        if kept.stored is UNKNOWN:
            self._claim(kept, "put")
        elif self.is_checked:
            self._check_writer(kept)
        if kept.row is None:
            kept.owner = self.writer

    def delete(self, kept: KeptRow) -> None:
        """Check that the present event may delete `kept`."""
        if kept.stored is UNKNOWN:
            self._claim(kept, "delete")
        elif self.is_checked:
            self._check_writer(kept)

    def check(self, kept: KeptRow, form: StoredRow) -> None:
        """Check that a stranger who was given `kept` has not changed it; its form is `form`."""
        if kept.foreign is not None and form != kept.foreign[1]:
            raise self._refused(kept, kept.owner, kept.foreign[0])

    def claimed(self) -> Sequence[StoredKey]:
        """Return the keys of rows that were written without being read."""
        return list(self._claims)

    def settle(self, loaded: KeptRow) -> None:
        """Check the claims to a row, now that it is known what is stored, and find its owner."""
        if loaded.key not in self._claims:  # settled while it was loaded
            return
        kept, claims = self._claims.pop(loaded.key)
        is_there, owner = loaded.stored is not None, loaded.owner
        for what, writer in claims:
            if is_there and None not in (owner, writer) and owner != writer:
                raise self._refused(kept, owner, writer)
            owner = owner if is_there and what == "put" else writer
            is_there = what == "put"
        kept.stored, kept.owner = loaded.stored, owner if is_there else None

    def forget_claims(self) -> None:
        """Let whoever wrote be right."""
        self._claims.clear()

    def _claim(self, kept: KeptRow, what: Literal["put", "delete"]) -> None:
        if self.is_checked:
            _, claims = self._claims.setdefault(kept.key, (kept, []))
            claims.append((what, self.writer))

    def _check_writer(self, kept: KeptRow) -> None:
        self._check_foreign(kept)
        if kept.row is not None and self.writer is not None and self._is_foreign(kept):
            raise self._refused(kept, kept.owner, self.writer)

    def _check_foreign(self, kept: KeptRow) -> None:
        if kept.foreign is not None:
            self.check(kept, self._codec.encode(kept.row, kept.owner))
            kept.foreign = None

    def _is_foreign(self, kept: KeptRow) -> bool:
        return kept.row is not None and kept.owner is not None and kept.owner != self.writer

    def _refused(self, kept: KeptRow, owner: str | None, writer: str | None) -> CrossSegmentWrite:
        return CrossSegmentWrite(
            self._codec.table, self._codec.shown(kept.key), str(owner), str(writer)
        )
