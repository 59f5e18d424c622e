-- Where a film is made that was ordered by one of several machines: the machine, where the paths of its document begin, and its
-- output folder there. NULL: no other machine has this database.
ALTER TABLE film_orders ADD COLUMN machine TEXT;
ALTER TABLE film_orders ADD COLUMN folder TEXT;
ALTER TABLE film_orders ADD COLUMN output_dir TEXT;

-- Which machine has read the document last, and so where its `folder` is.
ALTER TABLE films ADD COLUMN machine TEXT;
