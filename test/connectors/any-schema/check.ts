import { expect } from 'vitest';
import type { FinishedRange } from '../../../domain/batch.ts';
import type { Batch, Connector } from '../../../connectors/connector.ts';
import { batchOf, deletion, exportAll, rowsOf, testContext } from '../calls.ts';
import { GHOST, type Row, type State, type UserKey } from './data.ts';
import { type Expected, type ModelFigures, deleteInMemory } from './deletion-model.ts';
import { asText, exportOf } from './model.ts';
import { type Choices, KEY } from './map.ts';
import { type Json, type Table, emailOf, tablesOf } from './tables.ts';

/** How a deletion runs: at once, killed after a range and repeated, or in parts of two rows. */
export type Mode = 'whole' | 'killed' | 'parts';

/** A database with the schema of one variant, which one case after another fills. */
export interface AnyDatabase {
  fill(state: State): Promise<void>;
  read(): Promise<State>;
  connector(choices: Choices, tuning?: CaseTuning): Required<Connector>;
  /** Makes the next deletion of a batch delete every subject in parts, as if it had been too large for one statement. */
  startParts(batch: Batch): Promise<void>;
  /** Fails unless the copies that the database keeps of rows are those of the rows that are left. */
  checkCopies?(choices: Choices): Promise<void>;
}

export interface CaseTuning {
  readonly rowsPerPart?: number;
  readonly statementTimeoutMs?: number;
}

export interface Case {
  readonly choices: Choices;
  readonly before: State;
  readonly subjects: readonly UserKey[];
  readonly mode: Mode;
  readonly tuning?: CaseTuning;
}

/** Runs every verb on one case and compares each row and each figure with the model. */
export async function checkCase(
  database: AnyDatabase,
  { choices, before, subjects, mode, tuning }: Case,
): Promise<readonly FinishedRange[]> {
  await database.fill(before);
  const filled = await database.read();
  expect(canonical(filled), 'the filled rows').toEqual(canonical(before));
  const expected = deleteInMemory(choices, before, subjects);
  const connector = database.connector(choices, { rowsPerPart: 2, ...tuning });
  const [first] = subjects;
  if (first !== undefined) await checkExport(connector, choices, filled, first);
  await checkCount(connector, choices, subjects, expected);
  expect(canonical(await database.read()), 'the rows after count and export').toEqual(canonical(filled));

  const batch = batchOfUsers(subjects, choices);
  if (mode === 'parts') await database.startParts(batch);
  if (mode === 'killed' && subjects.some((key) => key.at(-1) !== GHOST)) await deleteUntilKilled(connector, batch);
  const done = deletion();
  await connector.hardDelete(batch, done, testContext());
  const after = await database.read();
  expect(canonical(after)).toEqual(canonical(knownValues(expected.rows, after, choices)));
  checkFigures(
    done.ranges,
    expected,
    choices.subjectsPerCommit > 1 && mode === 'whole' && subjects.length <= choices.subjectsPerCommit,
  );

  expect(await connector.verify(batch, 'data', testContext())).toMatchObject({ survivors: 0 });
  const repeated = deletion();
  await connector.hardDelete(batch, repeated, testContext());
  expect(byUnit(repeated.ranges), 'a second call of the pass').toEqual(byUnit(done.ranges));
  const second = deletion({ pass: 2 });
  await connector.hardDelete(batch, second, testContext());
  expect(sumOf(second.ranges), 'a second pass').toEqual({});
  expect(canonical(await database.read()), 'the rows after a second pass').toEqual(canonical(after));
  const [other] = othersOf(after, subjects, choices);
  if (other !== undefined) await checkExport(connector, choices, after, other);
  await connector.conclude?.({ requestId: batch.requestId, kind: 'user' }, testContext());
  await database.checkCopies?.(choices);
  return done.ranges;
}

/** A second call reports the ranges in the order of the log. */
const byUnit = (ranges: readonly FinishedRange[]): readonly FinishedRange[] =>
  ranges
    .filter(({ part }) => part >= 0)
    .toSorted((a, b) => a.firstSeq - b.firstSeq || a.lastSeq - b.lastSeq || a.part - b.part);

async function deleteUntilKilled(
  connector: Required<Connector>,
  batch: ReturnType<typeof batchOfUsers>,
): Promise<void> {
  const killed = deletion({
    onRangeFinished: () => {
      throw new Error('killed');
    },
  });
  await expect(connector.hardDelete(batch, killed, testContext())).rejects.toThrow('killed');
}

async function checkCount(
  connector: Required<Connector>,
  choices: Choices,
  subjects: readonly UserKey[],
  expected: Expected,
): Promise<void> {
  const counted = await connector.count(batchOfUsers(subjects, choices, 'c1'), 'data', testContext());
  const rows = Object.entries(counted.tables).map(([table, each]) => [table.replace(/^app\./, ''), each] as const);
  expect(withoutZeros(rows), 'the counted rows').toEqual(withoutZeros([...expected.counted]));
  expect(counted.presentSeqs, 'the subjects with rows').toEqual(expected.present);
}

const withoutZeros = (entries: readonly (readonly [string, number])[]): Record<string, number> =>
  Object.fromEntries(entries.filter(([, rows]) => rows > 0));

