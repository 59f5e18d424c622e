-- What a person said: two fingerprints of keys open one account at a provider, reached at this base URL.
CREATE TABLE same_accounts (
    provider      TEXT NOT NULL,
    fingerprint   TEXT NOT NULL,
    same_as       TEXT NOT NULL,
    base_url      TEXT NOT NULL,
    at            REAL NOT NULL,
    PRIMARY KEY (provider, fingerprint, same_as, base_url)
) STRICT;
