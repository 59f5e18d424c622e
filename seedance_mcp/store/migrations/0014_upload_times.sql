-- What had passed (jobs/steady.py) when it was uploaded, beside `at`. Rows of earlier versions have neither and go by `expires_at` alone.
ALTER TABLE uploads ADD COLUMN steady REAL NOT NULL DEFAULT 0;
