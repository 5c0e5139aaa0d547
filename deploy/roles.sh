# Runs once, when the server creates its data folder.
set -e
psql -v ON_ERROR_STOP=1 -v lethe="$LETHE_DB_PASSWORD" -v temporal="$TEMPORAL_DB_PASSWORD" <<'SQL'
CREATE ROLE lethe LOGIN PASSWORD :'lethe';
CREATE DATABASE lethe OWNER lethe;
-- Keeps statement parameters, which contain submitted identities, out of the log. Only a superuser can set this.
ALTER DATABASE lethe SET log_parameter_max_length = 0;
-- temporal-sql-tool creates Temporal's own two databases.
CREATE ROLE temporal LOGIN CREATEDB PASSWORD :'temporal';
SQL
