import { REDACTED, SERVER_CLASSES } from '../failure.ts';
import { literal, literalList } from '../sql.ts';

/** The text of a value in the lower case of the column that has it, or of the database. */
const folded = (value: string): string => `CASE
      WHEN t.collations IS NOT NULL THEN lethe_system.lower_case(${value}, t.collations)
      WHEN t.comparison IN ('caseInsensitive', 'uuid') THEN lower(array_to_string(${value}, E'\\x01'))
      ELSE array_to_string(${value}, E'\\x01') END`;

/**
 * SECURITY DEFINER: callers compute digests without reading the key. The digested text is unambiguous, because no valid
 * identity contains a control character.
 */
export const FUNCTIONS = `
-- The lower case of each text of a value in the collation of its column.
CREATE OR REPLACE FUNCTION lethe_system.lower_case(value text[], collations regcollation[]) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  part text;
  parts text[];
BEGIN
  FOR i IN 1..cardinality(value) LOOP
    EXECUTE format('SELECT lower($1 COLLATE %s)', collations[i]) INTO part USING value[i];
    parts := parts || part;
  END LOOP;
  RETURN array_to_string(parts, E'\\x01');
END $$;

-- A value in the Unicode forms in which the application can have stored it.
CREATE OR REPLACE FUNCTION lethe_system.unicode_forms(value text[]) RETURNS SETOF text[]
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT DISTINCT CASE
    WHEN form = 'as given' OR getdatabaseencoding() <> 'UTF8' THEN $1
    WHEN form = 'NFC' THEN ARRAY(SELECT normalize(part, NFC) FROM unnest($1) WITH ORDINALITY AS p(part, i) ORDER BY i)
    ELSE ARRAY(SELECT normalize(part, NFD) FROM unnest($1) WITH ORDINALITY AS p(part, i) ORDER BY i) END
  FROM unnest(ARRAY['as given', 'NFC', 'NFD']) AS form
$$;

-- The keyed digest of one identity.
CREATE OR REPLACE FUNCTION lethe_system.digest(system text, kind text, type text, value text[]) RETURNS bytea
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT sha256(s.outer_pad || sha256(s.inner_pad || convert_to(concat_ws(E'\\x01', $1, $2, $3,
    ${folded('$4')}), 'UTF8')))
  FROM lethe_system.secret s
  LEFT JOIN lethe_system.identity_types t ON t.system = $1 AND t.kind = $2 AND t.type = $3
$$;

-- The digests of a range of a batch, of one identity type or of all. Reads the key once.
-- ROWS is low, so that the planner joins by index instead of reading a whole table.
CREATE OR REPLACE FUNCTION lethe_system.members(
  system text, request_id text, batch text, first_seq integer, last_seq integer, kind text, type text
) RETURNS TABLE (value text[], digest bytea)
LANGUAGE sql STABLE SECURITY DEFINER ROWS 20 SET search_path = pg_catalog, pg_temp AS $$
  SELECT b.value, sha256(s.outer_pad || sha256(s.inner_pad || convert_to(concat_ws(E'\\x01', $1, $6, b.type,
    ${folded('b.value')}), 'UTF8')))
  FROM lethe_system.batch b CROSS JOIN lethe_system.secret s
  LEFT JOIN lethe_system.identity_types t ON t.system = $1 AND t.kind = $6 AND t.type = b.type
  WHERE b.system = $1 AND b.request_id = $2 AND b.batch = $3 AND b.seq BETWEEN $4 AND $5
    AND CASE WHEN $7 IS NULL THEN b.type NOT LIKE '@%' ELSE b.type = $7 END
$$;

-- For queries of the application: WHERE NOT lethe_system.is_hidden('user', user_id::text). Where two projects share the
-- database, each application sets its own system: ALTER ROLE name SET lethe.system = 'project/system'.
CREATE OR REPLACE FUNCTION lethe_system.is_hidden(kind text, key text) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT EXISTS (
    SELECT FROM lethe_system.identity_types i JOIN lethe_system.tombstones t
      ON t.digest = lethe_system.digest(i.system, i.kind, i.type, ARRAY[$2])
    WHERE i.kind = $1 AND i.is_key AND t.hidden
      AND i.system = coalesce(nullif(current_setting('lethe.system', true), ''), i.system))
$$;

-- For the ingestion of the application, by key or by another identity: is_suppressed('user', 'email', 'ann@x.test', 'berlin')
CREATE OR REPLACE FUNCTION lethe_system.is_suppressed(kind text, key text) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT EXISTS (
    SELECT FROM lethe_system.identity_types i CROSS JOIN lethe_system.unicode_forms(ARRAY[$2]) AS form
    JOIN lethe_system.suppressions s ON s.digest = lethe_system.digest(i.system, i.kind, i.type, form)
    WHERE i.kind = $1 AND i.is_key
      AND i.system = coalesce(nullif(current_setting('lethe.system', true), ''), i.system))
$$;
CREATE OR REPLACE FUNCTION lethe_system.is_suppressed(kind text, type text, VARIADIC value text[]) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT EXISTS (
    SELECT FROM lethe_system.identity_types i CROSS JOIN lethe_system.unicode_forms($3) AS form
    JOIN lethe_system.suppressions s ON s.digest = lethe_system.digest(i.system, i.kind, i.type, form)
    WHERE i.kind = $1 AND i.type = $2
      AND i.system = coalesce(nullif(current_setting('lethe.system', true), ''), i.system))
$$;

-- Runs one statement with its caller's rights, or with NULL the deferred checks. The server log would contain values of rows
-- (DETAIL: Key (user_id)=(...) is still referenced), so only the names of table and constraint pass, if the schema has them.
CREATE OR REPLACE FUNCTION lethe_system.run_redacted(statement text, arguments text[]) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
  result jsonb;
  in_schema text;
  in_table text;
  in_constraint text;
BEGIN
  IF statement IS NULL THEN
    SET CONSTRAINTS ALL IMMEDIATE;
    RETURN NULL;
  END IF;
  EXECUTE statement INTO result USING arguments[1], arguments[2], arguments[3], arguments[4]::int, arguments[5]::int,
    arguments[6], arguments[7], arguments[8];
  RETURN result;
EXCEPTION WHEN OTHERS OR assert_failure THEN
  IF left(SQLSTATE, 2) IN (${literalList(SERVER_CLASSES)}) THEN RAISE; END IF;
  GET STACKED DIAGNOSTICS in_schema = SCHEMA_NAME, in_table = TABLE_NAME, in_constraint = CONSTRAINT_NAME;
  -- A trigger can write any text into these fields.
  IF NOT EXISTS (
    SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = in_schema AND c.relname = in_table
  ) THEN
    in_schema := '';
    in_table := '';
  END IF;
  IF NOT EXISTS (
    SELECT FROM pg_catalog.pg_constraint c JOIN pg_catalog.pg_namespace n ON n.oid = c.connamespace
    WHERE n.nspname = in_schema AND c.conname = in_constraint
    UNION ALL
    SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = in_schema AND c.relname = in_constraint AND c.relkind IN ('i', 'I')
  ) THEN
    in_constraint := '';
  END IF;
  RAISE EXCEPTION USING ERRCODE = SQLSTATE, SCHEMA = in_schema, TABLE = in_table, CONSTRAINT = in_constraint,
    MESSAGE = ${literal(REDACTED)};
END $$;

REVOKE ALL ON FUNCTION lethe_system.lower_case(text[], regcollation[]) FROM PUBLIC;
REVOKE ALL ON FUNCTION lethe_system.unicode_forms(text[]) FROM PUBLIC;
REVOKE ALL ON FUNCTION lethe_system.digest(text, text, text, text[]) FROM PUBLIC;
REVOKE ALL ON FUNCTION lethe_system.members(text, text, text, integer, integer, text, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION lethe_system.run_redacted(text, text[]) FROM PUBLIC;
`;
