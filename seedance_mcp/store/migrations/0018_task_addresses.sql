-- A task's id is unique only at the address that gave it ('': not known). The table is made anew, for SQLite cannot drop
-- a constraint. Of a record that is damaged, what stands in its columns stays, and its own words as hex digits; its
-- checksum still tells that it is damaged.
CREATE TABLE new_jobs (
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
    address       TEXT NOT NULL GENERATED ALWAYS AS (COALESCE(json_extract(document, '$.base_url'), '')) STORED,
    created_at    REAL NOT NULL GENERATED ALWAYS AS (json_extract(document, '$.created_at')) STORED,
    finished_at   REAL GENERATED ALWAYS AS (json_extract(document, '$.finished_at')) STORED,
    lease_owner   TEXT,
    lease_until   REAL NOT NULL DEFAULT 0,
    UNIQUE (provider, account, client_key),
    UNIQUE (provider, account, address, task_id)
) STRICT;

INSERT INTO new_jobs (id, document, crc, lease_owner, lease_until)
SELECT id,
       CASE WHEN crc32(CAST(document AS BLOB)) = crc
       OR CASE WHEN json_valid(document) THEN
                   state IN ('reserved', 'sending', 'accepted', 'remote_done', 'done', 'failed', 'cancelled', 'stalled',
                             'missing', 'expired', 'rejected', 'not_sent', 'unknown', 'absent', 'unresolved')
               AND json_extract(document, '$.state') IS state
               AND json_extract(document, '$.version') IS version
               AND json_extract(document, '$.owner') IS owner
               AND json_extract(document, '$.provider') IS provider
               AND json_extract(document, '$.account') IS account
               AND json_extract(document, '$.model') IS model
               AND json_extract(document, '$.fingerprint') IS fingerprint
               AND json_extract(document, '$.client_key') IS client_key
               AND json_extract(document, '$.tag') IS tag
               AND json_extract(document, '$.created_at') IS created_at
               AND json_extract(document, '$.finished_at') IS finished_at
               AND json_extract(document, '$.submission.task_id') IS task_id
                 ELSE 0 END
       THEN document
       ELSE json_object(
           'id', id,
           'state', CASE WHEN state IN ('reserved', 'sending', 'accepted', 'remote_done', 'done', 'failed', 'cancelled', 'stalled',
                                        'missing', 'expired', 'rejected', 'not_sent', 'unknown', 'absent', 'unresolved')
                    THEN state ELSE 'unresolved' END,
           'version', version, 'owner', owner, 'provider', provider, 'account', account, 'model', model, 'fingerprint', fingerprint, 'client_key', client_key, 'tag', tag, 'created_at', created_at, 'finished_at', finished_at,
           'submission', CASE WHEN task_id IS NULL THEN NULL ELSE json_object('task_id', task_id) END,
           'damaged', hex(document))
       END,
       crc, lease_owner, lease_until
FROM jobs ORDER BY rowid;

DROP TABLE jobs;
ALTER TABLE new_jobs RENAME TO jobs;
CREATE INDEX jobs_by_state ON jobs (state);
CREATE INDEX jobs_by_age ON jobs (created_at);
CREATE INDEX jobs_by_fingerprint ON jobs (fingerprint);
