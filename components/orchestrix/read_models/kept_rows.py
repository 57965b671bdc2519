"""The rows of one table that are kept in memory, the least recently used going first."""

from collections.abc import Iterator

from orchestrix.read_models.definition import StoredKey
from orchestrix.read_models.kept_row import KeptRow


class KeptRows:
    """Rows in use, which may have been changed, and rows at rest, which are as they are stored.

    The order of use is kept from slice to slice, not from row to row: that makes finding a row
    again one look into a dict.

    Args:
        limit: How many to keep when there is a choice.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._in_use: dict[StoredKey, KeptRow] = {}
        self._at_rest: dict[StoredKey, KeptRow] = {}

    def __contains__(self, key: StoredKey) -> bool:
        return key in self._in_use or key in self._at_rest

    def __len__(self) -> int:
        return len(self._in_use) + len(self._at_rest)

    def use(self, key: StoredKey) -> KeptRow | None:
        """Return what is kept under `key`, in use from now on; None: nothing is known."""
        kept = self._in_use.get(key)
        if kept is None and (kept := self._at_rest.pop(key, None)) is not None:
            self._in_use[key] = kept
        return kept

    def add(self, kept: KeptRow) -> KeptRow:
        """Keep a row in use."""
        self._in_use[kept.key] = kept
        return kept

    def add_at_rest(self, kept: KeptRow) -> None:
        """Keep a row that nobody was given yet."""
        self._at_rest[kept.key] = kept

    def in_use(self) -> Iterator[KeptRow]:
        """Return the rows that may have been changed."""
        return iter(self._in_use.values())

    def rest(self) -> None:
        """Let all rows be at rest; they are as they are stored."""
        self._at_rest.update(self._in_use)
        self._in_use = {}

    def drop_oldest(self) -> bool:
        """Drop rows at rest until the limit is kept, and say whether it is."""
        surplus = len(self) - self._limit
        if surplus > 0:
            for key in list(self._at_rest)[:surplus]:
                del self._at_rest[key]
        return len(self) <= self._limit

    def clear(self) -> None:
        """Forget everything."""
        self._in_use, self._at_rest = {}, {}
