"""Every statement of this store.

Times are microseconds since 1970, UTC. Texts compare by code point.
"""

from typing import Final

APPLICATION_ID: Final = 0x4F524358
"""Marks a file as ours, in SQLite's own header field for that: "ORCX"."""

MIGRATIONS: Final[tuple[tuple[str, ...], ...]] = (
    (
        # One row: which log this is.
        "CREATE TABLE store (store_id TEXT NOT NULL, created_at INTEGER NOT NULL)",
        # The log. AUTOINCREMENT: a position is never given twice, not even by a hand that
        # deletes the newest events. metadata: a JSON object, NULL for none. data: JSON of
        # the whole event.
        """CREATE TABLE events (
            position INTEGER PRIMARY KEY AUTOINCREMENT,
            stream_id TEXT NOT NULL,
            version INTEGER NOT NULL,
            event_id TEXT NOT NULL UNIQUE,
            type TEXT NOT NULL,
            schema_version INTEGER NOT NULL,
            correlation_id TEXT,
            recorded_at INTEGER NOT NULL,
            metadata TEXT,
            data TEXT NOT NULL,
            UNIQUE (stream_id, version)
        )""",
        # The newest snapshot of each aggregate. state: a JSON object.
        """CREATE TABLE snapshots (
            aggregate_id TEXT PRIMARY KEY,
            aggregate_type TEXT NOT NULL,
            version INTEGER NOT NULL,
            state TEXT NOT NULL,
            taken_at TEXT NOT NULL
        )""",
    ),
    (
        # How far each projection is. Columns are the fields of ProjectionState;
        # applied_hash: the unsigned number in two's complement; partly_applied: JSON.
        """CREATE TABLE projections (
            projection_id TEXT PRIMARY KEY,
            last_processed_event_id TEXT,
            last_processed_position INTEGER NOT NULL,
            updated_at INTEGER NOT NULL,
            revision INTEGER NOT NULL,
            error_count INTEGER NOT NULL,
            is_healthy INTEGER NOT NULL,
            status TEXT NOT NULL,
            last_error TEXT,
            store_id TEXT,
            version INTEGER NOT NULL,
            fingerprint TEXT,
            applied_count INTEGER NOT NULL,
            applied_hash INTEGER NOT NULL,
            feed TEXT,
            failed_position INTEGER,
            partly_applied TEXT NOT NULL,
            replay_until INTEGER NOT NULL
        )""",
        # The ids that a projection of bare events has taken, in their order from 0.
        """CREATE TABLE projection_event_ids (
            projection_id TEXT NOT NULL,
            number INTEGER NOT NULL,
            event_id TEXT NOT NULL,
            PRIMARY KEY (projection_id, number)
        ) WITHOUT ROWID""",
    ),
    (
        # The tables of read models: whose each is, which generation of it is read under its
        # name, and its definition as JSON.
        """CREATE TABLE read_models (
            name TEXT PRIMARY KEY COLLATE NOCASE,
            projection_id TEXT NOT NULL,
            generation INTEGER NOT NULL,
            definition TEXT NOT NULL
        )""",
        # Who runs each projection. beat: how often the holder has renewed it.
        """CREATE TABLE projection_leases (
            projection_id TEXT PRIMARY KEY,
            holder TEXT NOT NULL,
            token INTEGER NOT NULL,
            beat INTEGER NOT NULL,
            seconds REAL NOT NULL
        )""",
        # What each projection is to do, where somebody has said so.
        """CREATE TABLE projection_controls (
            projection_id TEXT PRIMARY KEY,
            desired_status TEXT NOT NULL
        )""",
        # Keys that are set aside. position: of the first event; delay: seconds, NULL for none.
        """CREATE TABLE parked_keys (
            projection_id TEXT NOT NULL,
            key TEXT NOT NULL,
            position INTEGER NOT NULL,
            since INTEGER NOT NULL,
            attempts INTEGER NOT NULL,
            error TEXT NOT NULL,
            failed_at INTEGER NOT NULL,
            delay REAL,
            request TEXT,
            reason TEXT,
            PRIMARY KEY (projection_id, key)
        ) WITHOUT ROWID""",
        # The events that are set aside with them.
        """CREATE TABLE parked_events (
            projection_id TEXT NOT NULL,
            key TEXT NOT NULL,
            position INTEGER NOT NULL,
            PRIMARY KEY (projection_id, key, position)
        ) WITHOUT ROWID""",
        "CREATE INDEX parked_events_by_position ON parked_events (projection_id, position)",
        # Events that were given up.
        """CREATE TABLE discarded_events (
            projection_id TEXT NOT NULL,
            position INTEGER NOT NULL,
            key TEXT NOT NULL,
            reason TEXT NOT NULL,
            discarded_at INTEGER NOT NULL,
            PRIMARY KEY (projection_id, position)
        ) WITHOUT ROWID""",
    ),
)
"""What makes each version of the schema from the one before. Number N is at N - 1."""

