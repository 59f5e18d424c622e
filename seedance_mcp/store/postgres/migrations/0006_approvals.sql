-- Of a question that waits for an administrator its code, which is no secret: it agrees to nothing without the right to. NULL: the
-- person's own agreement is enough. `approved_by` is who agreed with that right, empty for whoever runs the installation.
ALTER TABLE confirmations ADD COLUMN code text;
ALTER TABLE confirmations ADD COLUMN approved_by text COLLATE "C";

-- What administrators have answered, and what was bought because one of them had agreed. It outlasts the questions.
CREATE TABLE approvals (
    seq           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at            double precision NOT NULL,
    person        text COLLATE "C" NOT NULL,
    administrator text COLLATE "C" NOT NULL,
    answer        text NOT NULL CHECK (answer IN ('agreed', 'refused', 'bought')),
    usd_micros    bigint NOT NULL,
    question      text,
    job_id        text
);
CREATE INDEX approvals_by_job ON approvals (job_id);
CREATE INDEX approvals_by_question ON approvals (question);
CREATE TRIGGER approvals_are_append_only BEFORE UPDATE OR DELETE ON approvals
FOR EACH ROW EXECUTE FUNCTION refuse('approvals are append only');
CREATE TRIGGER approvals_are_never_emptied BEFORE TRUNCATE ON approvals
FOR EACH STATEMENT EXECUTE FUNCTION refuse('approvals are append only');
CREATE POLICY of_its_person ON approvals USING (sees(person)) WITH CHECK (sees(person));
ALTER TABLE approvals ENABLE ROW LEVEL SECURITY;
ALTER TABLE approvals FORCE ROW LEVEL SECURITY;
