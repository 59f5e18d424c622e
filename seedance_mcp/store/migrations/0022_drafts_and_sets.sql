-- What a job is a draft of: the request in full, as it would have been bought without a draft.
CREATE TABLE drafts (
    job_id        TEXT PRIMARY KEY,
    final         TEXT NOT NULL CHECK (json_valid(final))
) STRICT, WITHOUT ROWID;
