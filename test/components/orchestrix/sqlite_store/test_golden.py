"""A file of each version of the schema, as it was written then: it is read for ever.

Each is kept as the statements that make it.
"""

import sqlite3
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from orchestrix.event_codec import EventCodec
from orchestrix.eventsourcing import Snapshot
from orchestrix.messaging import Event, UnknownEvent
from orchestrix.projection_state import (
    DiscardedEvent,
    EventIds,
    Lease,
    ParkedKey,
    PartlyApplied,
    ProjectionState,
)
from orchestrix.read_models import CrossSegmentWrite, Table
from orchestrix.sqlite_store import open_sqlite_projections, open_sqlite_store
from orchestrix.sqlite_store.sql import OWN_NAMES
from orchestrix.testing.conformance.event_store import log_of
from orchestrix.testing.conformance.read_model_table.driver import Driver

FOLDER = Path(__file__).with_name("golden")
VERSION_1 = FOLDER / "version-1.sql"
VERSION_2 = FOLDER / "version-2.sql"
VERSION_3 = FOLDER / "version-3.sql"
NEWEST = VERSION_3

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class RoomBooked(Event, type="golden.room-booked", schema_version=2):
    guest: str
    price: Decimal


def of_old(data: dict[str, str]) -> dict[str, str]:
    return {**data, "price": "0"}


@pytest.fixture
def codec() -> EventCodec:
    codec = EventCodec()
    codec.upcaster("golden.room-booked", 1)(of_old)
    return codec


def made_from(script: Path, file: Path) -> Path:
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript(script.read_text())
    return file


def schema_of(file: Path) -> list[str]:
    """What makes our own tables."""
    with closing(sqlite3.connect(file)) as connection:
        rows = connection.execute(
            "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name"
        )
        return [" ".join(text.split()) for name, text in rows if name in OWN_NAMES]


@pytest.mark.parametrize("script", sorted(FOLDER.glob("*.sql")), ids=lambda each: each.stem)
async def test_its_events_and_snapshots_are_read(
    tmp_path: Path, codec: EventCodec, script: Path
) -> None:
    file = made_from(script, tmp_path / "events.db")
    async with open_sqlite_store(file, codec=codec) as store:
        assert store.store_id == "01a2096e-0000-7000-8000-000000000001"
        log = await log_of(store)
        snapshot = await store.load_snapshot("room-7")

    booked = RoomBooked(
        id="event-2", timestamp=NOON, guest="Bob ä", price=Decimal("12.50"), correlation_id="c-1"
    )
    assert [each.event for each in log] == [
        RoomBooked(id="event-1", timestamp=NOON, guest="Ada", price=Decimal(0)),
        booked,
        Event(id="event-3", type="noted", timestamp=NOON, data={"rooms": [7, 8]}),
        log[3].event,
    ]
    assert isinstance(log[3].event, UnknownEvent)
    assert (log[3].event.type, log[3].event.data["floor"]) == ("golden.of-a-newer-program", 3)
    assert [(each.stream_id, each.version, each.position) for each in log] == [
        ("room-7", 0, 1), ("room-7", 1, 2), ("notes", 0, 3), ("room-7", 2, 5),
    ]  # fmt: skip
    assert [dict(each.metadata) for each in log] == [{}, {"user": "ada"}, {}, {}]
    assert [each.recorded_at.microsecond for each in log] == [0, 250_000, 250_000, 500_000]
    assert log[0].recorded_at == NOON
    assert snapshot == Snapshot("room-7", "Room", 1, {"guests": ["Ada"]}, NOON)


@pytest.mark.parametrize("script", sorted(FOLDER.glob("*.sql")), ids=lambda each: each.stem)
async def test_it_goes_on(tmp_path: Path, codec: EventCodec, script: Path) -> None:
    file = made_from(script, tmp_path / "events.db")
    async with open_sqlite_store(file, codec=codec) as store:
        result = await store.append("room-7", [Event()], expected_version=2)

    assert (result.last_version, result.last_position) == (3, 6)


