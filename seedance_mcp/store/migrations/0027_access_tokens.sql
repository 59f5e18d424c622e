-- Named tokens, by which the server knows who calls over HTTP. Of a secret only the SHA-256 is kept: it has 256 random bits, so
-- that nothing slower is needed. `scopes` are words with blanks between. A token that was revoked stays, and so it stays true
-- that calls need one. `used_at` is only as exact as an hour.
CREATE TABLE access_tokens (
    seq           INTEGER PRIMARY KEY,
    id            TEXT NOT NULL UNIQUE,
    name          TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 60),
    digest        BLOB NOT NULL CHECK (length(digest) = 32),
    scopes        TEXT NOT NULL,
    created_at    REAL NOT NULL,
    expires_at    REAL NOT NULL,
    revoked_at    REAL,
    used_at       REAL
) STRICT;
CREATE TRIGGER access_tokens_only_lose BEFORE UPDATE ON access_tokens
WHEN (OLD.id, OLD.name, OLD.digest, OLD.scopes, OLD.created_at, OLD.expires_at) IS NOT
     (NEW.id, NEW.name, NEW.digest, NEW.scopes, NEW.created_at, NEW.expires_at)
    OR (OLD.revoked_at IS NOT NULL AND NEW.revoked_at IS NOT OLD.revoked_at)
BEGIN SELECT RAISE(ABORT, 'a token can only be revoked'); END;
CREATE TRIGGER access_tokens_are_kept BEFORE DELETE ON access_tokens
BEGIN SELECT RAISE(ABORT, 'tokens are kept'); END;
