-- The two roles of a production database and the database itself. Run once, as the server's superuser:
--   sudo -u postgres psql -f deploy/roles.sql
-- then set passwords with \password, and migrate with OWNER_DATABASE_URL (docs/operations.md).
--
-- ironfeet_owner owns the tables and runs migrations. ironfeet_app is what the programs sign in as:
-- the first migration gives it what it needs, and no right to change the ledger.
\set ON_ERROR_STOP on
create role ironfeet_owner login nosuperuser nocreatedb nocreaterole;
create role ironfeet_app login nosuperuser nocreatedb nocreaterole;
create database ironfeet owner ironfeet_owner encoding 'UTF8' template template0;
revoke connect on database ironfeet from public;
grant connect on database ironfeet to ironfeet_app;
\connect ironfeet
create extension postgis;
