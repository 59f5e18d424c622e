-- One JSON document per job, with generated columns for what is searched or must be unique.
CREATE TABLE jobs (
    id            TEXT PRIMARY KEY,
    document      TEXT NOT NULL CHECK (json_valid(document)),
    crc           INTEGER NOT NULL,
    state         TEXT NOT NULL GENERATED ALWAYS AS (json_extract(document, '$.state')) STORED
                  CHECK (state IN ('reserved', 'sending', 'accepted', 'remote_done', 'done', 'failed', 'cancelled',
                                   'stalled', 'missing', 'expired', 'rejected', 'not_sent', 'unknown', 'absent',
                                   'unresolved')),
    version       INTEGER NOT NULL GENERATED ALWAYS AS (json_extract(document, '$.version')) STORED,
    owner         TEXT NOT NULL GENERATED ALWAYS AS (json_extract(document, '$.owner')) STORED,
    provider      TEXT NOT NULL GENERATED ALWAYS AS (json_extract(document, '$.provider')) STORED,
    account       TEXT NOT NULL GENERATED ALWAYS AS (json_extract(document, '$.account')) STORED,
    model         TEXT NOT NULL GENERATED ALWAYS AS (json_extract(document, '$.model')) STORED,
    fingerprint   TEXT NOT NULL GENERATED ALWAYS AS (json_extract(document, '$.fingerprint')) STORED,
    client_key    TEXT NOT NULL GENERATED ALWAYS AS (json_extract(document, '$.client_key')) STORED,
    tag           TEXT NOT NULL UNIQUE GENERATED ALWAYS AS (json_extract(document, '$.tag')) STORED,
    task_id       TEXT GENERATED ALWAYS AS (json_extract(document, '$.submission.task_id')) STORED,
    created_at    REAL NOT NULL GENERATED ALWAYS AS (json_extract(document, '$.created_at')) STORED,
    finished_at   REAL GENERATED ALWAYS AS (json_extract(document, '$.finished_at')) STORED,
    lease_owner   TEXT,
    lease_until   REAL NOT NULL DEFAULT 0,
    UNIQUE (provider, account, client_key),
    UNIQUE (provider, account, task_id)
) STRICT;
CREATE INDEX jobs_by_state ON jobs (state);
CREATE INDEX jobs_by_age ON jobs (created_at);
CREATE INDEX jobs_by_fingerprint ON jobs (fingerprint);

-- Money, append only. `reserved_at` and `day` are those of the reservation, so that a release frees the
-- very day and hour that the reservation took.
CREATE TABLE ledger (
    job_id        TEXT NOT NULL REFERENCES jobs (id),
    kind          TEXT NOT NULL CHECK (kind IN ('reserve', 'release', 'adopt', 'settle')),
    at            REAL NOT NULL,
    reserved_at   REAL NOT NULL,
    day           TEXT NOT NULL,
    provider      TEXT NOT NULL,
    model         TEXT NOT NULL,
    currency      TEXT NOT NULL,
    micros        INTEGER NOT NULL,
    usd_micros    INTEGER NOT NULL,
    UNIQUE (job_id, kind)
) STRICT;
CREATE INDEX ledger_by_day ON ledger (day);
CREATE INDEX ledger_by_time ON ledger (reserved_at);
CREATE TRIGGER ledger_is_append_only_update BEFORE UPDATE ON ledger
BEGIN SELECT RAISE(ABORT, 'the ledger is append only'); END;
CREATE TRIGGER ledger_is_append_only_delete BEFORE DELETE ON ledger
BEGIN SELECT RAISE(ABORT, 'the ledger is append only'); END;

-- The provider's raw answer to each purchase, even when nobody could read it.
CREATE TABLE answers (
    job_id        TEXT NOT NULL REFERENCES jobs (id),
    at            REAL NOT NULL,
    http_status   INTEGER,
    outcome       TEXT NOT NULL,
    raw           BLOB NOT NULL CHECK (length(raw) <= 4096)
) STRICT;

-- Every transition, append only, each row hashed together with the one before it.
CREATE TABLE events (
    seq           INTEGER PRIMARY KEY AUTOINCREMENT,
    job_id        TEXT NOT NULL,
    at            REAL NOT NULL,
    from_state    TEXT,
    to_state      TEXT NOT NULL,
    by            TEXT NOT NULL,
    detail        TEXT NOT NULL,
    hash          TEXT NOT NULL
) STRICT;
CREATE INDEX events_by_job ON events (job_id);
CREATE TRIGGER events_are_append_only_update BEFORE UPDATE ON events
BEGIN SELECT RAISE(ABORT, 'events are append only'); END;
CREATE TRIGGER events_are_append_only_delete BEFORE DELETE ON events
BEGIN SELECT RAISE(ABORT, 'events are append only'); END;

-- Checked files and URLs that tools refer to as media:<id>.
CREATE TABLE media (
    id            TEXT PRIMARY KEY,
    at            REAL NOT NULL,
    source        TEXT NOT NULL,
    document      TEXT NOT NULL CHECK (json_valid(document))
) STRICT;

-- Where a provider can read a file, once per content and provider.
CREATE TABLE uploads (
    provider      TEXT NOT NULL,
    account       TEXT NOT NULL,
    sha256        TEXT NOT NULL,
    url           TEXT NOT NULL,
    expires_at    REAL,
    PRIMARY KEY (provider, account, sha256)
) STRICT;

-- Prices that a person has to agree to. Only a hash of the token is kept.
CREATE TABLE confirmations (
    token_hash    TEXT PRIMARY KEY,
    fingerprint   TEXT NOT NULL,
    usd_micros    INTEGER NOT NULL,
    at            REAL NOT NULL,
    approved_at   REAL,
    used_at       REAL
) STRICT;

-- Provider accounts that get no new submissions for now.
CREATE TABLE breakers (
    provider      TEXT NOT NULL,
    account       TEXT NOT NULL,
    code          TEXT NOT NULL,
    message       TEXT NOT NULL,
    failures      INTEGER NOT NULL,
    open_until    REAL NOT NULL,
    PRIMARY KEY (provider, account)
) STRICT;

-- Which client has been told that a job finished.
CREATE TABLE seen (
    job_id        TEXT NOT NULL REFERENCES jobs (id),
    client        TEXT NOT NULL,
    at            REAL NOT NULL,
    PRIMARY KEY (job_id, client)
) STRICT;

CREATE TABLE meta (
    key           TEXT PRIMARY KEY,
    value         TEXT NOT NULL
) STRICT;
