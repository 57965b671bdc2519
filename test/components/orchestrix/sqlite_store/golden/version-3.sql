-- A file of schema version 3: that of version 2, a table of a read model, and what running projections takes.
PRAGMA application_id = 1330791256;
PRAGMA user_version = 3;
BEGIN TRANSACTION;
CREATE TABLE discarded_events (
            projection_id TEXT NOT NULL,
            position INTEGER NOT NULL,
            key TEXT NOT NULL,
            reason TEXT NOT NULL,
            discarded_at INTEGER NOT NULL,
            PRIMARY KEY (projection_id, position)
        ) WITHOUT ROWID;
INSERT INTO "discarded_events" VALUES('rooms',1,'hall','a test',1767355201250000);
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
CREATE TABLE "orchestrix_guests_1" ("name" TEXT NOT NULL, "since" TEXT, "nights" INTEGER, "paid" TEXT, "tags" TEXT, "orchestrix_segment_key" TEXT, PRIMARY KEY ("name"));
INSERT INTO "orchestrix_guests_1" VALUES('Ada','2026-01-02',2,'12.50','["early"]','room-7');
INSERT INTO "orchestrix_guests_1" VALUES('Bob ä','2026-01-03',0,'0',NULL,NULL);
CREATE TABLE parked_events (
            projection_id TEXT NOT NULL,
            key TEXT NOT NULL,
            position INTEGER NOT NULL,
            PRIMARY KEY (projection_id, key, position)
        ) WITHOUT ROWID;
INSERT INTO "parked_events" VALUES('rooms','room-7',2);
INSERT INTO "parked_events" VALUES('rooms','notes',3);
INSERT INTO "parked_events" VALUES('rooms','room-7',5);
CREATE TABLE parked_keys (
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
        ) WITHOUT ROWID;
INSERT INTO "parked_keys" VALUES('rooms','notes',3,1767355201250000,9,'KeyError: 7',1767355201250000,NULL,NULL,NULL);
INSERT INTO "parked_keys" VALUES('rooms','room-7',2,1767355200000000,3,'ValueError: no ä',1767355201250000,1.5,'discard','broken');
CREATE TABLE projection_controls (
            projection_id TEXT PRIMARY KEY,
            desired_status TEXT NOT NULL
        );
INSERT INTO "projection_controls" VALUES('rooms','paused');
CREATE TABLE projection_event_ids (
            projection_id TEXT NOT NULL,
            number INTEGER NOT NULL,
            event_id TEXT NOT NULL,
            PRIMARY KEY (projection_id, number)
        ) WITHOUT ROWID;
INSERT INTO "projection_event_ids" VALUES('rooms',0,'event-1');
INSERT INTO "projection_event_ids" VALUES('rooms',1,'event-2');
CREATE TABLE projection_leases (
            projection_id TEXT PRIMARY KEY,
            holder TEXT NOT NULL,
            token INTEGER NOT NULL,
            beat INTEGER NOT NULL,
            seconds REAL NOT NULL
        );
INSERT INTO "projection_leases" VALUES('rooms','host-1',7,3,10.5);
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
INSERT INTO "projections" VALUES('guests',NULL,0,1767355200000000,0,0,1,'live',NULL,NULL,1,NULL,0,0,NULL,NULL,'[]',0);
CREATE TABLE read_models (
            name TEXT PRIMARY KEY COLLATE NOCASE,
            projection_id TEXT NOT NULL,
            generation INTEGER NOT NULL,
            definition TEXT NOT NULL
        );
INSERT INTO "read_models" VALUES('guests','guests',1,'{"name": "guests", "columns": [{"name": "name", "kind": "str", "optional": false}, {"name": "since", "kind": "date", "optional": false}, {"name": "nights", "kind": "int", "optional": false, "default": [0]}, {"name": "paid", "kind": "decimal", "optional": false, "default": ["0"]}, {"name": "tags", "kind": "json", "optional": true, "default": [null]}], "key": ["name"], "indexes": [["since"]]}');
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
CREATE INDEX parked_events_by_position ON parked_events (projection_id, position);
CREATE INDEX "orchestrix_guests_1(since)" ON "orchestrix_guests_1" ("since", "name");
CREATE VIEW "guests" AS SELECT r."name", r."since", r."nights", r."paid", r."tags" FROM "orchestrix_guests_1" AS r;
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('events',5);
COMMIT;
