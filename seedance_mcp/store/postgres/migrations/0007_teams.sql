-- Each team has a schema of its own in the database, and all that listen in a database hear each other: the channel is that of
-- this schema's table of jobs. See `JobNotifications`.
CREATE OR REPLACE FUNCTION tell_of_job() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('seedance_jobs_' || TG_RELID, NEW.id);
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION tell_of_film() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('seedance_jobs_' || format('%I.jobs', TG_TABLE_SCHEMA)::regclass::oid, NEW.film_id);
    RETURN NULL;
END $$;
