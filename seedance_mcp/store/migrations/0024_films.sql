-- Films: a document as it was last read, the orders that hold money for it, and its takes, which are the rows of those orders.
CREATE TABLE films (
    seq           INTEGER PRIMARY KEY,
    id            TEXT NOT NULL UNIQUE,
    version       INTEGER NOT NULL CHECK (version > 0),
    document      TEXT NOT NULL,
    crc           INTEGER NOT NULL,
    name          TEXT NOT NULL,
    folder        TEXT,
    output_dir    TEXT NOT NULL,
    created_at    REAL NOT NULL,
    changed_at    REAL NOT NULL
) STRICT;

-- An order that has not ended holds what its rows without a job may cost: that counts as spent as a reservation does, on `day`
-- and from `reserved_at`. `steady` is what `elapsed_time` had counted then. What is counted of it follows from its rows.
CREATE TABLE film_orders (
    seq           INTEGER PRIMARY KEY,
    film_id       TEXT NOT NULL REFERENCES films (id),
    plan          TEXT NOT NULL,
    quality       TEXT NOT NULL CHECK (quality IN ('animatic', 'draft', 'final')),
    reserved_at   REAL NOT NULL,
    steady        REAL NOT NULL,
    day           TEXT NOT NULL,
    agreed_by     TEXT CHECK (agreed_by IN ('person', 'assistant')),
    ended_at      REAL,
    ended         TEXT CHECK (ended IN ('done', 'stopped', 'cancelled', 'expired')),
    CHECK ((ended IS NULL) = (ended_at IS NULL)),
    UNIQUE (film_id, plan)
) STRICT;
CREATE UNIQUE INDEX film_orders_that_are_open ON film_orders (film_id) WHERE ended_at IS NULL;
CREATE TRIGGER film_orders_end_once BEFORE UPDATE ON film_orders
WHEN OLD.ended_at IS NOT NULL OR NEW.ended_at IS NULL
    OR (OLD.film_id, OLD.plan, OLD.quality, OLD.reserved_at, OLD.steady, OLD.day) IS NOT
       (NEW.film_id, NEW.plan, NEW.quality, NEW.reserved_at, NEW.steady, NEW.day) OR OLD.agreed_by IS NOT NEW.agreed_by
BEGIN SELECT RAISE(ABORT, 'an order can only end, once'); END;
CREATE TRIGGER film_orders_are_kept BEFORE DELETE ON film_orders
BEGIN SELECT RAISE(ABORT, 'orders are kept'); END;

-- `document` has what decides nothing about money. A row gets its job once, and only while its order is open.
CREATE TABLE takes (
    film_id       TEXT NOT NULL,
    shot          TEXT NOT NULL,
    number        INTEGER NOT NULL CHECK (number > 0),
    plan          TEXT NOT NULL,
    request_key   TEXT NOT NULL UNIQUE,
    usd_micros    INTEGER NOT NULL CHECK (usd_micros >= 0),
    document      TEXT NOT NULL,
    crc           INTEGER NOT NULL,
    job_id        TEXT UNIQUE REFERENCES jobs (id),
    PRIMARY KEY (film_id, shot, number),
    FOREIGN KEY (film_id, plan) REFERENCES film_orders (film_id, plan)
) STRICT, WITHOUT ROWID;
CREATE INDEX takes_by_order ON takes (film_id, plan);
CREATE TRIGGER takes_get_a_job_once BEFORE UPDATE ON takes
WHEN OLD.job_id IS NOT NULL OR NEW.job_id IS NULL
    OR (OLD.film_id, OLD.shot, OLD.number, OLD.plan, OLD.request_key, OLD.usd_micros, OLD.document, OLD.crc) IS NOT
       (NEW.film_id, NEW.shot, NEW.number, NEW.plan, NEW.request_key, NEW.usd_micros, NEW.document, NEW.crc)
    OR NOT EXISTS (SELECT 1 FROM film_orders WHERE film_id = OLD.film_id AND plan = OLD.plan AND ended_at IS NULL)
BEGIN SELECT RAISE(ABORT, 'a take gets a job once, from an open order'); END;
CREATE TRIGGER takes_are_kept BEFORE DELETE ON takes
BEGIN SELECT RAISE(ABORT, 'takes are kept'); END;

-- What was decided about takes, append only.
CREATE TABLE film_marks (
    seq           INTEGER PRIMARY KEY,
    film_id       TEXT NOT NULL,
    shot          TEXT NOT NULL,
    take          INTEGER NOT NULL,
    kind          TEXT NOT NULL CHECK (kind IN ('chosen', 'kept')),
    inputs        TEXT NOT NULL CHECK (json_valid(inputs)),
    at            REAL NOT NULL,
    FOREIGN KEY (film_id, shot, take) REFERENCES takes (film_id, shot, number)
) STRICT;
CREATE INDEX film_marks_by_film ON film_marks (film_id, seq);
CREATE TRIGGER film_marks_are_append_only_update BEFORE UPDATE ON film_marks
BEGIN SELECT RAISE(ABORT, 'marks are append only'); END;
CREATE TRIGGER film_marks_are_append_only_delete BEFORE DELETE ON film_marks
BEGIN SELECT RAISE(ABORT, 'marks are append only'); END;

-- What a token of a plan was asked for, so that whoever agrees to it need not say that again. `rows` maps each shot to its
-- take and the most that it costs, to tell what has changed where the token no longer fits.
CREATE TABLE film_plans (
    film_id       TEXT NOT NULL REFERENCES films (id),
    plan          TEXT NOT NULL,
    quality       TEXT NOT NULL CHECK (quality IN ('animatic', 'draft', 'final')),
    redo          TEXT NOT NULL CHECK (json_valid(redo)),
    rows          TEXT NOT NULL CHECK (json_valid(rows)),
    at            REAL NOT NULL,
    PRIMARY KEY (film_id, plan)
) STRICT, WITHOUT ROWID;