STATE = ProjectionState(
    projection_id="rooms",
    last_processed_event_id="event-3",
    last_processed_position=3,
    updated_at=NOON,
    revision=4,
    error_count=1,
    is_healthy=False,
    status="replaying",
    last_error="OSError: full",
    store_id="01a2096e-0000-7000-8000-000000000001",
    version=2,
    fingerprint="0123abcd",
    applied_count=3,
    applied_hash=2**64 - 2,
    feed="recorded",
    failed_position=4,
    partly_applied=(PartlyApplied("event-4", ("on_booked",)),),
    replay_until=9,
    event_ids=EventIds(["event-1", "event-2"]),
)


@pytest.mark.parametrize("script", [VERSION_2, VERSION_3], ids=lambda each: each.stem)
async def test_the_states_of_projections_are_read(tmp_path: Path, script: Path) -> None:
    async with open_sqlite_projections(made_from(script, tmp_path / "a.db")) as states:
        assert await states.load_state("rooms") == STATE


@dataclass
class Guest:
    name: str
    since: date
    nights: int = 0
    paid: Decimal = Decimal(0)
    tags: list[str] | None = None


ADA = Guest("Ada", date(2026, 1, 2), 2, Decimal("12.50"), ["early"])
BOB = Guest("Bob ä", date(2026, 1, 3))


async def test_the_tables_of_read_models_are_read_and_go_on(tmp_path: Path) -> None:
    guests = Table(Guest, key="name", name="guests", indexes=["since"])
    async with open_sqlite_projections(made_from(VERSION_3, tmp_path / "a.db")) as states:
        assert await states.table(guests).query() == [ADA, BOB]
        assert await states.table(guests).query({"since": BOB.since}) == [BOB]
        driver = Driver(states, guests, projection_id="guests")
        words = "'Ada' belongs to segment key 'room-7'"
        with pytest.raises(CrossSegmentWrite, match=words):  # noqa: PT012 - the batch's end is part of it
            async with driver.batch():
                driver.segment("room-8")
                guests.put(BOB)
                guests.delete("Ada")
        async with driver.batch():
            guests.delete("Ada")
        assert await states.table(guests).query() == [BOB]


async def test_what_running_projections_takes_is_read_and_goes_on(tmp_path: Path) -> None:
    later = datetime(2026, 1, 2, 12, 0, 1, 250_000, tzinfo=UTC)
    lease = Lease(projection_id="rooms", holder="host-1", token=7, beat=3, seconds=10.5)
    first = ParkedKey(
        projection_id="rooms", key="room-7", position=2, since=NOON, attempts=3,
        error="ValueError: no ä", failed_at=later, delay=1.5, events=2, request="discard",
        reason="broken",
    )  # fmt: skip
    second = ParkedKey(
        projection_id="rooms", key="notes", position=3, since=later, attempts=9,
        error="KeyError: 7", failed_at=later, delay=None,
    )  # fmt: skip
    given_up = DiscardedEvent(
        projection_id="rooms", key="hall", position=1, reason="a test", discarded_at=later
    )
    async with open_sqlite_projections(made_from(VERSION_3, tmp_path / "a.db")) as states:
        assert list(await states.parked_keys("rooms")) == [first, second]
        assert list(await states.parked_positions("rooms", "room-7")) == [2, 5]
        assert list(await states.discarded_events("rooms")) == [given_up]
        assert await states.desired_status("rooms") == "paused"
        assert await states.lease("rooms") == lease
        assert await states.renew_lease(lease) == replace(lease, beat=4)
        async with states.transaction("rooms") as transaction:
            assert await transaction.parked.discard("room-7", "asked", NOON) == 2
        assert [each.position for each in await states.discarded_events("rooms")] == [1, 2, 5]


async def test_a_new_file_has_the_schema_of_the_newest_golden_file(tmp_path: Path) -> None:
    async with open_sqlite_store(tmp_path / "new.db"):
        pass
    golden = schema_of(made_from(NEWEST, tmp_path / "golden.db"))

    assert schema_of(tmp_path / "new.db") == golden


@pytest.mark.parametrize("script", sorted(FOLDER.glob("*.sql")), ids=lambda each: each.stem)
async def test_an_old_file_gets_the_schema_of_a_new_one(tmp_path: Path, script: Path) -> None:
    file = made_from(script, tmp_path / "old.db")
    async with open_sqlite_store(file), open_sqlite_store(tmp_path / "new.db"):
        pass

    assert schema_of(file) == schema_of(tmp_path / "new.db")
