-- What a job is a draft of: the request in full, as it would have been bought without a draft.
CREATE TABLE drafts (
    job_id        TEXT PRIMARY KEY,
    final         TEXT NOT NULL CHECK (json_valid(final))
) STRICT, WITHOUT ROWID;

-- Which jobs are videos of one set, bought together: each number from 1 to `size` has one job, and more only where the others were
-- not bought.
CREATE TABLE sets (
    job_id        TEXT PRIMARY KEY,
    set_id        TEXT NOT NULL,
    number        INTEGER NOT NULL CHECK (number BETWEEN 1 AND size),
    size          INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sets_by_id ON sets (set_id, number);
