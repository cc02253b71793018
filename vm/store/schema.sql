-- schema.sql: the one place of the schema. Patients are one packed record each (vm/core/patient.h) on a shelf; events
-- and journal rows are appended and chained by `previous`, so that a patient's timeline needs no index.
CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID;
CREATE TABLE name (number INTEGER PRIMARY KEY, kind INTEGER NOT NULL, text TEXT NOT NULL, UNIQUE (kind, text));
-- Shelves (shelf.h): records by number, numbers by the hash of the outside id, ids of inputs by their hash. `log` is what
-- is not on their pages yet (log.c), `timer` when parked patients are due (timers.h).
CREATE TABLE page_record (first INTEGER PRIMARY KEY, data BLOB NOT NULL);
CREATE TABLE page_id (first INTEGER PRIMARY KEY, data BLOB NOT NULL);
CREATE TABLE page_seen (first INTEGER PRIMARY KEY, data BLOB NOT NULL);
CREATE TABLE log (id INTEGER PRIMARY KEY, data BLOB NOT NULL);
CREATE TABLE timer (id INTEGER PRIMARY KEY, data BLOB NOT NULL);
CREATE TABLE event (
    id INTEGER PRIMARY KEY, patient INTEGER NOT NULL, previous INTEGER NOT NULL, name INTEGER NOT NULL,
    at INTEGER NOT NULL, received INTEGER NOT NULL, data BLOB NOT NULL);
CREATE TABLE outbox (
    id INTEGER PRIMARY KEY, patient INTEGER NOT NULL, enrollment INTEGER NOT NULL, image INTEGER NOT NULL,
    message INTEGER NOT NULL, channel INTEGER NOT NULL, state INTEGER NOT NULL, at INTEGER NOT NULL,
    handed INTEGER NOT NULL, try_at INTEGER NOT NULL, attempts INTEGER NOT NULL, report INTEGER NOT NULL, touched INTEGER NOT NULL,
    expires INTEGER NOT NULL, draft_until INTEGER NOT NULL, key BLOB NOT NULL, phone INTEGER, address TEXT, sender TEXT,
    reply_to TEXT, subject TEXT, preheader TEXT, html TEXT, text TEXT);
-- States are those of outbox.def: all that can still leave; what is to be tried when; what an exit cancels; what a
-- person must decide. `phone` is a hash of the number a text went to: whoever answers from it is found there, newest first.
CREATE INDEX outbox_live ON outbox (state, id) WHERE state <= 4;
CREATE INDEX outbox_due ON outbox (channel, try_at, id) WHERE state IN (2, 3);
CREATE INDEX outbox_waiting ON outbox (enrollment) WHERE state <= 3;
CREATE INDEX outbox_held ON outbox (id) WHERE state = 7;
CREATE INDEX outbox_phone ON outbox (phone, handed) WHERE phone IS NOT NULL;
CREATE TABLE suppressed (
    key INTEGER PRIMARY KEY, channel INTEGER NOT NULL, at INTEGER NOT NULL, reason TEXT NOT NULL, address TEXT NOT NULL);
CREATE TABLE rejected (id INTEGER PRIMARY KEY, at INTEGER NOT NULL, line INTEGER NOT NULL, field TEXT, reason TEXT, data BLOB);
CREATE TABLE image (number INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, meaning BLOB NOT NULL, data BLOB NOT NULL);
-- `started`: the kind of its trigger when it was first started, for ever (0: never).
CREATE TABLE campaign (number INTEGER PRIMARY KEY, state INTEGER NOT NULL, image INTEGER NOT NULL, started INTEGER NOT NULL);
CREATE TABLE api_key (
    id TEXT PRIMARY KEY, hash BLOB NOT NULL, scopes INTEGER NOT NULL, created INTEGER NOT NULL, expires INTEGER NOT NULL,
    name TEXT NOT NULL) WITHOUT ROWID;
-- What an attribute or a field of an object was declared as by the first image that was deployed with it.
CREATE TABLE type (name TEXT PRIMARY KEY, type TEXT NOT NULL) WITHOUT ROWID;
-- Hashes of the outside ids of erased patients: what still comes for them is dropped.
CREATE TABLE erased (hash BLOB PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID;
-- What people did, and by which key.
CREATE TABLE act (
    id INTEGER PRIMARY KEY, at INTEGER NOT NULL, key TEXT NOT NULL, what TEXT NOT NULL, object TEXT NOT NULL,
    reason TEXT NOT NULL);
-- What happened (journal.def), a row for each transaction of a patient; `previous` is the patient's row before. `metric`
-- counts the same entries (vm/store/journal.c packs the keys), `waiting` who is parked where, by hour of arrival.
CREATE TABLE journal (
    id INTEGER PRIMARY KEY, patient INTEGER NOT NULL, previous INTEGER NOT NULL, at INTEGER NOT NULL, data BLOB NOT NULL);
CREATE TABLE metric (key INTEGER PRIMARY KEY, count INTEGER NOT NULL);
CREATE TABLE waiting (key INTEGER PRIMARY KEY, count INTEGER NOT NULL);
