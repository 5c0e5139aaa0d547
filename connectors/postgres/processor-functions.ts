/**
 * Digests are computed by the database's owner (SECURITY DEFINER): who calls them never reads the key. The digested
 * text is unambiguous, because no valid identity holds a control character.
 */
export const FUNCTIONS = `
CREATE OR REPLACE FUNCTION lethe_processor.digest(processor text, kind text, type text, value text[]) RETURNS bytea
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  how text;
  pads lethe_processor.secret;
  message text;
BEGIN
  SELECT t.comparison INTO how FROM lethe_processor.identity_types t
  WHERE t.processor = $1 AND t.kind = $2 AND t.type = $3;
  SELECT * INTO pads FROM lethe_processor.secret;
  message := array_to_string($4, E'\\x01');
  IF how IN ('caseInsensitive', 'uuid') THEN message := lower(message); END IF;
  message := concat_ws(E'\\x01', $2, $3, message);
  RETURN sha256(pads.outer_pad || sha256(pads.inner_pad || convert_to(message, 'UTF8')));
END $$;

-- For the application's queries: WHERE NOT lethe_processor.is_hidden('user', user_id::text)
CREATE OR REPLACE FUNCTION lethe_processor.is_hidden(kind text, key text) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT EXISTS (
    SELECT FROM lethe_processor.identity_types i JOIN lethe_processor.tombstones t
      ON t.kind = i.kind AND t.digest = lethe_processor.digest(i.processor, i.kind, i.type, ARRAY[$2]) AND t.processor = i.processor
    WHERE i.kind = $1 AND i.is_key AND t.hidden)
$$;

-- For the application's ingestion, by key, or by any identity: is_suppressed('user', 'email', 'ann@x.test', 'berlin')
CREATE OR REPLACE FUNCTION lethe_processor.is_suppressed(kind text, key text) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT EXISTS (
    SELECT FROM lethe_processor.identity_types i JOIN lethe_processor.suppressions s
      ON s.kind = i.kind AND s.digest = lethe_processor.digest(i.processor, i.kind, i.type, ARRAY[$2]) AND s.processor = i.processor
    WHERE i.kind = $1 AND i.is_key)
$$;
CREATE OR REPLACE FUNCTION lethe_processor.is_suppressed(kind text, type text, VARIADIC value text[]) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT EXISTS (
    SELECT FROM lethe_processor.identity_types i JOIN lethe_processor.suppressions s
      ON s.kind = i.kind AND s.digest = lethe_processor.digest(i.processor, i.kind, i.type, $3) AND s.processor = i.processor
    WHERE i.kind = $1 AND i.type = $2)
$$;

-- Runs one deletion with its caller's rights. A row that still references would be shown in the server's log by value
-- (DETAIL: Key (user_id)=(…) is still referenced): caught here, it is told without.
CREATE OR REPLACE FUNCTION lethe_processor.quietly(statement text, arguments text[]) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
  result jsonb;
BEGIN
  EXECUTE statement INTO result USING arguments[1], arguments[2], arguments[3], arguments[4]::int, arguments[5]::int,
    arguments[6], arguments[7], arguments[8];
  RETURN result;
EXCEPTION WHEN integrity_constraint_violation THEN
  RAISE EXCEPTION USING ERRCODE = SQLSTATE, MESSAGE = 'a constraint forbids this deletion, such as rows that still reference';
END $$;

REVOKE ALL ON FUNCTION lethe_processor.digest(text, text, text, text[]) FROM PUBLIC;
REVOKE ALL ON FUNCTION lethe_processor.quietly(text, text[]) FROM PUBLIC;
`;
