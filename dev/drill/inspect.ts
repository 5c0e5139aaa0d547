import { LetheProblem } from '../../client/index.ts';
import { findCanaries } from './canaries.ts';
import type { Caller } from './caller.ts';
import { keyOf } from './people.ts';
import type { Fault } from './plan.ts';
import type { Person, Record, SentRequest } from './scenarios.ts';
import { SYSTEMS, type Stack } from './stack.ts';
import { FIGURES, type RowComparison, type Rows, compareRows, countRows, readRows } from './truth.ts';

export const COLUMNS = [
  'lost',
  'owed but left',
  'touched',
  'bystanders changed',
  'receipts wrong',
  'suppressions missing',
  'canaries',
  'stuck',
] as const;
export type Column = (typeof COLUMNS)[number];

export interface Finding {
  readonly column: Column;
  /** Null if the finding belongs to no single cycle. */
  readonly fault: Fault | null;
  /** Names cycles, scenarios and ids, never a person. */
  readonly detail: string;
}

/** What the drill did and what it knows. */
export interface Evidence {
  readonly stack: Stack;
  readonly caller: Caller;
  readonly record: Record;
  readonly people: Map<number, Person>;
  /** Every row as it was before the requests of its cycle. */
  readonly before: Map<string, Rows extends ReadonlyMap<string, infer Row> ? Row : never>;
}

/** Compares everything. Runs when all requests should have ended. Changes nothing. */
export async function inspect(evidence: Evidence): Promise<readonly Finding[]> {
  const comparison = compareRows(evidence.before, await readRows(evidence.stack), evidence.people);
  return [
    ...(await findLost(evidence)),
    ...rowFindings(evidence, comparison),
    ...(await findWrongReceipts(evidence, comparison)),
    ...(await findMissingSuppressions(evidence)),
    ...(await findCanaries(evidence.stack)).map((detail): Finding => ({
      column: 'canaries',
      fault: null,
      detail: withoutText(detail),
    })),
    ...(await findStuck(evidence)),
  ];
}

/** Of everybody: only whether people under a hold are as they were. Runs while the holds are in effect. */
export async function inspectHeld(evidence: Evidence): Promise<readonly Finding[]> {
  const comparison = compareRows(evidence.before, await readRows(evidence.stack), evidence.people);
  const isHeld = (n: number): boolean => evidence.people.get(n)?.fate === 'held';
  return comparison.touched.filter(isHeld).map((n) => findingOf(evidence, 'touched', n));
}

function rowFindings(evidence: Evidence, { left, touched, bystanderRows }: RowComparison): Finding[] {
  return [
    ...left.map((n) => findingOf(evidence, 'owed but left', n)),
    ...touched.map((n) => findingOf(evidence, 'touched', n)),
    ...Array.from({ length: bystanderRows }, (): Finding => {
      return { column: 'bystanders changed', fault: null, detail: 'a row of a person without a request' };
    }),
  ];
}

function findingOf({ people, record }: Evidence, column: Column, n: number): Finding {
  const person = people.get(n);
  const requests = record.requests.filter((request) => request.people.some((each) => each.n === n));
  const ids = requests.map(({ id }) => id).join(', ');
  const detail = `cycle ${person?.cycle}, ${person?.scenario ?? 'bystander'}, ${person?.fate}: ${ids}`;
  return { column, fault: person?.fault ?? null, detail };
}

/** Accepted by the API and not in the ledger, or in the ledger and never accepted: an idempotency key that did not hold. */
async function findLost({ stack, record }: Evidence): Promise<Finding[]> {
  const ids = async (statement: string): Promise<ReadonlySet<string>> =>
    new Set((await stack.sql.ledger.unsafe<{ id: string }[]>(statement)).map(({ id }) => id));
  const stored = await ids('SELECT id FROM lethe.requests WHERE backup_of IS NULL');
  const accepted = new Set(record.requests.map(({ id }) => id));
  const missing = (known: ReadonlySet<string>, all: readonly { id: string; fault: Fault; cycle: number }[]) =>
    all
      .filter(({ id }) => !known.has(id))
      .map(({ id, fault, cycle }): Finding => ({ column: 'lost', fault, detail: `cycle ${cycle}: ${id}` }));
  return [
    ...missing(stored, record.requests),
    ...missing(await ids('SELECT id FROM lethe.holds'), record.holds),
    ...missing(await ids('SELECT id FROM lethe.suppressions'), record.suppressions),
    ...[...stored]
      .filter((id) => !accepted.has(id))
      .map((id): Finding => ({ column: 'lost', fault: null, detail: `${id} was created and its call never answered` })),
  ];
}

