-- Leases have a table of their own: to renew those of a thousand jobs, a thousand records need not be written anew. The
-- columns `lease_owner` and `lease_until` of `jobs` and the table `turns` are of no use since (when a provider may be
-- called next stands in small files beside the database): they stay for servers of an earlier version that still run.
CREATE TABLE leases (
    job_id        TEXT PRIMARY KEY,
    owner         TEXT NOT NULL,
    until         REAL NOT NULL
) STRICT, WITHOUT ROWID;
