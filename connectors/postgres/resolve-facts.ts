import { type Identity, ALIAS, normalise } from '../../domain/identity.ts';
import type { Resolved } from '../connector.ts';
import { type Members, within } from './batch-table.ts';
import { typeOf } from './catalog.ts';
import { columnSide } from './cast.ts';
import { columnsOf, keyIdentity } from './model.ts';
import type { Resolving } from './resolve.ts';
import { edge, forward, isSubject, ownKey } from './resolve-matches.ts';
import { ident, relation } from './sql.ts';
import { MEMBERS } from './where.ts';

/** Enough to say that an identity is shared, and with whom an operator should look first. */
const SHARED_WITH = 10;

interface Fact {
  readonly key: string;
  readonly value: string[];
  readonly shared: string[];
}

/** What the subjects $4..$5 are called: key, declared identities, aliases; two or more statements per page. */
export async function factsOfPage(resolving: Resolving, first: number, last: number): Promise<readonly Resolved[]> {
  const { session, model, subjects } = resolving;
  const members: Members = within(subjects, first, last);
  const facts: Resolved[] = [];
  const tell = (type: string, origin: 'identity' | 'alias', rows: readonly Fact[]): void => {
    for (const { key, value, shared } of rows) {
      const normal = normalise(model.types[type], value);
      // What no request could name, such as an empty e-mail address, is not an identity.
      if ('invalid' in normal) continue;
      const identity: Identity = { type, value: normal.value };
      facts.push({ fact: 'identity', key: keyIdentity(model, [key]), identity, origin, sharedWith: shared });
    }
  };
  const keys = await session.rows<Fact>(
    `SELECT value[1] AS key, value, ARRAY[]::text[] AS shared FROM lethe_processor.batch WHERE ${MEMBERS} ORDER BY seq`,
    members,
  );
  tell(model.keyType, 'identity', keys);
  for (const type of Object.keys(model.map.identities ?? {}))
    tell(type, 'identity', await session.rows<Fact>(identityStatement(resolving, type), members));
  if (model.map.aliases !== undefined)
    tell(ALIAS, 'alias', await session.rows<Fact>(aliasStatement(resolving), members));
  return facts;
}

function identityStatement(resolving: Resolving, type: string): string {
  const { model, catalog } = resolving;
  const identity = model.map.identities?.[type];
  const columns = identity === undefined ? [] : columnsOf(identity);
  const key = ident(model.key.columns[0] ?? '');
  const table = relation(model.map.table);
  const same = columns.map((column) => {
    const side = (row: string): string =>
      columnSide(
        `${row}.${ident(column)}`,
        typeOf(catalog, model.map.table, column),
        model.types[type]?.comparison ?? 'exact',
      );
    return `${side('other')} = ${side('own')}`;
  });
  return `SELECT own.${key}::text AS key, ARRAY[${columns.map((column) => `own.${ident(column)}::text`).join(', ')}] AS value,
      ARRAY(SELECT other.${key}::text FROM ${table} AS other WHERE ${same.join(' AND ')} AND other.${key} <> own.${key}
            LIMIT ${SHARED_WITH}) AS shared
    FROM lethe_processor.batch AS b JOIN ${table} AS own ON ${ownKey(resolving, 'b.value[1]')}
    WHERE b.processor = $1 AND b.request_id = $2 AND b.batch = $3 AND b.seq BETWEEN $4::int AND $5::int
      AND ${columns.map((column) => `own.${ident(column)} IS NOT NULL`).join(' AND ')} ORDER BY b.seq`;
}

/**
 * Backward from each subject to all names that lead to it, never through another subject; then forward again from
 * those names, to say with whom each is shared.
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
      SELECT b.value[1], e.${alias}::text FROM lethe_processor.batch AS b JOIN ${table} AS e ON ${back('b.value[1]')}
      WHERE b.processor = $1 AND b.request_id = $2 AND b.batch = $3 AND b.seq BETWEEN $4::int AND $5::int
        AND NOT ${isSubject(resolving, `e.${alias}::text`)}
      UNION
      SELECT n.key, e.${alias}::text FROM names AS n JOIN ${table} AS e ON ${back('n.name')}
      WHERE NOT ${isSubject(resolving, `e.${alias}::text`)}),
    ${forward(resolving, 'SELECT DISTINCT name AS start, name FROM names')},
    owners AS MATERIALIZED (
      SELECT DISTINCT hop.start AS name, own.${key}::text AS key FROM hop
      JOIN ${relation(model.map.table)} AS own ON ${ownKey(resolving, 'hop.name')})
    SELECT names.key, ARRAY[names.name] AS value, (
      SELECT coalesce(array_agg(owners.key ORDER BY owners.key), '{}')
      FROM (SELECT key FROM owners WHERE owners.name = names.name AND owners.key <> names.key LIMIT ${SHARED_WITH}) AS owners) AS shared
    FROM names WHERE names.name <> names.key`;
}