async function findWrongReceipts(evidence: Evidence, comparison: RowComparison): Promise<Finding[]> {
  const groups = Map.groupBy(
    evidence.record.requests.filter(({ kind }) => kind === 'deletion'),
    ({ group }) => group,
  );
  const findings: Finding[] = [];
  for (const requests of groups.values()) {
    const named = new Set(requests.flatMap(({ people }) => people.map(({ n }) => n)));
    const truth = sumUp([...named].map((n) => comparison.happened.get(n) ?? new Map()));
    const reported = sumUp(await Promise.all(requests.map((request) => readReceipt(evidence, request))));
    const difference = differenceOf(truth, reported);
    const [first] = requests;
    if (difference === null || first === undefined) continue;
    const ids = requests.map(({ id }) => id).join(', ');
    findings.push({
      column: 'receipts wrong',
      fault: first.fault,
      detail: `cycle ${first.cycle}: ${ids}: ${difference}`,
    });
  }
  for (const request of evidence.record.requests.filter(({ kind }) => kind === 'export')) {
    const difference = await compareArchive(evidence, request);
    if (difference === null) continue;
    const detail = `cycle ${request.cycle}: ${request.id}: ${difference}`;
    findings.push({ column: 'receipts wrong', fault: request.fault, detail });
  }
  return findings;
}

type Sums = ReadonlyMap<string, number>;

function sumUp(
  all: readonly ReadonlyMap<string, Partial<globalThis.Record<(typeof FIGURES)[number], number>>>[],
): Sums {
  const sums = new Map<string, number>();
  for (const [table, figures] of all.flatMap((tables) => [...tables]))
    for (const figure of FIGURES) {
      const rows = figures[figure] ?? 0;
      if (rows > 0) sums.set(`${table} ${figure}`, (sums.get(`${table} ${figure}`) ?? 0) + rows);
    }
  return sums;
}

/** What a receipt says, by `system table`. A request without a claim has none, and reports nothing. */
async function readReceipt({ caller }: Evidence, { id }: SentRequest) {
  try {
    const receipt = await caller.receipt(id);
    if (receipt.kind !== 'deletion') return new Map();
    return new Map(
      receipt.systems.flatMap(({ system, tables }) =>
        tables.map(({ table, removed, blanked, detached, retained }) => {
          const kept = retained.reduce((sum, { rows }) => sum + rows, 0);
          return [`${system} ${table}`, { removed, blanked, detached, retained: kept }] as const;
        }),
      ),
    );
  } catch (error) {
    if (error instanceof LetheProblem && error.code === 'no_receipt_yet') return new Map();
    throw error;
  }
}

/** Compares the manifest of a ready archive without deleted people. Null if it is right. */
async function compareArchive(evidence: Evidence, { id, people }: SentRequest): Promise<string | null> {
  if (people.some(({ fate }) => fate !== 'kept')) return null;
  if ((await evidence.caller.status(id)).status !== 'ready') return 'the archive is not ready';
  const receipt = await evidence.caller.receipt(id);
  if (receipt.kind !== 'export') return 'it is no manifest';
  const truth = countRows(
    evidence.before,
    people.map(({ n }) => n),
  );
  const reported = new Map(receipt.files.map(({ system, table, rows }) => [`${system} ${table}`, rows]));
  return differenceOf(truth, new Map([...reported].filter(([, rows]) => rows > 0)));
}

function differenceOf(truth: Sums, reported: Sums): string | null {
  const names = [...new Set([...truth.keys(), ...reported.keys()])].filter(
    (name) => truth.get(name) !== reported.get(name),
  );
  const differences = names.map((name) => `${name} is ${truth.get(name) ?? 0}, not ${reported.get(name) ?? 0}`);
  return differences.length === 0 ? null : differences.join('; ');
}

