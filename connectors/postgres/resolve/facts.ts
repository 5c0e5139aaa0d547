import { type Identity, ALIAS, normalise } from '../../../domain/identity.ts';
import type { Resolved } from '../../connector.ts';
import { type Members, within } from '../visibility/batch-table.ts';
import { typeOf } from '../data-map/catalog.ts';
import { columnSide } from '../data-map/cast.ts';
import { columnsOf, keyIdentity } from '../data-map/model.ts';
import type { Resolving } from './types.ts';
import { edge, forward, isSubject, ownKey } from './matches.ts';
import { ident, relation } from '../sql.ts';
import { MEMBERS } from '../data-map/where.ts';

interface Fact {
  readonly key: string;
  readonly value: string[];
  readonly sharers: number;
}

/** Of everyone, or of a segment, the subjects $4..$5 by their keys. */
export async function keysOfPage(
  { session, model, subjects }: Resolving,
  first: number,
  last: number,
): Promise<readonly Resolved[]> {
  const rows = await session.rows<{ value: string[] }>(
    `SELECT value FROM lethe_system.batch WHERE ${MEMBERS} ORDER BY seq`,
    within(subjects, first, last),
  );
  return rows.map(({ value }) => ({ fact: 'match', position: null, key: keyIdentity(model, value) }));
}

/** What the subjects $4..$5 are called besides: declared identities, aliases; a statement each per page. */
export async function factsOfPage(resolving: Resolving, first: number, last: number): Promise<readonly Resolved[]> {
  const { session, model, subjects } = resolving;
  const members: Members = within(subjects, first, last);
  const facts: Resolved[] = [];
  const tell = (type: string, origin: 'identity' | 'alias', rows: readonly Fact[]): void => {
    for (const { key, value, sharers } of rows) {
      const normal = normalise(model.types[type], value);
      // What no request could name, such as an empty e-mail address, is not an identity.
      if ('invalid' in normal) continue;
      const identity: Identity = { type, value: normal.value };
      facts.push({ fact: 'identity', key: keyIdentity(model, [key]), identity, origin, sharers });
    }
  };
  for (const type of Object.keys(model.map.identities ?? {}))
    tell(type, 'identity', await session.rows<Fact>(identityStatement(resolving, type), members));
  if (model.map.aliases !== undefined)
    tell(ALIAS, 'alias', await session.rows<Fact>(aliasStatement(resolving), members));
  return facts;
}

/**
 * How many are called the same is counted once per name, and no further than there are subjects: an address that half of
 * the table has costs no more than what was asked for.
 */
function identityStatement(resolving: Resolving, type: string): string {
  const { model, catalog } = resolving;
  const identity = model.map.identities?.[type];
  const columns = identity === undefined ? [] : columnsOf(identity);
  const comparison = model.types[type]?.comparison ?? 'exact';
  const side = (row: string, column: string): string =>
    columnSide(`${row}.${ident(column)}`, typeOf(catalog, model.map.table, column), comparison);
  const table = relation(model.map.table);
  const name = columns.map((_, index) => `part_${index}`);
  const same = columns.map((column, index) => `${side('other', column)} = own.${name[index]}`);
  return `SELECT key, value, (max(size) OVER (PARTITION BY ${name.join(', ')}))::int - 1 AS sharers
    FROM (
      SELECT own.*, CASE WHEN row_number() OVER (PARTITION BY ${name.join(', ')}) = 1 THEN (
               SELECT count(*) FROM (
                 SELECT FROM ${table} AS other WHERE ${same.join(' AND ')} LIMIT (${SUBJECTS} + 1)) AS counted) END AS size
      FROM (
        SELECT b.seq, own.${ident(model.key.columns[0] ?? '')}::text AS key,
               ARRAY[${columns.map((column) => `own.${ident(column)}::text`).join(', ')}] AS value,
               ${columns.map((column, index) => `${side('own', column)} AS ${name[index]}`).join(', ')}
        FROM lethe_system.batch AS b JOIN ${table} AS own ON ${ownKey(resolving, 'b.value[1]')}
        WHERE b.system = $1 AND b.request_id = $2 AND b.batch = $3 AND b.seq BETWEEN $4::int AND $5::int
          AND ${columns.map((column) => `own.${ident(column)} IS NOT NULL`).join(' AND ')}) AS own) AS named
    ORDER BY seq`;
}

/** How many subjects there are in all pages: they are numbered from 1. */
const SUBJECTS = `(SELECT max(seq) FROM lethe_system.batch WHERE system = $1 AND request_id = $2 AND batch = $3)`;

/**
 * Backward from each subject to all names that lead to it, never through another subject; then forward again, once from
 * each of those names, to say how many others share it.
 */
function aliasStatement(resolving: Resolving): string {
  const { model } = resolving;
  const { aliases } = model.map;
  if (aliases === undefined) return '';
  const back = edge(resolving, aliases.subject);
  const key = ident(model.key.columns[0] ?? '');
  const [table, alias] = [relation(aliases.table), ident(aliases.alias)];
  return `WITH RECURSIVE
    names(key, name) AS (
      SELECT b.value[1], e.${alias}::text FROM lethe_system.batch AS b JOIN ${table} AS e ON ${back('b.value[1]')}
      WHERE b.system = $1 AND b.request_id = $2 AND b.batch = $3 AND b.seq BETWEEN $4::int AND $5::int
        AND NOT ${isSubject(resolving, `e.${alias}::text`)}
      UNION
      SELECT n.key, e.${alias}::text FROM names AS n JOIN ${table} AS e ON ${back('n.name')}
      WHERE NOT ${isSubject(resolving, `e.${alias}::text`)}),
    called AS MATERIALIZED (SELECT name, array_agg(key) AS keys FROM names WHERE name <> key GROUP BY name),
    counted AS MATERIALIZED (SELECT keys, name, (
      WITH RECURSIVE ${forward(resolving, 'SELECT called.name AS start, called.name AS name')}
      SELECT count(*)::int - 1 FROM (
        SELECT own.${key}::text FROM hop JOIN ${relation(model.map.table)} AS own ON ${ownKey(resolving, 'hop.name')}
        UNION SELECT unnest(called.keys)) AS owners) AS sharers
      FROM called)
    SELECT unnest(keys) AS key, ARRAY[name] AS value, sharers FROM counted`;
}
