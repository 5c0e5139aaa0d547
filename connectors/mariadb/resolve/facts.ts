import { type Identity, ALIAS, normalizeStored } from '../../../domain/identity.ts';
import { otherForms, storedSpellings } from '../../../domain/identity-forms.ts';
import type { Resolved } from '../../connector.ts';
import { columnsOf, keyIdentity } from '../../data-map/model.ts';
import { insertIdentities } from '../batch/identities.ts';
import { type Range, between, matchCondition } from '../batch/selections.ts';
import { equals, textOf, typeOf } from '../catalog/columns.ts';
import { ident, relation } from '../sql.ts';
import { isAlias, isSubjectName, keyNames, matchStatements, reachedSubjects } from './matches.ts';
import { type Resolution, SHARING, SPELLED, SUBJECTS } from './resolution.ts';

/** An identity of a subject, as the directory compares it and as it stores it. */
interface IdentityRow {
  readonly key: readonly string[];
  readonly value: readonly string[];
  readonly stored: readonly string[];
  readonly sharers: number;
}

/** An identity of the subject `key`, spelled otherwise than its lower case or in another Unicode form. */
interface Spelling {
  readonly key: readonly string[];
  readonly identity: Identity;
  readonly origin: 'identity' | 'alias';
}

type Texts = Readonly<Record<string, string | number | null>>;

/** The subjects of a page of a segment or of everyone. */
export async function keysOfPage(resolution: Resolution, page: Range): Promise<readonly Resolved[]> {
  const keys = await readKeys(resolution, page);
  return keys.map((key) => ({ fact: 'match', position: null, key: keyIdentity(resolution.model, key) }));
}

async function readKeys({ session, model }: Resolution, page: Range): Promise<readonly (readonly string[])[]> {
  const names = keyNames(model);
  const rows = await session.rows<Texts>(
    `SELECT ${names.join(', ')} FROM ${SUBJECTS} AS found WHERE ${between('found', page)} ORDER BY found.seq`,
  );
  return rows.map((row) => texts(row, names));
}

const texts = (row: Texts, names: readonly string[]): readonly string[] => names.map((name) => String(row[name] ?? ''));

/** The other identities and aliases of the subjects of a page. Runs a few statements per identity type and page. */
export async function factsOfPage(resolution: Resolution, page: Range): Promise<readonly Resolved[]> {
  const { model } = resolution;
  const facts: Resolved[] = [];
  const spellings: Spelling[] = (await readKeys(resolution, page)).flatMap((key) =>
    otherForms(key).map((value) => ({ key, identity: { type: model.keyType, value }, origin: 'identity' as const })),
  );
  const addIdentities = (type: string, origin: 'identity' | 'alias', rows: readonly IdentityRow[]): void => {
    const declared = model.types[type];
    for (const { key, value, stored, sharers } of rows) {
      const valid = declared && normalizeStored(declared, value);
      // An invalid value, such as an empty email address, is not an identity.
      if (valid === undefined) continue;
      facts.push({ fact: 'identity', key: keyIdentity(model, key), identity: { type, value: valid }, origin, sharers });
      for (const other of storedSpellings(valid, stored))
        spellings.push({ key, identity: { type, value: other }, origin });
    }
  };
  for (const type of Object.keys(model.map.identities ?? {}))
    addIdentities(type, 'identity', await identitiesOf(resolution, type, page));
  if (model.map.aliases !== undefined) addIdentities(ALIAS, 'alias', await aliasesOf(resolution, page));
  return [...facts, ...(await factsOfSpellings(resolution, spellings))];
}

/** Counts the subjects that have a value once per value. */
async function identitiesOf(resolution: Resolution, type: string, page: Range): Promise<readonly IdentityRow[]> {
  const { session, model, catalog } = resolution;
  const identity = model.map.identities?.[type];
  const columns = identity === undefined ? [] : columnsOf(identity);
  const comparison = model.types[type]?.comparison ?? 'exact';
  const { table } = model.map;
  const stored = columns.map((column) => textOf(`own.${ident(column)}`, typeOf(catalog, table, column)));
  const parts = stored.map((text) => (comparison === 'caseInsensitive' ? `LOWER(${text})` : text));
  const names = (prefix: string): string[] => columns.map((_, index) => `${prefix}${index}`);
  const keys = keyNames(model);
  const own = `FROM ${SUBJECTS} AS b STRAIGHT_JOIN ${relation(table)} AS own ON ${matchCondition(table, model.key, catalog, 'own.', 'b.')}
    WHERE ${between('b', page)} AND ${columns.map((column) => `own.${ident(column)} IS NOT NULL`).join(' AND ')}`;
  const values = parts.map((text, index) => `${text} AS part${index}`).join(', ');
  const same = columns.map((column, index) =>
    equals(`other.${ident(column)}`, typeOf(catalog, table, column), `v.part${index}`, comparison),
  );
  const rows = await session.rows<Texts>(
    `SELECT named.*, counted.size AS size
     FROM (SELECT b.seq AS seq, ${keys.map((name) => `b.${name} AS ${name}`).join(', ')}, ${values},
             ${stored.map((text, index) => `${text} AS stored${index}`).join(', ')} ${own}) AS named
     JOIN (SELECT ${names('v.part').join(', ')}, COUNT(*) AS size FROM (SELECT DISTINCT ${values} ${own}) AS v
             STRAIGHT_JOIN ${relation(table)} AS other ON ${same.join(' AND ')} GROUP BY ${names('v.part').join(', ')}) AS counted
       ON ${columns.map((_, index) => `counted.part${index} = named.part${index}`).join(' AND ')}
     ORDER BY named.seq`,
  );
  return rows.map((row) => ({
    key: texts(row, keys),
    value: texts(row, names('part')),
    stored: texts(row, names('stored')),
    sharers: Number(row['size'] ?? 1) - 1,
  }));
}

