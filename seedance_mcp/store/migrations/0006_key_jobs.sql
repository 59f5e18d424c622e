-- Every job that a key has stood for: one that was judged not to have been bought may turn up again.
ALTER TABLE request_keys RENAME TO earlier_request_keys;
CREATE TABLE request_keys (
    key           TEXT PRIMARY KEY CHECK (length(key) BETWEEN 8 AND 64),
    asked         TEXT NOT NULL CHECK (json_valid(asked)),
    digests       TEXT NOT NULL CHECK (json_valid(digests)),
    at            REAL NOT NULL
) STRICT;
INSERT INTO request_keys (key, asked, digests, at) SELECT key, asked, digests, at FROM earlier_request_keys;
CREATE TABLE key_jobs (
    key           TEXT NOT NULL REFERENCES request_keys (key),
    job_id        TEXT NOT NULL REFERENCES jobs (id),
    PRIMARY KEY (key, job_id)
) STRICT;
INSERT INTO key_jobs (key, job_id) SELECT key, job_id FROM earlier_request_keys;
DROP TABLE earlier_request_keys;