OWN_NAMES: Final = frozenset(
    {
        "store",
        "events",
        "snapshots",
        "projections",
        "projection_event_ids",
        "read_models",
        "projection_leases",
        "projection_controls",
        "parked_keys",
        "parked_events",
        "parked_events_by_position",
        "discarded_events",
    }
)
"""What they make, but for what SQLite names itself."""

NEW_STORE: Final = "INSERT INTO store VALUES (?, ?)"
STORE_ID: Final = "SELECT store_id FROM store"

# What else is in the file, to tell a new one from another application's.
TABLES: Final = r"""
    SELECT name FROM sqlite_master WHERE name NOT LIKE 'sqlite\_%' ESCAPE '\' ORDER BY name"""

# Where the next append begins: the last position ever given, and the newest event's time, if any.
END: Final = """
    SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'events'), 0),
           (SELECT recorded_at FROM events ORDER BY position DESC LIMIT 1)"""

STREAM_VERSION: Final = "SELECT max(version) FROM events WHERE stream_id = ?"

# Where a stream ends.
STREAM_END: Final = """
    SELECT version, position FROM events WHERE stream_id = ? ORDER BY version DESC LIMIT 1"""

# Where an event is recorded.
PLACE: Final = "SELECT stream_id, version, position FROM events WHERE event_id = ?"

# One event, and several at once, which costs a quarter less for each.
COLUMNS: Final = 10
ROWS: Final = 20
_ROW = f"({', '.join('?' * COLUMNS)})"
APPEND: Final = f"INSERT INTO events VALUES {_ROW}"  # noqa: S608 - constants
APPEND_ROWS: Final = f"INSERT INTO events VALUES {', '.join([_ROW] * ROWS)}"  # noqa: S608 - constants

HEAD: Final = "SELECT coalesce(max(position), 0) FROM events"

_COLUMNS = (
    "position, stream_id, version, event_id, type, schema_version, recorded_at, metadata, data"
)

READ_STREAM: Final = f"""
    SELECT {_COLUMNS} FROM events
    WHERE stream_id = ? AND version >= ? ORDER BY version LIMIT ?"""  # noqa: S608 - constants

# After a position, up to another.
READ_LOG: Final = f"""
    SELECT {_COLUMNS} FROM events
    WHERE position > ? AND position <= ? ORDER BY position LIMIT ?"""  # noqa: S608 - constants

# The same, of chosen types and categories, each a JSON array or NULL for all.
READ_FILTERED: Final = f"""
    SELECT {_COLUMNS} FROM events
    WHERE position > ?1 AND position <= ?2
      AND (?4 IS NULL OR type IN (SELECT value FROM json_each(?4)))
      AND (?5 IS NULL OR substr(stream_id, 1, instr(stream_id || '-', '-') - 1)
                         IN (SELECT value FROM json_each(?5)))
    ORDER BY position LIMIT ?3"""  # noqa: S608 - constants

# Stream ids, from one on or after one: each step is one search of the index.
_STREAMS = """
    WITH RECURSIVE found (id) AS (
        SELECT min(stream_id) FROM events WHERE stream_id {} ?
        UNION ALL
        SELECT (SELECT min(stream_id) FROM events WHERE stream_id > id)
        FROM found WHERE id IS NOT NULL
    )
    SELECT id FROM found WHERE id IS NOT NULL LIMIT ?"""
STREAMS_FROM: Final = _STREAMS.format(">=")
STREAMS_AFTER: Final = _STREAMS.format(">")

# A snapshot replaces one that is not newer.
SAVE_SNAPSHOT: Final = """
    INSERT INTO snapshots VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (aggregate_id) DO UPDATE SET
        aggregate_type = excluded.aggregate_type, version = excluded.version,
        state = excluded.state, taken_at = excluded.taken_at
    WHERE excluded.version >= version"""

LOAD_SNAPSHOT: Final = "SELECT * FROM snapshots WHERE aggregate_id = ?"

# Which state is stored.
STATE_REVISION: Final = "SELECT revision, updated_at FROM projections WHERE projection_id = ?"
LOAD_STATE: Final = "SELECT * FROM projections WHERE projection_id = ?"
SAVE_STATE: Final = f"INSERT OR REPLACE INTO projections VALUES ({', '.join('?' * 18)})"  # noqa: S608 - constants

