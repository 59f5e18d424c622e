-- When calls of all processes to a provider account may go out: one row per kind of call. Times in epoch seconds.
-- `next_at` is when the next call would be due if calls were spread evenly; nobody calls before `held_until`.
CREATE TABLE turns (
    provider      TEXT NOT NULL,
    account       TEXT NOT NULL,
    kind          TEXT NOT NULL,
    next_at       REAL NOT NULL,
    held_until    REAL NOT NULL,
    PRIMARY KEY (provider, account, kind)
) STRICT;
