-- Records of jobs that ended long ago are kept compressed (`store/archive.py`): `jobs.document` is NULL then, and `archive` has
-- it whole, with the job's events and answers. What follows from a document stands in columns of its own, which outlast it.
-- Two triggers keep them, so that a server of an earlier version that is still running, which writes the document alone,
-- keeps them as well. The table is made anew, as in 0019; the columns of a damaged record stay as they were.
CREATE TABLE new_jobs (
    seq           INTEGER PRIMARY KEY,
    id            TEXT NOT NULL UNIQUE,
    document      TEXT CHECK (document IS NULL OR json_valid(document)),
    crc           INTEGER NOT NULL,
    state         TEXT NOT NULL DEFAULT 'reserved'
                  CHECK (state IN ('reserved', 'sending', 'accepted', 'remote_done', 'done', 'failed', 'cancelled',
                                   'stalled', 'missing', 'expired', 'rejected', 'not_sent', 'unknown', 'absent',
                                   'unresolved')),
    version       INTEGER NOT NULL DEFAULT 0,
    owner         TEXT NOT NULL DEFAULT '',
    provider      TEXT NOT NULL DEFAULT '',
    account       TEXT NOT NULL DEFAULT '',
    model         TEXT NOT NULL DEFAULT '',
    fingerprint   TEXT NOT NULL DEFAULT '',
    client_key    TEXT NOT NULL DEFAULT '',
    tag           TEXT NOT NULL DEFAULT '' UNIQUE,
    task_id       TEXT,
    address       TEXT NOT NULL DEFAULT '',
    created_at    REAL NOT NULL DEFAULT 0,
    finished_at   REAL,
    lease_owner   TEXT,
    lease_until   REAL NOT NULL DEFAULT 0,
    UNIQUE (provider, account, client_key),
    UNIQUE (provider, task_id, account, address)
) STRICT;

INSERT INTO new_jobs (seq, id, document, crc, lease_owner, lease_until, state, version, owner, provider, account, model, fingerprint,
                      client_key, tag, task_id, address, created_at, finished_at)
SELECT seq, id, CASE WHEN json_valid(document) THEN document ELSE json_object('damaged', hex(document)) END, crc, lease_owner, lease_until,
       CASE WHEN sound THEN json_extract(document, '$.state')
            WHEN state IN ('reserved', 'sending', 'accepted', 'remote_done', 'done', 'failed', 'cancelled', 'stalled', 'missing',
                           'expired', 'rejected', 'not_sent', 'unknown', 'absent', 'unresolved') THEN state
            ELSE 'unresolved' END,
       CASE WHEN sound THEN json_extract(document, '$.version') ELSE version END,
       CASE WHEN sound THEN json_extract(document, '$.owner') ELSE owner END,
       CASE WHEN sound THEN json_extract(document, '$.provider') ELSE provider END,
       CASE WHEN sound THEN json_extract(document, '$.account') ELSE account END,
       CASE WHEN sound THEN json_extract(document, '$.model') ELSE model END,
       CASE WHEN sound THEN json_extract(document, '$.fingerprint') ELSE fingerprint END,
       CASE WHEN sound THEN json_extract(document, '$.client_key') ELSE client_key END,
       CASE WHEN sound THEN json_extract(document, '$.tag') ELSE tag END,
       CASE WHEN sound THEN json_extract(document, '$.submission.task_id') ELSE task_id END,
       CASE WHEN sound THEN COALESCE(json_extract(document, '$.base_url'), '') ELSE address END,
       CASE WHEN sound THEN json_extract(document, '$.created_at') ELSE created_at END,
       CASE WHEN sound THEN json_extract(document, '$.finished_at') ELSE finished_at END
FROM (SELECT *, crc32(CAST(document AS BLOB)) = crc AND json_valid(document) AS sound FROM jobs) ORDER BY seq;

DROP TABLE jobs;
ALTER TABLE new_jobs RENAME TO jobs;
CREATE INDEX jobs_by_state ON jobs (state, provider, model);
CREATE INDEX jobs_by_fingerprint ON jobs (fingerprint);
CREATE INDEX jobs_by_end ON jobs (finished_at);

