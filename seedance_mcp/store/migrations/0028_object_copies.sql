-- Copies of finished videos in an object store. `place` is the store's address with its prefix, without a key: in another
-- store nothing is there yet. A row without `stored_at` is a copy that is owed: `runner` is the process that puts it there,
-- `due_at` when the next try may be made, `error` what became of the last one. The file on disk stays the job's video.
CREATE TABLE object_copies (
    job_id        TEXT NOT NULL REFERENCES jobs (id),
    place         TEXT NOT NULL,
    tries         INTEGER NOT NULL DEFAULT 0,
    due_at        REAL NOT NULL,
    runner        TEXT,
    error         TEXT,
    stored_at     REAL,
    sha256        TEXT,
    PRIMARY KEY (job_id, place)
) STRICT;
CREATE INDEX object_copies_owed ON object_copies (due_at) WHERE stored_at IS NULL;
