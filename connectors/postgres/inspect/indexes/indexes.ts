import type { ConfigError } from '../../../connector.ts';
import { codeOf } from '../../failure.ts';
import { conditionSql } from '../../rows/constants.ts';
import { relation } from '../../sql.ts';
import type { Inspection } from '../inspection.ts';
import { type Index, type Part, printExpressions, readParts, usesIndex } from './existing-indexes.ts';
import { type LookUp, constantColumns, describeColumns, readLookUps } from './look-ups.ts';
import { isLarge, rowsPerValue } from './sizes.ts';

const MISSING_RIGHT = '42501';

/** Checks that every look-up can use an index. Otherwise each chunk would read the whole table. */
export async function checkIndexes(inspection: Inspection): Promise<readonly ConfigError[]> {
  const parts = await readParts(inspection);
  const errors: ConfigError[] = [];
  for (const lookUp of readLookUps(inspection)) {
    try {
      errors.push(...(await checkLookUp(lookUp, parts.get(lookUp.table) ?? [], inspection)));
    } catch (error) {
      // EXPLAIN needs the right to read the table. Without it, another check reports the missing right.
      if (codeOf(error) !== MISSING_RIGHT) throw error;
    }
  }
  return errors;
}

async function checkLookUp(lookUp: LookUp, parts: readonly Part[], inspection: Inspection): Promise<ConfigError[]> {
  const [root] = parts;
  if (root === undefined) return [];
  const printed = await printColumns(lookUp, inspection);
  if (lookUp.isKey && !root.indexes.some((index) => isUniqueKey(index, printed.columns)))
    return [notUnique(lookUp, root)];
  const rows = parts.filter(({ relkind }) => relkind === 'r');
  const missing: Part[] = [];
  for (const part of rows.length === 0 ? [root] : rows)
    if (!(await hasIndex(part, lookUp, printed, inspection))) missing.push(part);
  if (missing.length === 0 || !(await isLarge(lookUp.table, inspection))) return [];
  const isWhole = missing.length === Math.max(rows.length, 1);
  return [missingIndex(lookUp, isWhole ? [] : missing, parts, inspection)];
}

/** The columns of a look-up and its constants, as PostgreSQL prints them. */
interface Printed {
  readonly columns: readonly string[];
  readonly constants: readonly string[];
}

async function printColumns(lookUp: LookUp, { session }: Inspection): Promise<Printed> {
  const columns = lookUp.columns.map(({ sql }) => sql);
  const all = [...columns, ...constantColumns(lookUp)];
  // A plain column prints as its name, which needs no right to read the table.
  const isPlain = all.every((sql) => /^"[a-z_][a-z0-9_]*"$/.test(sql));
  const printed = isPlain ? all.map((sql) => sql.slice(1, -1)) : await printExpressions(session, lookUp.table, all);
  return { columns: printed.slice(0, columns.length), constants: printed.slice(columns.length) };
}

/** An index prints an operator with one more pair of parentheses, and a reserved word in quotes. */
const isSame = (key: string, column: string): boolean =>
  key === column || key === `(${column})` || key === `"${column}"`;

const isUniqueKey = ({ isUnique, isPartial, keys }: Index, columns: readonly string[]): boolean =>
  isUnique &&
  !isPartial &&
  keys.length === columns.length &&
  columns.every((column) => keys.some((key) => isSame(key, column)));

async function hasIndex(part: Part, lookUp: LookUp, printed: Printed, inspection: Inspection): Promise<boolean> {
  const usable = part.indexes.flatMap((index) => {
    const covered = coveredColumns(index, lookUp, printed);
    return covered.length === 0 ? [] : [{ index, covered }];
  });
  const whole = usable.filter(({ index }) => !index.isPartial);
  if (whole.some(({ covered }) => covered.length === printed.columns.length)) return true;
  for (const { covered } of whole)
    if (
      await isSelective(
        covered.map((column) => lookUp.columns[printed.columns.indexOf(column)]?.name ?? ''),
        part,
        inspection,
      )
    )
      return true;
  const partial = usable.filter(({ index }) => index.isPartial).map(({ index }) => index.name);
  return partial.length > 0 && (await usesIndex(inspection.session, part.name, probe(lookUp), partial));
}

