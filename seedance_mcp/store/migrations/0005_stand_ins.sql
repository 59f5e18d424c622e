-- Requests that one provider refused and another was given: the job that stands for the refused request's fingerprint.
CREATE TABLE stand_ins (
    fingerprint   TEXT NOT NULL,
    job_id        TEXT NOT NULL REFERENCES jobs (id),
    PRIMARY KEY (fingerprint, job_id)
) STRICT;
