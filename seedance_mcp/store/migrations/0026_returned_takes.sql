-- A row of a film whose job provably was not sent may pay for another one. Its money goes back to it, not to the day: what the job
-- had reserved (`left_micros`) is held again. `returned` counts how often that has happened.
ALTER TABLE takes ADD COLUMN returned INTEGER NOT NULL DEFAULT 0;
ALTER TABLE takes ADD COLUMN left_micros INTEGER CHECK (left_micros BETWEEN 0 AND usd_micros);

DROP TRIGGER takes_get_a_job_once;
CREATE TRIGGER takes_get_a_job_once BEFORE UPDATE ON takes
WHEN (OLD.film_id, OLD.shot, OLD.number, OLD.plan, OLD.request_key, OLD.usd_micros, OLD.document, OLD.crc) IS NOT
     (NEW.film_id, NEW.shot, NEW.number, NEW.plan, NEW.request_key, NEW.usd_micros, NEW.document, NEW.crc)
    OR NOT EXISTS (SELECT 1 FROM film_orders WHERE film_id = OLD.film_id AND plan = OLD.plan AND ended_at IS NULL)
    OR CASE WHEN OLD.job_id IS NULL
       THEN NEW.job_id IS NULL OR NEW.returned <> OLD.returned OR NEW.left_micros IS NOT OLD.left_micros
       ELSE NEW.job_id IS NOT NULL OR NEW.returned <> OLD.returned + 1 OR NEW.left_micros IS NULL
            OR NEW.left_micros > COALESCE(OLD.left_micros, OLD.usd_micros)
            OR NOT EXISTS (SELECT 1 FROM jobs WHERE id = OLD.job_id AND state = 'not_sent') END
BEGIN SELECT RAISE(ABORT, 'a take has one job that may have been sent, from an open order'); END;
