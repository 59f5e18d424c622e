-- What failed in a way that nobody planned: while doing what, for which job ('' for none), how often, and when.
CREATE TABLE troubles (
    job_id        TEXT NOT NULL,
    doing         TEXT NOT NULL,
    why           TEXT NOT NULL,
    times         INTEGER NOT NULL,
    first_at      REAL NOT NULL,
    last_at       REAL NOT NULL,
    PRIMARY KEY (job_id, doing)
) STRICT;
