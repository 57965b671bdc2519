"""One row that is kept in memory, and what is known of the stored one."""

from typing import Any, Final

from orchestrix.read_models.definition import StoredKey, StoredRow

UNKNOWN: Final = ()
"""In place of a stored row: nobody has looked whether there is one. No stored row is empty."""


class KeptRow:
    """A row, or the knowledge that there is none.

    Attributes:
        key: Its key, in stored form.
        row: The object that handlers share; None: there is no such row, any more or at all.
        stored: What the transaction has under this key; None: nothing; UNKNOWN.
        owner: The segment key of its first writer, None when that had none.
        foreign: When an event of another segment key was given this row: that key, and the form
            that the row had then.
    """

    __slots__ = ("foreign", "key", "owner", "row", "stored")

    def __init__(
        self,
        key: StoredKey,
        row: Any,
        stored: StoredRow | None,
        owner: str | None,
    ) -> None:
        self.key = key
        self.row = row
        self.stored = stored
        self.owner = owner
        self.foreign: tuple[str, StoredRow] | None = None
