import { type Identity, ALIAS, normalizeStored } from '../../../domain/identity.ts';
import { storedSpellings } from '../../../domain/identity-forms.ts';
import type { Resolved } from '../../connector.ts';
import { type Members, membersInRange } from '../visibility/batch-table.ts';
import { typeOf } from '../data-map/catalog.ts';
import { columnSide, textOf } from '../data-map/cast.ts';
import { columnsOf, keyIdentity } from '../../data-map/model.ts';
import type { Resolution } from './resolution.ts';
import { type Spelling, factsOfSpellings, keySpellings } from './spellings.ts';
import { aliasCondition, followAliases, hasKeyOf, isSubjectCondition, keyCondition, keyTexts } from './matches.ts';
import { ident, relation } from '../sql.ts';
import { MEMBERS } from '../rows/where.ts';

interface IdentityRow {
  readonly key: string[];
  /** As the directory compares it. */
  readonly value: string[];
  readonly stored: string[];
  readonly sharers: number;
}

/** The subjects $4..$5 of a segment or of everyone. */
export async function keysOfPage(
  { session, model, subjects }: Resolution,
  first: number,
  last: number,
): Promise<readonly Resolved[]> {
  const rows = await session.rows<{ value: string[] }>(
    `SELECT value FROM lethe_system.batch WHERE ${MEMBERS} ORDER BY seq`,
    membersInRange(subjects, first, last),
  );
  return rows.map(({ value }) => ({ fact: 'match', position: null, key: keyIdentity(model, value) }));
}

/** The other identities and aliases of the subjects $4..$5. Runs one statement per identity type and page. */
export async function factsOfPage(resolution: Resolution, first: number, last: number): Promise<readonly Resolved[]> {
  const { session, model, subjects } = resolution;
  const members: Members = membersInRange(subjects, first, last);
  const facts: Resolved[] = [];
  const spellings: Spelling[] = await keySpellings(resolution, members);
  const addIdentities = (type: string, origin: 'identity' | 'alias', rows: readonly IdentityRow[]): void => {
    const declared = model.types[type];
    for (const { key, value, stored, sharers } of rows) {
      const valid = declared && normalizeStored(declared, value);
      // An invalid value, such as an empty email address, is not an identity.
      if (valid === undefined) continue;
      const identity: Identity = { type, value: valid };
      facts.push({ fact: 'identity', key: keyIdentity(model, key), identity, origin, sharers });
      for (const other of storedSpellings(valid, stored))
        spellings.push({ key, identity: { type, value: other }, origin });
    }
  };
  for (const type of Object.keys(model.map.identities ?? {}))
    addIdentities(type, 'identity', await session.rows<IdentityRow>(identityStatement(resolution, type), members));
  if (model.map.aliases !== undefined)
    addIdentities(ALIAS, 'alias', await session.rows<IdentityRow>(aliasStatement(resolution), members));
  return [...facts, ...(await factsOfSpellings(resolution, spellings))];
}

/** Counts sharers once per value, and at most as many as there are subjects, so that a common value stays cheap. */
function identityStatement(resolution: Resolution, type: string): string {
  const { model, catalog } = resolution;
  const identity = model.map.identities?.[type];
  const columns = identity === undefined ? [] : columnsOf(identity);
  const comparison = model.types[type]?.comparison ?? 'exact';
  const side = (row: string, column: string): string =>
    columnSide(`${row}.${ident(column)}`, typeOf(catalog, model.map.table, column), comparison);
  const table = relation(model.map.table);
  const text = (column: string): string =>
    textOf(`own.${ident(column)}`, typeOf(catalog, model.map.table, column), comparison);
  const parts = columns.map((_, index) => `part_${index}`);
  const same = columns.map((column, index) => `${side('other', column)} = own.${parts[index]}`);
  return `SELECT key, value, stored, (max(size) OVER (PARTITION BY ${parts.join(', ')}))::int - 1 AS sharers
    FROM (
      SELECT own.*, CASE WHEN row_number() OVER (PARTITION BY ${parts.join(', ')}) = 1 THEN (
               SELECT count(*) FROM (
                 SELECT FROM ${table} AS other WHERE ${same.join(' AND ')} LIMIT (${SUBJECT_COUNT} + 1)) AS counted) END AS size
      FROM (
        SELECT b.seq, ${keyTexts(model)} AS key,
               ARRAY[${columns.map(text).join(', ')}] AS value,
               ARRAY[${columns.map((column) => `own.${ident(column)}::text`).join(', ')}] AS stored,
               ${columns.map((column, index) => `${side('own', column)} AS ${parts[index]}`).join(', ')}
        FROM lethe_system.batch AS b JOIN ${table} AS own ON ${hasKeyOf(resolution)}
        WHERE b.system = $1 AND b.request_id = $2 AND b.batch = $3 AND b.seq BETWEEN $4::int AND $5::int
          AND ${columns.map((column) => `own.${ident(column)} IS NOT NULL`).join(' AND ')}) AS own) AS named
    ORDER BY seq`;
}

/** The number of subjects in all pages. */
const SUBJECT_COUNT = `(SELECT max(seq) FROM lethe_system.batch WHERE system = $1 AND request_id = $2 AND batch = $3)`;

/**
 * Follows aliases backward from each subject, but not through another subject. Then follows each alias followAliases, once, to
 * count the subjects that share it.
 */
function aliasStatement(resolution: Resolution): string {
  const { model, catalog } = resolution;
  const { aliases } = model.map;
  if (aliases === undefined) return '';
  const back = aliasCondition(resolution, aliases.subject);
  const key = ident(model.key.columns[0] ?? '');
  const [table, alias] = [relation(aliases.table), ident(aliases.alias)];
  const comparison = model.types[ALIAS]?.comparison ?? 'exact';
  const text = (value: string): string => textOf(value, typeOf(catalog, aliases.table, aliases.alias), comparison);
  return `WITH RECURSIVE
    names(key, name, stored) AS (
      SELECT b.value[1], ${text(`e.${alias}`)}, e.${alias}::text FROM lethe_system.batch AS b JOIN ${table} AS e ON ${back('b.value[1]')}
      WHERE b.system = $1 AND b.request_id = $2 AND b.batch = $3 AND b.seq BETWEEN $4::int AND $5::int
        AND NOT ${isSubjectCondition(resolution, `e.${alias}::text`)}
      UNION
      SELECT n.key, ${text(`e.${alias}`)}, e.${alias}::text FROM names AS n JOIN ${table} AS e ON ${back('n.name')}
      WHERE NOT ${isSubjectCondition(resolution, `e.${alias}::text`)}),
    called AS MATERIALIZED (
      SELECT name, array_agg(key) AS keys, array_agg(stored) AS spellings FROM names WHERE stored <> key GROUP BY name),
    counted AS MATERIALIZED (SELECT keys, name, spellings, (
      WITH RECURSIVE ${followAliases(resolution, 'SELECT called.name AS start, called.name AS name')}
      SELECT count(*)::int - 1 FROM (
        SELECT own.${key}::text FROM hop JOIN ${relation(model.map.table)} AS own ON ${keyCondition(resolution, 'hop.name')}
        UNION SELECT unnest(called.keys)) AS owners) AS sharers
      FROM called)
    SELECT ARRAY[unnest(keys)] AS key, ARRAY[name] AS value, ARRAY[unnest(spellings)] AS stored, sharers FROM counted`;
}
