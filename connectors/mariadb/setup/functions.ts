export const FUNCTION_NAMES: readonly string[] = ['lethe_digest', 'lethe_is_hidden', 'lethe_is_suppressed'];

const TEXT = 'TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin';
const READS = 'READS SQL DATA SQL SECURITY DEFINER';

/** The values of a composite identity are one text, separated by CHAR(1), which no valid identity contains. */
const FOLDED = `IF(t.comparison IN ('caseInsensitive', 'uuid'), LOWER(identity_value), identity_value)`;
const TRIMMED = `IF(t.is_padded, REGEXP_REPLACE(${FOLDED}, CONCAT(' +(?=', CHAR(1 USING utf8mb4) COLLATE utf8mb4_bin, '|$)'), ''), ${FOLDED})`;
const MESSAGE = `CAST(CONCAT_WS(CHAR(1 USING utf8mb4) COLLATE utf8mb4_bin, system_name, kind_name, type_name, ${TRIMMED}) AS BINARY)`;

/**
 * Callers compute digests without reading the key, because the functions run with the rights of who created them. Each
 * is one statement, so that every client can run this text.
 */
export const FUNCTIONS = `
-- The keyed digest of one identity.
DROP FUNCTION IF EXISTS lethe_digest;
CREATE FUNCTION lethe_digest(system_name ${TEXT}, kind_name ${TEXT}, type_name ${TEXT}, identity_value ${TEXT})
RETURNS BINARY(32) ${READS}
RETURN (
  SELECT UNHEX(SHA2(CONCAT(s.outer_pad, UNHEX(SHA2(CONCAT(s.inner_pad, ${MESSAGE}), 256))), 256))
  FROM lethe_secret AS s LEFT JOIN lethe_identity_types AS t
    ON t.\`system\` = system_name AND t.kind = kind_name AND t.type = type_name
);

-- For queries of the application: WHERE NOT lethe_is_hidden('user', user_id). Where two projects share the database, each
-- application names its own: SET @lethe_system = 'project/system'.
DROP FUNCTION IF EXISTS lethe_is_hidden;
CREATE FUNCTION lethe_is_hidden(kind_name ${TEXT}, subject_key ${TEXT})
RETURNS BOOLEAN ${READS}
RETURN EXISTS (
  SELECT 1 FROM lethe_identity_types AS i JOIN lethe_tombstones AS t
    ON t.digest = lethe_digest(i.\`system\`, i.kind, i.type, subject_key)
  WHERE i.kind = kind_name AND i.is_key AND t.hidden AND (@lethe_system IS NULL OR i.\`system\` = @lethe_system)
);

-- For the ingestion of the application: lethe_is_suppressed('user', 'email', address). An identity of several columns is one
-- text: CONCAT_WS(CHAR(1), email, city).
DROP FUNCTION IF EXISTS lethe_is_suppressed;
CREATE FUNCTION lethe_is_suppressed(kind_name ${TEXT}, type_name ${TEXT}, identity_value ${TEXT})
RETURNS BOOLEAN ${READS}
RETURN EXISTS (
  SELECT 1 FROM lethe_identity_types AS i JOIN lethe_suppressions AS s
    ON s.digest = lethe_digest(i.\`system\`, i.kind, i.type, identity_value)
  WHERE i.kind = kind_name AND i.type = type_name AND (@lethe_system IS NULL OR i.\`system\` = @lethe_system)
);
`;
