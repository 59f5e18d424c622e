-- What an agreement came to. `for_call`: given in a client's dialogue, for the call that asked; it ends with that call (`ended_at`).
-- `job_id` is the job that the call with this agreement came to; `asked` is the digest of what was asked for.
ALTER TABLE confirmations ADD COLUMN for_call INTEGER NOT NULL DEFAULT 0;
ALTER TABLE confirmations ADD COLUMN ended_at REAL;
ALTER TABLE confirmations ADD COLUMN job_id TEXT;
ALTER TABLE confirmations ADD COLUMN asked TEXT;
