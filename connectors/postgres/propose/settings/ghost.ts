import type { Value } from '../../../data-map/data-map.ts';
import { ident, literal, relation } from '../../sql.ts';
import { type Column, type Snapshot, type Table, columnOf, keysFrom } from '../catalog/snapshot.ts';
import { isEmailLike } from '../names/column-kinds.ts';
import { GHOSTS, GHOST_KEYS } from '../sample/column-statements.ts';
import type { Samples } from '../sample/sample.ts';
import type { Subject } from './subject.ts';

/** The row that stands for deleted subjects: one with a usual key, or one that a statement inserts. */
export interface Ghost {
  readonly key: Value;
  readonly exists: boolean;
}

export function findGhost({ table, key }: Subject, samples: Samples): Ghost {
  const column = columnOf(table, key.at(-1) ?? '');
  const family = column?.family ?? 'text';
  const keys = GHOSTS[family] ?? ['deleted'];
  const existing = keys.find((value) => samples.get(GHOST_KEYS)?.has(String(value)) === true);
  const length = Number(/\((\d+)\)/.exec(column?.full ?? '')?.[1] ?? 100);
  const [first = 'deleted'] = keys;
  return {
    key: existing ?? (typeof first === 'string' && family === 'text' ? first.slice(0, length) : first),
    exists: existing !== undefined,
  };
}

/** INSERT statements for a ghost row, and for the rows with details that it has to point to. Idempotent. */
export function ghostStatements(
  snapshot: Snapshot,
  { table, key }: Subject,
  { key: value }: Ghost,
  details: ReadonlySet<string>,
): readonly string[] {
  const fixed = new Map([[key.at(-1) ?? '', value]]);
  return insertRow(snapshot, table, fixed, { details, shared: key.slice(0, -1), open: [] });
}

interface Options {
  /** Tables with details of one person. The ghost gets rows of its own there. */
  readonly details: ReadonlySet<string>;
  /** Columns of a composite key of which each existing value gets a ghost row. */
  readonly shared: readonly string[];
  /** The tables for which a row is being inserted, so that circular references end. */
  readonly open: readonly string[];
}

function insertRow(snapshot: Snapshot, table: Table, fixed: ReadonlyMap<string, Value>, options: Options): string[] {
  const before: string[] = [];
  const keys = keysFrom(snapshot, table.name);
  const open = [...options.open, table.name];
  const values = new Map<string, string>();
  for (const column of table.columns) {
    if (column.isGenerated || options.shared.includes(column.name)) continue;
    const value = fixed.get(column.name);
    const key = keys.find(({ childColumns }) => childColumns.includes(column.name));
    const needsValue = column.isNotNull && column.default === null && !column.isAlwaysIdentity && !isIdentity(column);
    if (value === undefined && !needsValue) continue;
    if (key !== undefined && key.parent !== table.name && !open.includes(key.parent)) {
      const parent = snapshot.tables.get(key.parent);
      const there = key.parentColumns[key.childColumns.indexOf(column.name)] ?? '';
      const own = value ?? ghostKey(columnOf(parent, there));
      const isDetail = value !== undefined || options.details.has(key.parent);
      if (parent !== undefined && isDetail && own !== null)
        before.push(...insertRow(snapshot, parent, new Map([[there, own]]), { ...options, shared: [], open }));
      else {
        values.set(column.name, `(SELECT ${ident(there)} FROM ${relation(key.parent)} ORDER BY 1 LIMIT 1)`);
        continue;
      }
      values.set(column.name, literal(String(own)));
      continue;
    }
    const self =
      key?.parent === table.name
        ? fixed.get(key.parentColumns[key.childColumns.indexOf(column.name)] ?? '')
        : undefined;
    values.set(column.name, literalOf(column, value ?? self));
  }
  return [...before, insertSql(table, values, options)];
}

const isIdentity = ({ default: value, isAlwaysIdentity }: Column): boolean => isAlwaysIdentity || value !== null;

const ghostKey = (column: Column | undefined): Value | null => GHOSTS[column?.family ?? '']?.[0] ?? null;

function insertSql(table: Table, values: ReadonlyMap<string, string>, { shared }: Options): string {
  const columns = [...shared, ...values.keys()].map(ident).join(', ');
  const overriding = table.columns.some(({ name, isAlwaysIdentity }) => isAlwaysIdentity && values.has(name))
    ? ' OVERRIDING SYSTEM VALUE'
    : '';
  const list = [...values.values()].join(', ');
  const rows =
    shared.length === 0
      ? `VALUES (${list})`
      : `SELECT ${[...shared.map(ident), list].join(', ')} FROM (SELECT DISTINCT ${shared.map(ident).join(', ')} FROM ${relation(table.name)}) AS existing`;
  return `INSERT INTO ${relation(table.name)} (${columns})${overriding} ${rows} ON CONFLICT DO NOTHING;`;
}

/** A neutral value that the type accepts. */
function literalOf(column: Column, value: Value | undefined): string {
  if (value !== undefined) return literal(String(value));
  if (column.isArray) return `'{}'`;
  if (column.labels.length > 0) return literal(column.labels[0] ?? '');
  const length = Number(/\((\d+)\)/.exec(column.full)?.[1] ?? 100);
  const texts: Readonly<Record<string, string>> = {
    text: literal((isEmailLike(column) ? 'deleted@example.invalid' : 'deleted').slice(0, length)),
    integer: '0',
    number: '0',
    uuid: 'gen_random_uuid()',
    json: `'{}'`,
    bytes: `''`,
    date: `'1970-01-01'`,
    boolean: 'false',
    address: `'0.0.0.0'`,
  };
  if (column.family === 'time')
    return column.base.startsWith('time') && !column.base.startsWith('timestamp') ? `'00:00'` : `'1970-01-01'`;
  return texts[column.family] ?? `''`;
}
