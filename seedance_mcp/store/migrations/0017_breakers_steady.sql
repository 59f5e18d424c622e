-- What will have passed (jobs/steady.py) when a breaker closes again: no clock that is set makes it last longer.
ALTER TABLE breakers ADD COLUMN open_steady REAL NOT NULL DEFAULT 0;
ALTER TABLE model_breakers ADD COLUMN open_steady REAL NOT NULL DEFAULT 0;

UPDATE breakers SET open_steady = COALESCE((SELECT passed FROM steady), 0) + 900;
UPDATE model_breakers SET open_steady = COALESCE((SELECT passed FROM steady), 0) + 900;
