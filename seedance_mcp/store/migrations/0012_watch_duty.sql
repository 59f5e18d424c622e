-- The processes that stay to bring open jobs to their end, one for each set of accounts (see `Shops.accounts`). Each adds
-- 1 to its `beat` every few seconds; whoever sees it stand still, or knows that `instance` is dead, takes its place.
CREATE TABLE watch_duty (
    accounts      TEXT PRIMARY KEY,
    instance      TEXT NOT NULL,
    beat          INTEGER NOT NULL
) STRICT;