async function findMissingSuppressions(evidence: Evidence): Promise<Finding[]> {
  const decided = [...evidence.people.values()].filter(
    ({ suppressed, fate, scenario }) => suppressed !== null && (fate === 'deleted' || scenario === 'suppression'),
  );
  const findings: Finding[] = [];
  const missing = (person: Person, system: string): void => {
    const finding = findingOf(evidence, 'suppressions missing', person.n);
    findings.push({ ...finding, detail: `${finding.detail}, in ${system}` });
  };
  const late = await findLate(evidence, decided);
  const known = decided.filter((person) => !late.includes(person));
  for (const system of SYSTEMS) {
    const keys = known.map(({ n }) => keyOf(n));
    const rows = await evidence.stack.sql[system]<{ key: string }[]>`
      SELECT key FROM unnest(${keys}::text[]) AS key WHERE lethe_system.is_suppressed('user', key)`;
    const refused = new Set(rows.map(({ key }) => key));
    for (const person of known) if (refused.has(keyOf(person.n)) !== person.suppressed) missing(person, system);
  }
  for (const person of late) {
    const { type = '', value = [] } = person.suppressedBy?.identity ?? {};
    const [row] = await evidence.stack.sql.app<{ isRefused: boolean }[]>`
      SELECT lethe_system.is_suppressed('user', ${type}, VARIADIC ${[value].flat()}::text[]) AS "isRefused"`;
    if (row?.isRefused !== true) missing(person, 'app');
  }
  return findings;
}

/**
 * The people that the suppressing request did not find, because another request had deleted them before. It knows no
 * key of theirs and suppresses the identity that it names. Only `app` knows every type.
 */
async function findLate({ stack }: Evidence, people: readonly Person[]): Promise<readonly Person[]> {
  const rows = await stack.sql.ledger<{ key: string }[]>`
    SELECT concat_ws(' ', request_id, position) AS key FROM lethe.matches JOIN lethe.subjects USING (request_id, seq)
    WHERE state = 'not_found'`;
  const notFound = new Set(rows.map(({ key }) => key));
  return people.filter(({ suppressedBy: by }) => by !== undefined && notFound.has(`${by.requestId} ${by.position}`));
}

async function findStuck({ stack, record }: Evidence): Promise<Finding[]> {
  const open = await openRequests(stack);
  const faults = new Map(record.requests.map(({ id, fault, cycle }) => [id, { fault, cycle }]));
  const pending = await openSuppressions(stack);
  return [
    ...[...open].map(([id, status]): Finding => {
      const { fault = null, cycle = 'unknown' } = faults.get(id) ?? {};
      return { column: 'stuck', fault, detail: `cycle ${cycle}: ${id} is ${status}` };
    }),
    ...pending.map((id): Finding => ({ column: 'stuck', fault: null, detail: `${id} is not in every system` })),
  ];
}

const ENDED = ['completed', 'not_found', 'partially_completed', 'cancelled', 'failed', 'ready', 'expired'];

/** The status, the attention and the waits of each request that has not ended. */
export async function openRequests({ sql }: Stack): Promise<ReadonlyMap<string, string>> {
  const open = await sql.ledger<{ id: string; status: string }[]>`
    SELECT id, concat_ws(', ', status, (SELECT string_agg(concat_ws(' ', system, step, code, 'retried at', retry_at), ', ')
                                        FROM lethe.attention WHERE request_id = id),
                     (SELECT string_agg(concat_ws(' ', system, step, code, 'until', until), ', ') FROM lethe.waits WHERE request_id = id)) AS status
    FROM lethe.requests WHERE status <> ALL (${ENDED})`;
  return new Map(open.map(({ id, status }) => [id, status]));
}

export async function openSuppressions({ sql }: Stack): Promise<readonly string[]> {
  const rows = await sql.ledger<{ id: string }[]>`SELECT id FROM lethe.suppressions WHERE propagated_at IS NULL`;
  return rows.map(({ id }) => id);
}

/** Leaves out what surrounds the canary: it would be a person's value. */
const withoutText = (match: string): string => match.slice(0, match.lastIndexOf(': …'));
