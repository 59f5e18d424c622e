-- The files of a film that a worker joined: under which name, how large, with which hashes, and where in an object store. NULL: it
-- was joined on the machine that ordered it, and lies there.
ALTER TABLE film_joins ADD COLUMN cut text CHECK (cut IS JSON);

-- Which worker makes a film that any of them may make, until when it need not show that it goes on.
CREATE TABLE film_leases (
    film_id       text PRIMARY KEY REFERENCES films (id),
    owner         text NOT NULL,
    until         double precision NOT NULL
);
CREATE POLICY of_its_person ON film_leases
    USING (sees_all() OR EXISTS (SELECT 1 FROM films WHERE films.id = film_leases.film_id))
    WITH CHECK (sees_all() OR EXISTS (SELECT 1 FROM films WHERE films.id = film_leases.film_id));
ALTER TABLE film_leases ENABLE ROW LEVEL SECURITY;
ALTER TABLE film_leases FORCE ROW LEVEL SECURITY;

-- Whoever listens is told of orders of films, too: by the id of the film.
CREATE FUNCTION tell_of_film() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('seedance_jobs', NEW.film_id);
    RETURN NULL;
END $$;
CREATE TRIGGER film_orders_are_told AFTER INSERT OR UPDATE ON film_orders FOR EACH ROW EXECUTE FUNCTION tell_of_film();