async function checkExport(
  connector: Required<Connector>,
  choices: Choices,
  state: State,
  key: UserKey,
): Promise<void> {
  const exported = await exportAll(connector, batchOfUsers([key], choices, 'e1'));
  const expected = exportOf(choices, state, key);
  const found = Object.fromEntries(
    Object.keys(tablesOf(choices.isComposite)).map((table) => [table, rowsOf(exported, `app.${table}`) as Row[]]),
  );
  const all = Object.fromEntries(Object.keys(found).map((table) => [table, expected[table] ?? []]));
  expect(canonical(found), `the export of ${key.join('-')}`).toEqual(canonical(all));
}

/** The figures of all ranges per table, without zeros. */
export function sumOf(ranges: readonly FinishedRange[]): Record<string, Record<string, number>> {
  const sum: Record<string, Record<string, number>> = {};
  const add = (table: string, name: string, rows: number): void => {
    if (rows === 0) return;
    const own = (sum[table.replace(/^app\./, '')] ??= {});
    own[name] = (own[name] ?? 0) + rows;
  };
  for (const { tables } of ranges)
    for (const { table, removed, retained, detached, anonymised } of tables) {
      add(table, 'removed', removed ?? 0);
      add(table, 'detached', detached ?? 0);
      add(table, 'anonymised', anonymised?.rows ?? 0);
      for (const { basis, rows } of retained) add(table, `retained: ${basis}`, rows);
    }
  return sum;
}

function checkFigures(ranges: readonly FinishedRange[], expected: Expected, isOneRange: boolean): void {
  const found = sumOf(ranges);
  const wanted = Object.fromEntries(
    [...expected.figures]
      .map(([table, figures]) => [table, modelSum(figures, found[table]?.['detached'] ?? 0, isOneRange)] as const)
      .filter(([, figures]) => Object.keys(figures).length > 0),
  );
  expect(found, 'the figures of the deletion').toEqual(wanted);
  const retained = new Map<string, number>();
  for (const { seq, basis, rows } of ranges.flatMap((range) => range.retained))
    retained.set(`${seq} ${basis}`, (retained.get(`${seq} ${basis}`) ?? 0) + rows);
  expect(Object.fromEntries(retained), 'the retained rows per subject').toEqual(
    Object.fromEntries(expected.retainedOf),
  );
}

function modelSum(figures: ModelFigures, detached: number, isOneRange: boolean): Record<string, number> {
  const most = figures.detached + (isOneRange ? 0 : figures.detachedLater);
  const isInside = detached >= figures.detached && detached <= most;
  return withoutZeros([
    ['removed', figures.removed],
    ['detached', isInside ? detached : figures.detached],
    ['anonymised', figures.anonymised],
    ...[...figures.retained].map(([basis, rows]) => [`retained: ${basis}`, rows] as const),
  ]);
}

/** Replaces each unknown value of the model by the value in the database, if equal rows have equal values. */
function knownValues(model: State, actual: State, { isComposite }: Choices): State {
  const values = new Map<string, Json>();
  const tables = tablesOf(isComposite);
  const replaced = Object.entries(model).map(([name, rows]) => {
    const found = new Map((actual[name] ?? []).map((row) => [keyOf(tables[name], row), row]));
    return [
      name,
      rows.map((row) =>
        Object.fromEntries(
          Object.entries(row).map(([column, value]) => {
            if (!isUnknown(value)) return [column, value];
            const is = found.get(keyOf(tables[name], row))?.[column] ?? null;
            const known = values.get(value.unknown) ?? is;
            values.set(value.unknown, known);
            return [column, /^(deleted-)?[0-9a-f]{32}$/.test(asText(known)) ? known : canonicalRow({ value })];
          }),
        ),
      ),
    ];
  });
  expect(new Set(values.values()).size, 'values of different subjects differ').toBe(values.size);
  return Object.fromEntries(replaced) as State;
}

const keyOf = (table: Table | undefined, row: Row): string =>
  [row['tenant_id'], row[table?.id ?? ''], row['at']].map((value = null) => asText(value)).join(' ');

const isUnknown = (value: Json): value is { readonly unknown: string } =>
  typeof value === 'object' && value !== null && 'unknown' in value;

const othersOf = (state: State, subjects: readonly UserKey[], { isComposite }: Choices): readonly UserKey[] =>
  (state['users'] ?? [])
    .map((row) => (isComposite ? [Number(row['tenant_id']), Number(row['user_id'])] : [Number(row['user_id'])]))
    .filter((key) => key.at(-1) !== 0 && !subjects.some((each) => each.join() === key.join()));

/** A batch with all identities of each subject. A ghost has only its key, because no directory resolves one. */
export function batchOfUsers(keys: readonly UserKey[], { isComposite }: Choices, name = 'b1'): Batch {
  const subjects = keys.map((key) => {
    const id = key.at(-1) ?? GHOST;
    const email = emailOf(isComposite ? (key[0] ?? 1) : 1, id)?.toLowerCase() ?? '';
    return [
      { type: isComposite ? KEY.composite : KEY.simple, value: key.map(String) },
      ...(id === GHOST ? [] : [{ type: 'email', value: [email] }]),
    ];
  });
  return batchOf(subjects, { batch: name });
}

/** Rows as sorted texts with sorted keys, so that two states compare as multisets. */
export const canonical = (state: State): Record<string, string[]> =>
  Object.fromEntries(Object.entries(state).map(([name, rows]) => [name, rows.map(canonicalRow).toSorted()]));

export const canonicalRow = (row: Row): string => JSON.stringify(sortKeys(row));

function sortKeys(value: Json): Json {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((each: Json) => sortKeys(each));
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, each]) => [key, sortKeys(each)]));
}