CREATE TRIGGER jobs_have_columns AFTER INSERT ON jobs WHEN NEW.document IS NOT NULL
BEGIN
    UPDATE jobs
    SET state = json_extract(document, '$.state'),
        version = json_extract(document, '$.version'),
        owner = json_extract(document, '$.owner'),
        provider = json_extract(document, '$.provider'),
        account = json_extract(document, '$.account'),
        model = json_extract(document, '$.model'),
        fingerprint = json_extract(document, '$.fingerprint'),
        client_key = json_extract(document, '$.client_key'),
        tag = json_extract(document, '$.tag'),
        task_id = json_extract(document, '$.submission.task_id'),
        address = COALESCE(json_extract(document, '$.base_url'), ''),
        created_at = json_extract(document, '$.created_at'),
        finished_at = json_extract(document, '$.finished_at')
    WHERE seq = NEW.seq;
END;
CREATE TRIGGER jobs_columns_follow AFTER UPDATE OF document ON jobs WHEN NEW.document IS NOT NULL
BEGIN
    UPDATE jobs
    SET state = json_extract(document, '$.state'),
        version = json_extract(document, '$.version'),
        owner = json_extract(document, '$.owner'),
        provider = json_extract(document, '$.provider'),
        account = json_extract(document, '$.account'),
        model = json_extract(document, '$.model'),
        fingerprint = json_extract(document, '$.fingerprint'),
        client_key = json_extract(document, '$.client_key'),
        tag = json_extract(document, '$.tag'),
        task_id = json_extract(document, '$.submission.task_id'),
        address = COALESCE(json_extract(document, '$.base_url'), ''),
        created_at = json_extract(document, '$.created_at'),
        finished_at = json_extract(document, '$.finished_at')
    WHERE seq = NEW.seq;
END;

-- `video` and `last_frame` are numbers made of the paths of the job's files (`archive.number_of`), to find it by them.
CREATE TABLE archive (
    seq           INTEGER PRIMARY KEY REFERENCES jobs (seq),
    record        BLOB NOT NULL,
    video         INTEGER,
    last_frame    INTEGER
) STRICT;
CREATE INDEX archive_by_video ON archive (video) WHERE video IS NOT NULL;
CREATE INDEX archive_by_last_frame ON archive (last_frame) WHERE last_frame IS NOT NULL;
CREATE TRIGGER archive_is_append_only_update BEFORE UPDATE ON archive
BEGIN SELECT RAISE(ABORT, 'the archive is append only'); END;
CREATE TRIGGER archive_is_append_only_delete BEFORE DELETE ON archive
BEGIN SELECT RAISE(ABORT, 'the archive is append only'); END;

-- Events leave their table for the archive, and not otherwise.
DROP TRIGGER events_are_append_only_delete;
CREATE TRIGGER events_are_append_only_delete BEFORE DELETE ON events
WHEN NOT EXISTS (SELECT 1 FROM jobs JOIN archive USING (seq) WHERE jobs.id = OLD.job_id AND jobs.document IS NULL)
BEGIN SELECT RAISE(ABORT, 'events are append only'); END;
CREATE INDEX answers_by_job ON answers (job_id);

-- Each row once, not once more in an index.
ALTER TABLE stand_ins RENAME TO earlier_stand_ins;
CREATE TABLE stand_ins (
    fingerprint   TEXT NOT NULL,
    job_id        TEXT NOT NULL REFERENCES jobs (id),
    PRIMARY KEY (fingerprint, job_id)
) STRICT, WITHOUT ROWID;
INSERT INTO stand_ins (fingerprint, job_id) SELECT fingerprint, job_id FROM earlier_stand_ins;
DROP TABLE earlier_stand_ins;
CREATE INDEX stand_ins_by_job ON stand_ins (job_id);
ALTER TABLE seen RENAME TO earlier_seen;
CREATE TABLE seen (
    job_id        TEXT NOT NULL REFERENCES jobs (id),
    client        TEXT NOT NULL,
    at            REAL NOT NULL,
    PRIMARY KEY (job_id, client)
) STRICT, WITHOUT ROWID;
INSERT INTO seen (job_id, client, at) SELECT job_id, client, at FROM earlier_seen;
DROP TABLE earlier_seen;
