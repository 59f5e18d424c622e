-- Of a question that waits for an administrator its code, which is no secret: it agrees to nothing without the right to. NULL: the
-- person's own agreement is enough. `approved_by` is who agreed with that right, empty for whoever runs the installation.
ALTER TABLE confirmations ADD COLUMN code TEXT;
ALTER TABLE confirmations ADD COLUMN approved_by TEXT;

-- What administrators have answered, and what was bought because one of them had agreed. It outlasts the questions.
CREATE TABLE approvals (
    seq           INTEGER PRIMARY KEY,
    at            REAL NOT NULL,
    person        TEXT NOT NULL,
    administrator TEXT NOT NULL,
    answer        TEXT NOT NULL CHECK (answer IN ('agreed', 'refused', 'bought')),
    usd_micros    INTEGER NOT NULL,
    question      TEXT,
    job_id        TEXT
) STRICT;
CREATE INDEX approvals_by_job ON approvals (job_id);
CREATE INDEX approvals_by_question ON approvals (question);
CREATE TRIGGER approvals_are_append_only_update BEFORE UPDATE ON approvals
BEGIN SELECT RAISE(ABORT, 'approvals are append only'); END;
CREATE TRIGGER approvals_are_append_only_delete BEFORE DELETE ON approvals
BEGIN SELECT RAISE(ABORT, 'approvals are append only'); END;