/**
 * Follows aliases backward from each subject, but not through another subject. Then follows each alias forward, once, to
 * count the subjects that share it.
 */
async function aliasesOf(resolution: Resolution, page: Range): Promise<readonly IdentityRow[]> {
  const { session, model, catalog } = resolution;
  const { aliases } = model.map;
  if (aliases === undefined) return [];
  const alias = textOf(`e.${ident(aliases.alias)}`, typeOf(catalog, aliases.table, aliases.alias));
  const fold = (text: string): string =>
    model.types[ALIAS]?.comparison === 'caseInsensitive' ? `LOWER(${text})` : text;
  const table = relation(aliases.table);
  const names = `WITH RECURSIVE names (subject, name, stored) AS (
      SELECT b.value0, ${fold(alias)}, ${alias} FROM ${SUBJECTS} AS b STRAIGHT_JOIN ${table} AS e ON ${isAlias(resolution, aliases.subject, 'b.value0')}
      WHERE ${between('b', page)} AND NOT ${isSubjectName(resolution, alias)}
      UNION
      SELECT n.subject, ${fold(alias)}, ${alias} FROM names AS n STRAIGHT_JOIN ${table} AS e ON ${isAlias(resolution, aliases.subject, 'n.name')}
      WHERE NOT ${isSubjectName(resolution, alias)})
    SELECT subject, name, stored FROM names WHERE stored <> subject`;
  const rows = await session.rows<{ subject: string; name: string; stored: string }>(names);
  if (rows.length === 0) return [];
  const reached = await session.rows<{ start: string; reached: string }>(
    reachedSubjects(resolution, `SELECT DISTINCT name AS start, name AS name FROM (${names}) AS called`),
  );
  const owners = new Map<string, Set<string>>();
  const add = (name: string, subject: string): void => {
    owners.set(name, (owners.get(name) ?? new Set<string>()).add(subject));
  };
  for (const row of reached) add(row.start, row.reached);
  for (const { name, subject } of rows) add(name, subject);
  return rows.map(({ subject, name, stored }) => ({
    key: [subject],
    value: [name],
    stored: [stored],
    sharers: (owners.get(name)?.size ?? 1) - 1,
  }));
}

/**
 * Other spellings are identities of their subject, so that systems find rows that are written otherwise. One that finds
 * another subject in the directory is shared with it, and its rows stay.
 */
async function factsOfSpellings(resolution: Resolution, spellings: readonly Spelling[]): Promise<readonly Resolved[]> {
  if (spellings.length === 0) return [];
  const { session, model, parts } = resolution;
  const identities = spellings.map(({ identity }, index) => ({ seq: index + 1, identity }));
  const noActivity = { signal: new AbortController().signal, heartbeat: () => {} };
  const pages = (async function* () {
    yield identities;
  })();
  await insertIdentities(session, SPELLED, parts, new Set(), pages, noActivity);
  for (const sql of matchStatements(resolution, SPELLED, SHARING)) await session.run(sql);
  const names = keyNames(model);
  const rows = await session.rows<Texts>(`SELECT DISTINCT seq, ${names.join(', ')} FROM ${SHARING}`);
  for (const table of [SPELLED, SHARING]) await session.run(`DELETE FROM ${table}`);
  const owners = Map.groupBy(rows, ({ seq }) => Number(seq));
  return spellings.map(({ key, identity, origin }, index) => ({
    fact: 'identity',
    key: keyIdentity(model, key),
    identity,
    origin,
    sharers: (owners.get(index + 1) ?? []).filter((row) => texts(row, names).some((part, i) => part !== key[i])).length,
  }));
}
