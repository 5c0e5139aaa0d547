import { appendFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { COLUMNS, type Finding } from '../../../dev/drill/inspect.ts';
import { CANARY, keyOf } from '../../../dev/drill/people.ts';
import { planOf } from '../../../dev/drill/plan.ts';
import { type Drill, startDrill } from '../../../dev/drill/run.ts';
import type { Person } from '../../../dev/drill/scenarios.ts';
import { drawTable } from '../../../dev/drill/table.ts';

const SEED = 7;
const CYCLES = 10;
/** Half as many as in a drill of its own, and still every scenario once. */
const SCENARIOS_PER_CYCLE = 3;
const PLAN = planOf(SEED, CYCLES, SCENARIOS_PER_CYCLE);
let drill: Drill;

beforeAll(async () => {
  drill = await startDrill();
}, 120_000);
afterAll(() => drill.stop(), 60_000);

const person = (isWanted: (each: Person) => boolean): Person => {
  const found = [...drill.evidence.people.values()].find(isWanted);
  if (found === undefined) throw new Error('the plan has no such person');
  return found;
};
const countsOf = (findings: readonly Finding[]): Record<string, number> =>
  Object.fromEntries(COLUMNS.map((column) => [column, findings.filter((each) => each.column === column).length]));

test(
  'finds nothing lost, left, touched, forged or leaked after ten cycles of faults',
  { timeout: 900_000 },
  async () => {
    const findings = await drill.run(PLAN);
    expect(findings).toEqual([]);
    const { record, people, caller } = drill.evidence;
    expect(record.requests.length).toBeGreaterThan(CYCLES * 2);
    expect(record.holds.length).toBeGreaterThan(0);
    expect(caller.internalErrors).toEqual([]);
    // Every fate occurs, so that no comparison was idle.
    const fates = new Set([...people.values()].map(({ fate }) => fate));
    expect([...fates].toSorted()).toEqual(['categories', 'deleted', 'kept', 'sources']);
  },
);

test('counts each kind of damage in its own column', { timeout: 120_000 }, async () => {
  const { stack, record } = drill.evidence;
  const { ledger, app, crm } = stack.sql;
  const deleted = person(({ fate, scenario }) => fate === 'deleted' && scenario === 'deletion');
  const suppressed = person(
    ({ fate, suppressed: is, suppressedBy: by }) => fate === 'deleted' && is === true && by === undefined,
  );
  const kept = person(({ scenario }) => scenario === 'export');
  const bystander = person(({ scenario, cycle }) => scenario === null && cycle > 0);
  const [request, open] = record.requests.filter(({ people }) => people.some(({ fate }) => fate === 'deleted'));
  const [hold] = record.holds;

  // A hold that the API has accepted is gone.
  await ledger`DELETE FROM lethe.hold_digests WHERE hold_id = ${hold?.id ?? ''}`;
  await ledger`DELETE FROM lethe.holds WHERE id = ${hold?.id ?? ''}`;
  // A row of a deleted person is back.
  await app`INSERT INTO app.aliases VALUES (${`${CANARY}-p${deleted.n}-alias`}, ${keyOf(deleted.n)})`;
  // A person who was only exported has lost a value, and is counted once however many rows have changed.
  await app`UPDATE app.users SET name = NULL WHERE user_id = ${keyOf(kept.n)}`;
  await crm`UPDATE crm.payments SET account = NULL WHERE user_id = ${keyOf(kept.n)}`;
  // Rows of a person without a request are gone, hidden, or new.
  await app`DELETE FROM app.newsletter WHERE email = ${`${CANARY}-p${bystander.n}-mail@X.test`}`;
  await crm`UPDATE crm.contacts SET hidden_at = now() WHERE user_id = ${keyOf(bystander.n)}`;
  await crm`INSERT INTO crm.notes VALUES (-1, ${keyOf(bystander.n)}, 'new', 'new')`;
  // A receipt counts fewer rows than were deleted.
  await ledger`DELETE FROM lethe.system_ranges WHERE request_id = ${request?.id ?? ''} AND system = 'crm'`;
  // One system no longer refuses the person.
  await crm`DELETE FROM lethe_system.suppressions WHERE digest = lethe_system.digest('drill/crm', 'user', 'user_id', ARRAY[${keyOf(suppressed.n)}])`;
  // An identity is in the ledger, in a log and in the storage.
  await ledger`INSERT INTO lethe.slots VALUES (${`x-${CANARY}`}, now())`;
  appendFileSync(stack.logs[0] ?? '', Buffer.from(`x${CANARY}`).toString('base64'));
  writeFileSync(join(stack.archives, 'clear.ndjson'), JSON.stringify({ user_id: keyOf(kept.n) }));
  // A request has not ended.
  await ledger`UPDATE lethe.requests SET status = 'grace', concluded_at = NULL WHERE id = ${open?.id ?? ''}`;

  const findings = await drill.inspect();
  expect(countsOf(findings)).toEqual({
    lost: 1,
    'owed but left': 1,
    touched: 1,
    'bystanders changed': 3,
    'receipts wrong': 1,
    'suppressions missing': 1,
    canaries: 3,
    stuck: 1,
  });
  // Findings name requests and scenarios, never a person.
  expect(JSON.stringify(findings)).not.toContain(`${CANARY}-p`);
  const total = drawTable(PLAN, record.requests, findings).split('\n').at(-1);
  expect(total).toMatch(new RegExp(`^total +10 +${record.requests.length} +1 +1 +1 +3 +1 +1 +3 +1$`));
});
