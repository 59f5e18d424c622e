-- The caller's own names for purchases: the request as it was asked for, and the job that stands for it now.
CREATE TABLE request_keys (
    key           TEXT PRIMARY KEY CHECK (length(key) BETWEEN 8 AND 64),
    job_id        TEXT NOT NULL REFERENCES jobs (id),
    asked         TEXT NOT NULL CHECK (json_valid(asked)),
    digests       TEXT NOT NULL CHECK (json_valid(digests)),
    at            REAL NOT NULL
) STRICT;
