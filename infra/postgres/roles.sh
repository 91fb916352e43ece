#!/usr/bin/env bash
# The roles of PostgreSQL, none of which is a superuser: `worker` owns the database, so that it can migrate the schema,
# and `result` may read it. Their passwords are those of the secrets' URLs.
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

SELECT format('CREATE ROLE %I LOGIN', role) FROM unnest(ARRAY['worker', 'result']) AS role
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) \gexec
ALTER ROLE postgres PASSWORD :'superuser_password';
ALTER ROLE worker PASSWORD :'worker_password';
ALTER ROLE result PASSWORD :'result_password';

-- Everybody may connect and make temporary tables by default.
REVOKE ALL ON DATABASE hbf FROM PUBLIC;
ALTER DATABASE hbf OWNER TO worker;
GRANT CONNECT ON DATABASE hbf TO result;
GRANT USAGE ON SCHEMA public TO result;
-- Those that are there, and those that a later migration makes.
GRANT SELECT ON ALL TABLES IN SCHEMA public TO result;
ALTER DEFAULT PRIVILEGES FOR ROLE worker IN SCHEMA public GRANT SELECT ON TABLES TO result;
SQL
