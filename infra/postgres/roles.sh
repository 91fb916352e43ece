#!/usr/bin/env bash
# The roles of PostgreSQL, none of which is a superuser: `worker` owns the database, so that it can migrate the schema,
# `result` may read it, and `exporter` what the server tells of itself, but no row. Their passwords are in the secrets.
#
# Runs by itself when the volume is new. To run again at any time, after a password was changed or a dump restored:
#   docker compose -f compose.release.yaml exec db /docker-entrypoint-initdb.d/roles.sh
set -euo pipefail

# By psql itself, so that a password stands neither in a command line nor, when a statement fails, in the log.
psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --username=postgres --dbname=hbf <<'SQL'
SET log_statement = none;
SET log_min_error_statement = panic;
SET log_min_duration_statement = -1;
\set superuser_password `cat /run/secrets/postgres_password`
\set worker_password `sed -E 's|^[a-z]+://[^:]*:([^@]*)@.*|\1|' /run/secrets/database_url_worker`
\set result_password `sed -E 's|^[a-z]+://[^:]*:([^@]*)@.*|\1|' /run/secrets/database_url_result`
\set exporter_password `cat /run/secrets/postgres_exporter_password`

DO $$
DECLARE
  role text;
BEGIN
  FOREACH role IN ARRAY ARRAY['worker', 'result', 'exporter'] LOOP
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) THEN
      EXECUTE format('CREATE ROLE %I LOGIN', role);
    END IF;
  END LOOP;
END $$;
ALTER ROLE postgres PASSWORD :'superuser_password';
ALTER ROLE worker PASSWORD :'worker_password';
ALTER ROLE result PASSWORD :'result_password';
ALTER ROLE exporter PASSWORD :'exporter_password';

-- Everybody may connect and make temporary tables by default.
REVOKE ALL ON DATABASE hbf, postgres, template1 FROM PUBLIC;
ALTER DATABASE hbf OWNER TO worker;
GRANT CONNECT ON DATABASE hbf TO result, exporter;
GRANT pg_monitor TO exporter;
GRANT USAGE ON SCHEMA public TO result;
-- Those that are there, and those that a later migration makes.
GRANT SELECT ON ALL TABLES IN SCHEMA public TO result;
ALTER DEFAULT PRIVILEGES FOR ROLE worker IN SCHEMA public GRANT SELECT ON TABLES TO result;

-- Everybody may call these by default. With them who only reads could fill the disk, by large objects, messages in
-- the write-ahead log and files of snapshots, and could stop the count: a partition is its worker's by an advisory lock. In one statement, as
-- workers may be running.
DO $$
DECLARE
  routine record;
BEGIN
  FOR routine IN
    SELECT oid::regprocedure AS signature, proname ~ 'advisory' AS locks FROM pg_proc
    WHERE pronamespace = 'pg_catalog'::regnamespace
      AND proname ~ '^(lo_.*|loread|lowrite|pg_(try_)?advisory_.*|pg_logical_emit_message|pg_export_snapshot)$'
  LOOP
    EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', routine.signature);
    IF routine.locks THEN
      EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO worker', routine.signature);
    END IF;
  END LOOP;
END $$;

-- A result holds up to 10: four of them fit, and of the 61 that max_connections leaves besides the superuser's, 17 are
-- the workers' (one each, and one for each partition). For more results raise max_connections in compose.release.yaml
-- and this number by 10 each, make db anew, and run this again.
ALTER ROLE result CONNECTION LIMIT 40;
ALTER ROLE exporter CONNECTION LIMIT 4;
-- What it reads is small; without a limit one query could fill the disk with what it sorts.
ALTER ROLE result SET temp_file_limit = '64MB';
ALTER ROLE exporter SET temp_file_limit = '64MB';
SQL
