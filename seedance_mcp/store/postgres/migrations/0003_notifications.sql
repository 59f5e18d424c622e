-- Whoever listens on `seedance_jobs` is told the id of each job as its change is committed, by whichever process: see `Store.listen`.
-- What is archived stays as it is, and nobody is told.
CREATE FUNCTION tell_of_job() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('seedance_jobs', NEW.id);
    RETURN NULL;
END $$;
CREATE TRIGGER new_jobs_are_told AFTER INSERT ON jobs FOR EACH ROW EXECUTE FUNCTION tell_of_job();
CREATE TRIGGER changed_jobs_are_told AFTER UPDATE ON jobs FOR EACH ROW
WHEN (OLD.version IS DISTINCT FROM NEW.version) EXECUTE FUNCTION tell_of_job();