EVENT_IDS: Final = (
    "SELECT event_id FROM projection_event_ids WHERE projection_id = ? ORDER BY number"
)
FORGET_EVENT_IDS: Final = "DELETE FROM projection_event_ids WHERE projection_id = ?"
SAVE_EVENT_ID: Final = "INSERT INTO projection_event_ids VALUES (?, ?, ?)"

# Changes whenever anything in the file is made, altered or dropped.
SCHEMA_COOKIE: Final = "PRAGMA main.schema_version"

# The table of a read model, and who has a name; all names are the same in any case.
READ_MODEL: Final = """
    SELECT name, projection_id, generation, definition FROM main.read_models WHERE name = ?"""
SAVE_READ_MODEL: Final = "INSERT OR REPLACE INTO main.read_models VALUES (?, ?, ?, ?)"
OBJECT: Final = """
    SELECT type, name, sql FROM main.sqlite_master
    WHERE name = ? COLLATE NOCASE AND type <> 'trigger'"""
COLUMNS_OF: Final = "SELECT name, type, pk FROM pragma_table_info(?, 'main')"
INDEXES_OF: Final = """
    SELECT name FROM main.sqlite_master WHERE type = 'index' AND tbl_name = ? COLLATE NOCASE"""

LEASE: Final = "SELECT * FROM projection_leases WHERE projection_id = ?"
SAVE_LEASE: Final = "INSERT OR REPLACE INTO projection_leases VALUES (?, ?, ?, ?, ?)"
DESIRED_STATUS: Final = "SELECT desired_status FROM projection_controls WHERE projection_id = ?"
SAVE_DESIRED_STATUS: Final = "INSERT OR REPLACE INTO projection_controls VALUES (?, ?)"

# Keys that are set aside, each with the number of its events.
_PARKED = """
    SELECT k.*, (SELECT count(*) FROM parked_events AS e
                 WHERE e.projection_id = k.projection_id AND e.key = k.key)
    FROM parked_keys AS k WHERE k.projection_id = ?"""
PARKED_KEYS: Final = f"{_PARKED} ORDER BY k.position, k.key"
PARKED_BETWEEN: Final = f"""{_PARKED} AND k.key =
    (SELECT key FROM parked_events WHERE projection_id = k.projection_id
     AND position BETWEEN ? AND ? ORDER BY position, key LIMIT 1)"""  # noqa: S608 - constants
PARKED_POSITIONS: Final = """
    SELECT position FROM parked_events
    WHERE projection_id = ? AND key = ? AND position > ? ORDER BY position LIMIT ?"""
IS_PARKED: Final = "SELECT 1 FROM parked_keys WHERE projection_id = ? AND key = ?"

# A key is saved without what was asked for it.
SAVE_PARKED: Final = """
    INSERT INTO parked_keys VALUES (?, ?, ?, ?, ?, ?, ?, ?, NULL, NULL)
    ON CONFLICT (projection_id, key) DO UPDATE SET
        position = excluded.position, since = excluded.since, attempts = excluded.attempts,
        error = excluded.error, failed_at = excluded.failed_at, delay = excluded.delay"""
ADD_PARKED: Final = "INSERT OR IGNORE INTO parked_events VALUES (?, ?, ?)"
FORGET_PARKED_EVENTS: Final = """
    DELETE FROM parked_events WHERE projection_id = ? AND key = ? AND position <= ?"""
FORGET_PARKED_KEY: Final = "DELETE FROM parked_keys WHERE projection_id = ? AND key = ?"
BEGIN_ANEW: Final = """
    UPDATE parked_keys SET position = ?, attempts = 0, delay = 0
    WHERE projection_id = ? AND key = ?"""
REQUEST: Final = """
    UPDATE parked_keys SET request = ?, reason = ? WHERE projection_id = ? AND key = ?"""
ANSWER: Final = """
    UPDATE parked_keys SET request = NULL, reason = NULL
    WHERE projection_id = ? AND key = ? AND request = ?"""

DISCARD: Final = """
    INSERT OR REPLACE INTO discarded_events
    SELECT projection_id, position, key, ?, ? FROM parked_events
    WHERE projection_id = ? AND key = ?"""
DISCARDED_EVENTS: Final = """
    SELECT * FROM discarded_events
    WHERE projection_id = ? AND position > ? ORDER BY position LIMIT ?"""
CLEAR_PARKED: Final = (
    "DELETE FROM parked_keys WHERE projection_id = ?",
    "DELETE FROM parked_events WHERE projection_id = ?",
    "DELETE FROM discarded_events WHERE projection_id = ?",
)
