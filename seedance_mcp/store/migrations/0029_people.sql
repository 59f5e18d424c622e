-- Whose it is, of several people who share an installation; empty: of whoever runs it, to whom all belongs that was there before.
ALTER TABLE jobs ADD COLUMN person TEXT NOT NULL DEFAULT '';
ALTER TABLE ledger ADD COLUMN person TEXT NOT NULL DEFAULT '';
ALTER TABLE media ADD COLUMN person TEXT NOT NULL DEFAULT '';
ALTER TABLE films ADD COLUMN person TEXT NOT NULL DEFAULT '';
ALTER TABLE troubles ADD COLUMN person TEXT NOT NULL DEFAULT '';
ALTER TABLE access_tokens ADD COLUMN person TEXT NOT NULL DEFAULT '';
ALTER TABLE confirmations ADD COLUMN person TEXT NOT NULL DEFAULT '';

-- By a person alone, so that the newest come out in order; what is asked for by its end or state goes by the other indexes.
CREATE INDEX jobs_by_person ON jobs (person);
DROP INDEX jobs_by_fingerprint;
CREATE INDEX jobs_by_fingerprint ON jobs (fingerprint, person);
CREATE INDEX ledger_by_person ON ledger (person, reserved_at, steady, usd_micros);

-- A server of an earlier version, which writes the document without the person, takes no job away from anybody.
DROP TRIGGER jobs_have_columns;
CREATE TRIGGER jobs_have_columns AFTER INSERT ON jobs WHEN NEW.document IS NOT NULL
BEGIN
    UPDATE jobs
    SET state = json_extract(document, '$.state'),
        version = json_extract(document, '$.version'),
        owner = json_extract(document, '$.owner'),
        provider = json_extract(document, '$.provider'),
        account = json_extract(document, '$.account'),
        model = json_extract(document, '$.model'),
        fingerprint = json_extract(document, '$.fingerprint'),
        client_key = json_extract(document, '$.client_key'),
        tag = json_extract(document, '$.tag'),
        task_id = json_extract(document, '$.submission.task_id'),
        address = COALESCE(json_extract(document, '$.base_url'), ''),
        created_at = json_extract(document, '$.created_at'),
        finished_at = json_extract(document, '$.finished_at'),
        person = COALESCE(json_extract(document, '$.person'), person)
    WHERE seq = NEW.seq;
END;
DROP TRIGGER jobs_columns_follow;
CREATE TRIGGER jobs_columns_follow AFTER UPDATE OF document ON jobs WHEN NEW.document IS NOT NULL
BEGIN
    UPDATE jobs
    SET state = json_extract(document, '$.state'),
        version = json_extract(document, '$.version'),
        owner = json_extract(document, '$.owner'),
        provider = json_extract(document, '$.provider'),
        account = json_extract(document, '$.account'),
        model = json_extract(document, '$.model'),
        fingerprint = json_extract(document, '$.fingerprint'),
        client_key = json_extract(document, '$.client_key'),
        tag = json_extract(document, '$.tag'),
        task_id = json_extract(document, '$.submission.task_id'),
        address = COALESCE(json_extract(document, '$.base_url'), ''),
        created_at = json_extract(document, '$.created_at'),
        finished_at = json_extract(document, '$.finished_at'),
        person = COALESCE(json_extract(document, '$.person'), person)
    WHERE seq = NEW.seq;
END;

-- What the ledger comes to for each day, person, provider and model.
DROP TRIGGER ledger_is_summed;
ALTER TABLE spending RENAME TO earlier_spending;
CREATE TABLE spending (
    day           TEXT NOT NULL,
    person        TEXT NOT NULL DEFAULT '',
    provider      TEXT NOT NULL,
    model         TEXT NOT NULL,
    jobs          INTEGER NOT NULL,
    usd_micros    INTEGER NOT NULL,
    PRIMARY KEY (day, person, provider, model)
) STRICT;
INSERT INTO spending (day, provider, model, jobs, usd_micros)
SELECT day, provider, model, jobs, usd_micros FROM earlier_spending;
DROP TABLE earlier_spending;
CREATE TRIGGER ledger_is_summed AFTER INSERT ON ledger
BEGIN
    INSERT INTO spending (day, person, provider, model, jobs, usd_micros)
    VALUES (NEW.day, NEW.person, NEW.provider, NEW.model, NEW.kind = 'reserve', NEW.usd_micros)
    ON CONFLICT (day, person, provider, model) DO UPDATE
    SET jobs = jobs + excluded.jobs, usd_micros = usd_micros + excluded.usd_micros;
END;

-- Each person has names of their own for purchases.
ALTER TABLE key_jobs RENAME TO earlier_key_jobs;
ALTER TABLE request_keys RENAME TO earlier_request_keys;
CREATE TABLE request_keys (
    person        TEXT NOT NULL DEFAULT '',
    key           TEXT NOT NULL CHECK (length(key) BETWEEN 8 AND 64),
    asked         TEXT NOT NULL CHECK (json_valid(asked)),
    digests       TEXT NOT NULL CHECK (json_valid(digests)),
    at            REAL NOT NULL,
    PRIMARY KEY (person, key)
) STRICT;
CREATE TABLE key_jobs (
    person        TEXT NOT NULL DEFAULT '',
    key           TEXT NOT NULL,
    job_id        TEXT NOT NULL REFERENCES jobs (id),
    PRIMARY KEY (person, key, job_id),
    FOREIGN KEY (person, key) REFERENCES request_keys (person, key)
) STRICT;
INSERT INTO request_keys (key, asked, digests, at) SELECT key, asked, digests, at FROM earlier_request_keys;
INSERT INTO key_jobs (key, job_id) SELECT key, job_id FROM earlier_key_jobs;
DROP TABLE earlier_key_jobs;
DROP TABLE earlier_request_keys;

-- Refusals that stop one person's submissions to an account; what says something about the account itself is in `breakers`, and of
-- earlier versions also what whoever runs the installation was refused.
CREATE TABLE person_breakers (
    provider      TEXT NOT NULL,
    account       TEXT NOT NULL,
    person        TEXT NOT NULL,
    code          TEXT NOT NULL,
    message       TEXT NOT NULL,
    hint          TEXT NOT NULL,
    failures      INTEGER NOT NULL,
    open_until    REAL NOT NULL,
    open_steady   REAL NOT NULL,
    PRIMARY KEY (provider, account, person)
) STRICT;

DROP TRIGGER access_tokens_only_lose;
CREATE TRIGGER access_tokens_only_lose BEFORE UPDATE ON access_tokens
WHEN (OLD.id, OLD.name, OLD.digest, OLD.scopes, OLD.created_at, OLD.expires_at, OLD.person) IS NOT
     (NEW.id, NEW.name, NEW.digest, NEW.scopes, NEW.created_at, NEW.expires_at, NEW.person)
    OR (OLD.revoked_at IS NOT NULL AND NEW.revoked_at IS NOT OLD.revoked_at)
BEGIN SELECT RAISE(ABORT, 'a token can only be revoked'); END;
