-- Choices can be taken back, and tell who made them. `newest` is the highest number of a take of the shot that there was then:
-- what is ordered later stands above the choice. `author` is NULL where nobody asks.
DROP TRIGGER film_marks_are_append_only_update;
DROP TRIGGER film_marks_are_append_only_delete;
ALTER TABLE film_marks RENAME TO film_marks_before;
CREATE TABLE film_marks (
    seq           INTEGER PRIMARY KEY,
    film_id       TEXT NOT NULL,
    shot          TEXT NOT NULL,
    take          INTEGER NOT NULL,
    kind          TEXT NOT NULL CHECK (kind IN ('chosen', 'unchosen', 'kept')),
    inputs        TEXT NOT NULL CHECK (json_valid(inputs)),
    newest        INTEGER NOT NULL CHECK (newest >= take),
    author        TEXT CHECK (author IN ('assistant', 'person')),
    at            REAL NOT NULL,
    FOREIGN KEY (film_id, shot, take) REFERENCES takes (film_id, shot, number)
) STRICT;
INSERT INTO film_marks
SELECT seq, film_id, shot, take, kind, inputs,
    (SELECT MAX(number) FROM takes WHERE takes.film_id = old.film_id AND takes.shot = old.shot),
    CASE kind WHEN 'chosen' THEN 'person' END, at
FROM film_marks_before AS old;
DROP TABLE film_marks_before;
CREATE INDEX film_marks_by_film ON film_marks (film_id, seq);
CREATE TRIGGER film_marks_are_append_only_update BEFORE UPDATE ON film_marks
BEGIN SELECT RAISE(ABORT, 'marks are append only'); END;
CREATE TRIGGER film_marks_are_append_only_delete BEFORE DELETE ON film_marks
BEGIN SELECT RAISE(ABORT, 'marks are append only'); END;

-- Why a row of an order could not be bought: it has no job that would tell. Nobody tries it again.
CREATE TABLE film_refusals (
    film_id       TEXT NOT NULL,
    shot          TEXT NOT NULL,
    take          INTEGER NOT NULL,
    code          TEXT NOT NULL,
    message       TEXT NOT NULL,
    hint          TEXT NOT NULL,
    at            REAL NOT NULL,
    PRIMARY KEY (film_id, shot, take),
    FOREIGN KEY (film_id, shot, take) REFERENCES takes (film_id, shot, number)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER film_refusals_are_append_only_update BEFORE UPDATE ON film_refusals
BEGIN SELECT RAISE(ABORT, 'refusals are append only'); END;
CREATE TRIGGER film_refusals_are_append_only_delete BEFORE DELETE ON film_refusals
BEGIN SELECT RAISE(ABORT, 'refusals are append only'); END;

-- What a film's file was last made of (a digest), what was measured then, and why there is none where it could not be joined.
CREATE TABLE film_joins (
    film_id       TEXT NOT NULL REFERENCES films (id),
    quality       TEXT NOT NULL CHECK (quality IN ('animatic', 'draft', 'final')),
    made_of       TEXT NOT NULL,
    problem       TEXT,
    advice        TEXT NOT NULL CHECK (json_valid(advice)),
    at            REAL NOT NULL,
    PRIMARY KEY (film_id, quality)
) STRICT, WITHOUT ROWID;
