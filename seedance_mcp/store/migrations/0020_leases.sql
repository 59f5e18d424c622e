-- Leases have a table of their own: to renew those of a thousand jobs, a thousand records need not be written anew. The
-- columns `lease_owner` and `lease_until` of `jobs` are of no use since; a server of an earlier version that still runs
-- writes them. When a provider may be called next stands in small files beside the database (`turns/`).
CREATE TABLE leases (
    job_id        TEXT PRIMARY KEY,
    owner         TEXT NOT NULL,
    until         REAL NOT NULL
) STRICT, WITHOUT ROWID;
DROP TABLE turns;