/** The columns of the look-up at the beginning of the index, where constants of the entry count as given. */
function coveredColumns({ method, keys }: Index, { isArray }: LookUp, { columns, constants }: Printed): string[] {
  if (isArray) return method === 'gin' ? columns.filter((column) => keys.some((key) => isSame(key, column))) : [];
  if (method !== 'btree' && method !== 'hash') return [];
  const covered: string[] = [];
  for (const key of keys) {
    const column = columns.find((each) => isSame(key, each));
    if (column !== undefined) covered.push(column);
    else if (!constants.some((constant) => isSame(key, constant))) break;
  }
  return covered;
}

/** More rows than this per value make a look-up by a part of its columns slow. */
const MAX_ROWS_PER_VALUE = 10_000;

/** Whether an index on some of several columns finds few rows. Unknown without statistics, then it counts. */
async function isSelective(columns: readonly string[], { name }: Part, { session }: Inspection): Promise<boolean> {
  const rows = await rowsPerValue(session, name, columns);
  return rows === null || rows <= MAX_ROWS_PER_VALUE;
}

/** The condition of the statements, with values that the planner does not know. */
function probe({ columns, conditions, isArray }: LookUp): string {
  const parts = columns.map(({ sql, type }) =>
    isArray ? `${sql} && (SELECT NULL::${type})` : `${sql} = ANY (ARRAY(SELECT NULL::${type}))`,
  );
  return [...parts, ...(Object.keys(conditions).length === 0 ? [] : [conditionSql(conditions)])].join(' AND ');
}

function notUnique(lookUp: LookUp, root: Part): ConfigError {
  const columns = describeColumns(lookUp);
  const sql = createIndex(lookUp, root, 'UNIQUE ');
  return {
    path: lookUp.path,
    message: `${columns} of ${lookUp.table} is not unique; a key needs a unique index on exactly these columns: ${sql}`,
    sql,
  };
}

/** `some`: the parts without an index. Empty when no part has one. */
function missingIndex(
  lookUp: LookUp,
  some: readonly Part[],
  parts: readonly Part[],
  { context, options }: Inspection,
): ConfigError {
  const { smallTableRows } = context.server.tuning;
  const statements = createIndexes(lookUp, some.length === 0 ? parts : some);
  const sql = statements.join('\n');
  const place =
    some.length === 0 ? lookUp.table : `${some.map(({ name }) => name).join(', ')} (part of ${lookUp.table})`;
  const size =
    options.schemaOnly === true ? '' : `, because the table has more than ${smallTableRows.toLocaleString('en')} rows`;
  const kind = lookUp.isArray ? 'a GIN index' : 'an index';
  return {
    path: lookUp.path,
    message: `${place} needs ${kind} on ${describeColumns(lookUp)}${size}; ${statements.length === 1 ? `run: ${sql}` : 'run the statements that npm run -s check -- --sql prints'}`,
    sql,
  };
}

/** An index on a partitioned table takes over the indexes of its partitions, which are built without blocking writes. */
const createIndexes = (lookUp: LookUp, parts: readonly Part[]): readonly string[] =>
  parts
    .toSorted((a, b) => (a.relkind === b.relkind ? 0 : a.relkind === 'p' ? 1 : -1))
    .filter(({ relkind, name, table }) => relkind === 'r' || name === table)
    .map((part) => createIndex(lookUp, part));

/** Builds without blocking writes, which PostgreSQL does not offer for a partitioned table. */
function createIndex({ columns, isArray }: LookUp, { name, relkind }: Part, unique = ''): string {
  const concurrently = relkind === 'p' ? '' : ' CONCURRENTLY';
  const method = isArray ? ' USING gin' : '';
  return `CREATE ${unique}INDEX${concurrently} ON ${relation(name)}${method} (${columns.map(({ sql }) => sql).join(', ')});`;
}
