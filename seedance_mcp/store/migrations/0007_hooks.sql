-- Jobs at whose end the user's own command is to run. `ended` is the version with which the job ended last: from then on
-- the command is owed, until the process `runner` claims it. `outcome` is '' when the command ran well, else what went
-- wrong; NULL until that is known.
CREATE TABLE hooks (
    job_id        TEXT PRIMARY KEY REFERENCES jobs (id),
    ended         INTEGER,
    runner        TEXT,
    outcome       TEXT
) STRICT;
CREATE INDEX hooks_open ON hooks (ended) WHERE ended IS NOT NULL AND outcome IS NULL;
