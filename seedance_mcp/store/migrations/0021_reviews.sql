-- What was thought of a take, append only: a later verdict stands beside the earlier ones. `relayed` is 1 where an assistant
-- handed the person's word on.
CREATE TABLE reviews (
    seq           INTEGER PRIMARY KEY,
    job_id        TEXT NOT NULL REFERENCES jobs (id),
    at            REAL NOT NULL,
    author        TEXT NOT NULL CHECK (author IN ('assistant', 'person')),
    relayed       INTEGER NOT NULL CHECK (relayed = 0 OR (relayed = 1 AND author = 'person')),
    verdict       TEXT NOT NULL CHECK (verdict IN ('good', 'usable', 'bad')),
    notes         TEXT NOT NULL CHECK (length(notes) <= 2000),
    scores        TEXT NOT NULL CHECK (json_valid(scores))
) STRICT;
CREATE INDEX reviews_by_job ON reviews (job_id, author, seq);
CREATE TRIGGER reviews_are_append_only_update BEFORE UPDATE ON reviews
BEGIN SELECT RAISE(ABORT, 'reviews are append only'); END;
CREATE TRIGGER reviews_are_append_only_delete BEFORE DELETE ON reviews
BEGIN SELECT RAISE(ABORT, 'reviews are append only'); END;
