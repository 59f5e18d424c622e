-- Time that has certainly passed, in seconds, and what both clocks showed when that was noted (jobs/steady.py).
CREATE TABLE steady (
    one           INTEGER PRIMARY KEY CHECK (one = 1),
    passed        REAL NOT NULL,
    wall          REAL NOT NULL,
    uptime        REAL NOT NULL
) STRICT;

-- What had passed at the reservation. Rows of earlier versions count as from the beginning.
ALTER TABLE ledger ADD COLUMN steady REAL NOT NULL DEFAULT 0;

-- What had passed when a person was asked, and when the answer was no.
ALTER TABLE confirmations ADD COLUMN steady REAL NOT NULL DEFAULT 0;
ALTER TABLE confirmations ADD COLUMN declined_steady REAL;

-- When it was written, in seconds since the epoch: what is said to be written later than now was written under another clock.
ALTER TABLE uploads ADD COLUMN at REAL NOT NULL DEFAULT 0;
