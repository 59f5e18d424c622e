-- The files of a film that a worker joined, as JSON: under which name, how large, with which hashes, and where in an object store.
-- NULL: it was joined on the machine that ordered it, and lies there.
ALTER TABLE film_joins ADD COLUMN cut TEXT;

-- Which worker makes a film that any of them may make, until when it need not show that it goes on.
CREATE TABLE film_leases (
    film_id       TEXT PRIMARY KEY REFERENCES films (id),
    owner         TEXT NOT NULL,
    until         REAL NOT NULL
) STRICT, WITHOUT ROWID;
