-- A file of schema version 2: that of version 1, and the state of a projection.
PRAGMA application_id = 1330791256;
PRAGMA user_version = 2;
BEGIN TRANSACTION;
CREATE TABLE events (
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
        );
INSERT INTO "events" VALUES(1,'room-7',0,'event-1','golden.room-booked',1,NULL,1767355200000000,NULL,'{"id":"event-1","specversion":"1.0","type":"golden.room-booked","source":"orchestrix","timestamp":"2026-01-02T12:00:00Z","subject":null,"data":null,"datacontenttype":null,"dataschema":null,"correlation_id":null,"causation_id":null,"guest":"Ada"}');
INSERT INTO "events" VALUES(2,'room-7',1,'event-2','golden.room-booked',2,'c-1',1767355200250000,'{"user":"ada"}','{"id":"event-2","specversion":"1.0","type":"golden.room-booked","source":"orchestrix","timestamp":"2026-01-02T12:00:00Z","subject":null,"data":null,"datacontenttype":null,"dataschema":null,"correlation_id":"c-1","causation_id":null,"guest":"Bob ä","price":"12.50"}');
INSERT INTO "events" VALUES(3,'notes',0,'event-3','noted',0,NULL,1767355200250000,NULL,'{"id":"event-3","specversion":"1.0","type":"noted","source":"orchestrix","timestamp":"2026-01-02T12:00:00Z","subject":null,"data":{"rooms":[7,8]},"datacontenttype":null,"dataschema":null,"correlation_id":null,"causation_id":null}');
INSERT INTO "events" VALUES(5,'room-7',2,'event-5','golden.of-a-newer-program',1,NULL,1767355200500000,NULL,'{"id":"event-5","specversion":"1.0","type":"golden.of-a-newer-program","source":"orchestrix","timestamp":"2026-01-02T12:00:00Z","subject":null,"data":null,"datacontenttype":null,"dataschema":null,"correlation_id":null,"causation_id":null,"floor":3}');
CREATE TABLE projection_event_ids (
            projection_id TEXT NOT NULL,
            number INTEGER NOT NULL,
            event_id TEXT NOT NULL,
            PRIMARY KEY (projection_id, number)
        ) WITHOUT ROWID;
INSERT INTO "projection_event_ids" VALUES('rooms',0,'event-1');
INSERT INTO "projection_event_ids" VALUES('rooms',1,'event-2');
CREATE TABLE projections (
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
        );
INSERT INTO "projections" VALUES('rooms','event-3',3,1767355200000000,4,1,0,'replaying','OSError: full','01a2096e-0000-7000-8000-000000000001',2,'0123abcd',3,-2,'recorded',4,'[{"event_id":"event-4","returned":["on_booked"]}]',9);
CREATE TABLE snapshots (
            aggregate_id TEXT PRIMARY KEY,
            aggregate_type TEXT NOT NULL,
            version INTEGER NOT NULL,
            state TEXT NOT NULL,
            taken_at TEXT NOT NULL
        );
INSERT INTO "snapshots" VALUES('room-7','Room',1,'{"guests":["Ada"]}','2026-01-02T12:00:00+00:00');
CREATE TABLE store (store_id TEXT NOT NULL, created_at INTEGER NOT NULL);
INSERT INTO "store" VALUES('01a2096e-0000-7000-8000-000000000001',1767355200000000);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('events',5);
COMMIT;
