-- Models that a provider account may not buy: no new submissions of them there for now.
CREATE TABLE model_breakers (
    provider      TEXT NOT NULL,
    account       TEXT NOT NULL,
    model         TEXT NOT NULL,
    code          TEXT NOT NULL,
    message       TEXT NOT NULL,
    hint          TEXT NOT NULL,
    open_until    REAL NOT NULL,
    PRIMARY KEY (provider, account, model)
) STRICT;

-- What to do about it.
ALTER TABLE breakers ADD COLUMN hint TEXT NOT NULL DEFAULT '';
