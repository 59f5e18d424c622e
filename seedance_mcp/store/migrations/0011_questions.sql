-- What a person was asked, so that whoever agrees in a terminal sees it too; and what an assistant's word no longer settles.
ALTER TABLE confirmations ADD COLUMN question TEXT CHECK (question IS NULL OR json_valid(question));
ALTER TABLE confirmations ADD COLUMN person_only INTEGER NOT NULL DEFAULT 0;
ALTER TABLE confirmations ADD COLUMN declined_at REAL;
