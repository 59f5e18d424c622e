-- Run once, when the database is made. The server's role is no superuser, or the policies that keep people apart hold nobody.
\set from_secret `cat /run/secrets/postgres-password`
CREATE ROLE seedance LOGIN PASSWORD :'from_secret';
CREATE DATABASE videos OWNER seedance;
-- From now on the superuser comes in from inside its container alone.
ALTER ROLE postgres PASSWORD NULL;
