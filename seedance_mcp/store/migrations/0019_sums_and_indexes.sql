-- Jobs in the order in which they were bought have a number of their own (`seq`, until now SQLite's rowid), and what is asked of them
-- often has an index, so that no question takes longer the more jobs there are. The table is made anew, as in 0018; a document whose
-- checksum is right is kept as it is, whatever has become of the columns beside it, which follow from it.
CREATE TABLE new_jobs (
    seq           INTEGER PRIMARY KEY,
    id            TEXT NOT NULL UNIQUE,
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

INSERT INTO new_jobs (seq, id, document, crc, lease_owner, lease_until)
SELECT rowid, id,
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
               AND COALESCE(json_extract(document, '$.base_url'), '') IS address
                 ELSE 0 END
       THEN document
       ELSE json_object(
           'id', id,
           'state', CASE WHEN state IN ('reserved', 'sending', 'accepted', 'remote_done', 'done', 'failed', 'cancelled', 'stalled',
                                        'missing', 'expired', 'rejected', 'not_sent', 'unknown', 'absent', 'unresolved')
                    THEN state ELSE 'unresolved' END,
           'version', version, 'owner', owner, 'provider', provider, 'account', account, 'model', model, 'fingerprint', fingerprint, 'client_key', client_key, 'tag', tag, 'created_at', created_at, 'finished_at', finished_at,
           'submission', CASE WHEN task_id IS NULL THEN NULL ELSE json_object('task_id', task_id) END,
           'base_url', address, 'damaged', hex(document))
       END,
       crc, lease_owner, lease_until
FROM jobs ORDER BY rowid;

DROP TABLE jobs;
ALTER TABLE new_jobs RENAME TO jobs;
CREATE INDEX jobs_by_state ON jobs (state, provider, model);
CREATE INDEX jobs_by_fingerprint ON jobs (fingerprint);
CREATE INDEX jobs_by_end ON jobs (finished_at);
CREATE INDEX jobs_by_task ON jobs (provider, task_id);

-- What the ledger comes to for each day, provider and model, kept in the transaction of each of its rows. `jobs` counts reservations.
CREATE TABLE spending (
    day           TEXT NOT NULL,
    provider      TEXT NOT NULL,
    model         TEXT NOT NULL,
    jobs          INTEGER NOT NULL,
    usd_micros    INTEGER NOT NULL,
    PRIMARY KEY (day, provider, model)
) STRICT;
INSERT INTO spending (day, provider, model, jobs, usd_micros)
SELECT day, provider, model, COUNT(DISTINCT job_id), SUM(usd_micros) FROM ledger GROUP BY day, provider, model;
-- A trigger, so that a server of an earlier version that is still running keeps the sums as well.
CREATE TRIGGER ledger_is_summed AFTER INSERT ON ledger
BEGIN
    INSERT INTO spending (day, provider, model, jobs, usd_micros)
    VALUES (NEW.day, NEW.provider, NEW.model, NEW.kind = 'reserve', NEW.usd_micros)
    ON CONFLICT (day, provider, model) DO UPDATE
    SET jobs = jobs + excluded.jobs, usd_micros = usd_micros + excluded.usd_micros;
END;

-- The sum over the last 24 hours is read from the index alone.
DROP INDEX ledger_by_day;
DROP INDEX ledger_by_time;
CREATE INDEX ledger_by_time ON ledger (reserved_at, steady, usd_micros);
