"""A table in use by one engine: rows of a batch, loaded once, shared, and written once."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from contextvars import ContextVar, Token
from typing import Generic, TypeVar

from orchestrix.eventsourcing import OpenReadModel
from orchestrix.messaging import Event
from orchestrix.read_models.declaration import TableDeclaration
from orchestrix.read_models.definition import StoredKey, StoredRow
from orchestrix.read_models.errors import NoBatch, RowError
from orchestrix.read_models.kept_row import UNKNOWN, KeptRow
from orchestrix.read_models.kept_rows import KeptRows
from orchestrix.read_models.question import Question
from orchestrix.read_models.row_owner import RowOwners
from orchestrix.read_models.storage import TableStorage, TableTransaction

RowT = TypeVar("RowT")


class Batch(Generic[RowT]):
    """One batch of one engine; told to the tasks that its handlers start.

    Attributes:
        table: The table in use.
        is_open: Whether it may be used.
    """

    __slots__ = ("is_open", "table", "token")

    def __init__(self, table: "OpenTable[RowT]") -> None:
        self.table = table
        self.is_open = True
        self.token: Token[Batch[RowT] | None] | None = None


class OpenTable(OpenReadModel, Generic[RowT]):
    """The rows that batches of one engine use. See :class:`OpenReadModel` for the order of calls.

    What it knows of the stored rows is brought up to date before anything is awaited, so that
    tasks of the handlers may go on meanwhile; and it is forgotten whenever a batch does not end
    well, so nothing has to be taken back.
    """

    def __init__(
        self,
        table: TableDeclaration[RowT],
        projection_id: str,
        batches: "ContextVar[Batch[RowT] | None]",
    ) -> None:
        self._definition = table.definition
        self._codec = table.codec
        self._prefetch = table.prefetch
        self._projection_id = projection_id
        self._batches = batches
        self._batch: Batch[RowT] | None = None
        self._storage: TableStorage | None = None
        self._rows = KeptRows(table.cached_rows)
        self._owners = RowOwners(table.codec)
        self._revision: int | None = None
        self._is_known = False  # whether the stored table is known to be as declared
        self._is_flushed = False
        self._drops = 0  # how often rows were dropped; what was read before may be stale

    @property
    def segment_key(self) -> str | None:
        return self._owners.writer

    @segment_key.setter
    def segment_key(self, key: str | None) -> None:
        self._owners.set_writer(key)

    async def begin(self, transaction: TableTransaction, revision: int | None) -> None:
        if self._batch is not None:
            self.end(None)
        if revision != self._revision:
            self._forget()
        self._storage, self._is_flushed = transaction.tables, False
        self._owners.writer = None
        self._batch = Batch(self)
        self._batch.token = self._batches.set(self._batch)

    async def prefetch(self, events: Sequence[Event]) -> None:
        if not self._prefetch:
            return
        keys = dict.fromkeys(map(self._codec.key, self._prefetch.keys_of(events)))
        missing = [each for each in keys if each not in self._rows]
        if missing:
            for kept in await self._load(missing):
                if kept.key not in self._rows:
                    self._rows.add_at_rest(kept)

    async def settle(self) -> None:
        if self._rows.drop_oldest():
            return
        await self._write_changes(then_rest=True)
        self._rows.drop_oldest()
        self._drops += 1

    async def flush(self) -> None:
        if self._batch is not None:
            self._batch.is_open = False
        await self._open()
        await self._write_changes()
        self._is_flushed = True

    async def empty(self) -> None:
        self._forget()
        self._drops += 1
        await self._stored().empty(self._definition, self._projection_id)
        self._is_known = True

    def end(self, revision: int | None) -> None:
        batch, self._batch, self._storage = self._batch, None, None
        if batch is not None:
            batch.is_open = False
            if batch.token is not None:
                with suppress(ValueError):  # a coroutine that was collected ends elsewhere
                    self._batches.reset(batch.token)
        if revision is None or not self._is_flushed:
            self._forget()
            return
        self._revision = revision
        self._rows.rest()
        self._rows.drop_oldest()

    async def get(self, key: StoredKey) -> RowT | None:
        """Return the row that all handlers of this batch share; None: there is none."""
        kept = self._rows.use(key)
        if kept is None:
            (loaded,) = await self._load([key])
            kept = self._rows.use(key) or self._rows.add(loaded)
        elif kept.stored is UNKNOWN and self._owners.is_checked:
            await self._settle_owners()
        if self._owners.writer is not None or kept.foreign is not None:
            self._owners.given(kept)
        return kept.row

    def put(self, row: RowT) -> None:
        """Let `row` be the row of its key."""
        key = self._codec.key_of_row(row)
        kept = self._rows.use(key) or self._rows.add(KeptRow(key, None, UNKNOWN, None))
        self._owners.put(kept)
        kept.row = row

    def delete(self, key: StoredKey) -> None:
        """Let there be no row with `key`."""
        kept = self._rows.use(key) or self._rows.add(KeptRow(key, None, UNKNOWN, None))
        self._owners.delete(kept)
        kept.row = None

    async def query(self, asked: Question) -> list[RowT]:
        """Return rows as the batch has them now; what it changed is written first."""
        found: list[RowT] = []
        for stored in await self._find(asked):
            key = self._codec.key_of(stored)
            kept = self._rows.use(key) or self._rows.add(self._kept(key, stored))
            if kept.row is not None:
                self._owners.given(kept)
                found.append(kept.row)
        return found

    async def _find(self, asked: Question) -> Sequence[StoredRow]:
        batch = self._batch
        while True:
            await self._open()
            await self._write_changes()
            self._check(batch)
            before = self._drops
            found = await self._stored().find(self._definition, *asked)
            self._check(batch)
            if before == self._drops:
                return found

    async def _load(self, keys: Sequence[StoredKey]) -> Iterable[KeptRow]:
        """Return what is stored under `keys`, for each of them."""
        batch = self._batch
        while True:
            await self._open()
            self._check(batch)
            before = self._drops
            found = await self._stored().load(self._definition, keys)
            self._check(batch)
            if before == self._drops:
                break
        rows = {self._codec.key_of(each): each for each in found}
        return [self._kept(key, rows.get(key)) for key in keys]

    def _kept(self, key: StoredKey, stored: StoredRow | None) -> KeptRow:
        if stored is None:
            return KeptRow(key, None, None, None)
        return KeptRow(key, self._codec.decode(stored), stored, _owner(stored))

    async def _open(self) -> None:
        if not self._is_known:
            await self._stored().open(self._definition, self._projection_id)
            self._is_known = True

    async def _settle_owners(self) -> None:
        """Look up the owners of rows that were written without being read."""
        while claimed := self._owners.claimed():
            for kept in await self._load(claimed):
                self._owners.settle(kept)

    async def _write_changes(self, *, then_rest: bool = False) -> None:
        if self._owners.is_checked:
            await self._settle_owners()
        rows, gone = self._changes()
        if then_rest:
            self._rows.rest()
        if rows or gone:
            await self._open()
            await self._stored().write(self._definition, rows, gone)

    def _changes(self) -> tuple[list[StoredRow], list[StoredKey]]:
        """Return what is to be written and deleted; it counts as stored from here on."""
        rows: list[StoredRow] = []
        gone: list[StoredKey] = []
        encode = self._codec.encode
        for kept in self._rows.in_use():
            if kept.row is None:
                if kept.stored is not None:
                    gone.append(kept.key)
                    kept.stored = None
                continue
            form = encode(kept.row, kept.owner)
            if kept.foreign is not None:
                self._owners.check(kept, form)
            if form != kept.stored:
                self._check_key(kept, form)
                rows.append(form)
                kept.stored = form
        self._owners.forget_claims()
        return rows, gone

    def _check_key(self, kept: KeptRow, form: StoredRow) -> None:
        if (found := self._codec.key_of(form)) != kept.key:
            problem = (
                f"its key was changed in place to {self._codec.shown(found)}; delete the old row "
                "and put a new one"
            )
            raise RowError(self._definition.name, self._codec.shown(kept.key), None, problem)

    def _stored(self) -> TableStorage:
        if self._storage is None:
            raise NoBatch(self._definition.name)
        return self._storage

    def _check(self, batch: Batch[RowT] | None) -> None:
        """Raise NoBatch when the batch has ended while we waited."""
        if batch is not self._batch:
            raise NoBatch(self._definition.name)

    def _forget(self) -> None:
        self._rows.clear()
        self._owners.forget_claims()
        self._revision, self._is_known = None, False


def _owner(stored: StoredRow) -> str | None:
    owner = stored[-1]
    return owner if isinstance(owner, str) else None
