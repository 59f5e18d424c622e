-- Whose it is, of several people who share an installation; empty: of whoever runs it, to whom all belongs that was there before.
ALTER TABLE jobs ADD COLUMN person text COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE ledger ADD COLUMN person text COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE media ADD COLUMN person text COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE films ADD COLUMN person text COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE troubles ADD COLUMN person text COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE access_tokens ADD COLUMN person text COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE confirmations ADD COLUMN person text COLLATE "C" NOT NULL DEFAULT '';

CREATE INDEX jobs_by_person ON jobs (person, seq);
DROP INDEX jobs_by_fingerprint;
CREATE INDEX jobs_by_fingerprint ON jobs (fingerprint, person);
CREATE INDEX ledger_by_person ON ledger (person, reserved_at, steady, usd_micros);

CREATE OR REPLACE FUNCTION fill_columns() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    said jsonb;
BEGIN
    IF NEW.document IS NOT NULL THEN
        said := NEW.document::jsonb;
        NEW.state := said ->> 'state';
        NEW.version := (said ->> 'version')::bigint;
        NEW.owner := said ->> 'owner';
        NEW.provider := said ->> 'provider';
        NEW.account := said ->> 'account';
        NEW.model := said ->> 'model';
        NEW.fingerprint := said ->> 'fingerprint';
        NEW.client_key := said ->> 'client_key';
        NEW.tag := said ->> 'tag';
        NEW.task_id := said #>> '{submission,task_id}';
        NEW.address := COALESCE(said ->> 'base_url', '');
        NEW.created_at := (said ->> 'created_at')::double precision;
        NEW.finished_at := (said ->> 'finished_at')::double precision;
        NEW.person := COALESCE(said ->> 'person', NEW.person);
    END IF;
    RETURN NEW;
END $$;

-- What the ledger comes to for each day, person, provider and model.
ALTER TABLE spending ADD COLUMN person text COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE spending DROP CONSTRAINT spending_pkey;
ALTER TABLE spending ADD PRIMARY KEY (day, person, provider, model);
CREATE OR REPLACE FUNCTION add_up() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO spending (day, person, provider, model, jobs, usd_micros)
    VALUES (NEW.day, NEW.person, NEW.provider, NEW.model, CASE WHEN NEW.kind = 'reserve' THEN 1 ELSE 0 END, NEW.usd_micros)
    ON CONFLICT (day, person, provider, model) DO UPDATE
    SET jobs = spending.jobs + excluded.jobs, usd_micros = spending.usd_micros + excluded.usd_micros;
    RETURN NULL;
END $$;

-- Each person has names of their own for purchases.
ALTER TABLE key_jobs DROP CONSTRAINT key_jobs_key_fkey;
ALTER TABLE request_keys ADD COLUMN person text COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE request_keys DROP CONSTRAINT request_keys_pkey;
ALTER TABLE request_keys ADD PRIMARY KEY (person, key);
ALTER TABLE key_jobs ADD COLUMN person text COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE key_jobs DROP CONSTRAINT key_jobs_pkey;
ALTER TABLE key_jobs ADD PRIMARY KEY (person, key, job_id);
ALTER TABLE key_jobs ADD FOREIGN KEY (person, key) REFERENCES request_keys (person, key);

-- Refusals that stop one person's submissions to an account; what says something about the account itself is in `breakers`, and of
-- earlier versions also what whoever runs the installation was refused.
CREATE TABLE person_breakers (
    provider      text NOT NULL,
    account       text NOT NULL,
    person        text COLLATE "C" NOT NULL,
    code          text NOT NULL,
    message       text NOT NULL,
    hint          text NOT NULL,
    failures      bigint NOT NULL,
    open_until    double precision NOT NULL,
    open_steady   double precision NOT NULL,
    PRIMARY KEY (provider, account, person)
);

DROP TRIGGER access_tokens_only_lose ON access_tokens;
CREATE TRIGGER access_tokens_only_lose BEFORE UPDATE ON access_tokens FOR EACH ROW
WHEN ((OLD.id, OLD.name, OLD.digest, OLD.scopes, OLD.created_at, OLD.expires_at, OLD.person) IS DISTINCT FROM
      (NEW.id, NEW.name, NEW.digest, NEW.scopes, NEW.created_at, NEW.expires_at, NEW.person)
    OR (OLD.revoked_at IS NOT NULL AND NEW.revoked_at IS DISTINCT FROM OLD.revoked_at))
EXECUTE FUNCTION refuse('a token can only be revoked');

-- The second net: whatever a statement asks for, a transaction sees and writes what is its person's. `seedance.person` is set in
-- each: `*` for everybody's, or `=` with the person. Where it is not set, nothing is seen, by the tables' owner neither.
CREATE FUNCTION sees_all() RETURNS boolean LANGUAGE sql STABLE
AS $$ SELECT COALESCE(current_setting('seedance.person', true), '') = '*' $$;
CREATE FUNCTION sees(person text) RETURNS boolean LANGUAGE sql STABLE
AS $$ SELECT COALESCE(current_setting('seedance.person', true), '') IN ('*', '=' || person) $$;

DO $$
DECLARE
    one text;
    rule text;
BEGIN
    FOR one, rule IN
        SELECT name, 'sees(person)' FROM unnest(ARRAY['jobs', 'ledger', 'spending', 'media', 'request_keys', 'key_jobs',
            'confirmations', 'films', 'troubles', 'person_breakers']) AS name
        UNION ALL
        SELECT name, format('sees_all() OR EXISTS (SELECT 1 FROM jobs WHERE jobs.id = %I.job_id)', name)
        FROM unnest(ARRAY['answers', 'events', 'seen', 'stand_ins', 'hooks', 'leases', 'reviews', 'drafts', 'sets',
            'object_copies']) AS name
        UNION ALL
        SELECT 'archive', 'sees_all() OR EXISTS (SELECT 1 FROM jobs WHERE jobs.seq = archive.seq)'
        UNION ALL
        SELECT name, format('sees_all() OR EXISTS (SELECT 1 FROM films WHERE films.id = %I.film_id)', name)
        FROM unnest(ARRAY['film_orders', 'takes', 'film_marks', 'film_refusals', 'film_joins', 'film_plans']) AS name
        UNION ALL
        SELECT 'access_tokens', 'sees_all()'
    LOOP
        EXECUTE format('CREATE POLICY of_its_person ON %I USING (%s) WITH CHECK (%s)', one, rule, rule);
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', one);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', one);
    END LOOP;
END $$;
