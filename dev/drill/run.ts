import { setTimeout as sleep } from 'node:timers/promises';
import { createCaller } from './caller.ts';
import { runFault } from './faults.ts';
import { type Evidence, type Finding, inspect, inspectHeld, openRequests, openSuppressions } from './inspect.ts';
import { CLERK, addPeople } from './people.ts';
import { type Cycle, SCENARIOS } from './plan.ts';
import { type Person, applyCancel, runScenario } from './scenarios.ts';
import { startStack } from './stack.ts';
import { readRows } from './truth.ts';

const BYSTANDERS_PER_CYCLE = 2;
/** After so many cycles the drill waits until all requests have ended. */
const CYCLES_PER_ROUND = 20;
/** What has not ended in this time is stuck. Housekeeping, which recovers lost workflows, runs once a minute. */
const ENDS_WITHIN_MS = 300_000;

export interface Drill {
  readonly evidence: Evidence;
  run(plan: readonly Cycle[], report?: (line: string) => void): Promise<readonly Finding[]>;
  /** Compares again, for example after a row was changed by hand. */
  inspect(): Promise<readonly Finding[]>;
  stop(): Promise<void>;
}

export async function startDrill(): Promise<Drill> {
  const stack = await startStack();
  const record = { requests: [], holds: [], suppressions: [] };
  const evidence: Evidence = { stack, caller: createCaller(stack), record, people: new Map(), before: new Map() };
  const clerk = { n: CLERK, cycle: 0, fault: 'none', scenario: null, group: 'clerks', fate: 'kept' } as const;
  await addPeople(stack, [clerk]);
  evidence.people.set(CLERK, { ...clerk, suppressed: null });
  // Without a range, so that rows without an owner, such as a company, are compared too.
  for (const [key, row] of await readRows(stack)) evidence.before.set(key, row);
  return {
    evidence,
    run: (plan, report = () => {}) => runPlan(evidence, plan, report),
    inspect: () => inspect(evidence),
    stop: () => stack.stop(),
  };
}

async function runPlan(
  evidence: Evidence,
  plan: readonly Cycle[],
  report: (line: string) => void,
): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  let running: Promise<void>[] = [];
  for (const [index, cycle] of plan.entries()) {
    for (const name of await evidence.stack.supervise()) report(`${name} had ended by itself and is started again`);
    report(`cycle ${cycle.number}: ${cycle.fault}`);
    running.push(...(await runCycle(evidence, cycle, findings)));
    if ((index + 1) % CYCLES_PER_ROUND !== 0 && index + 1 < plan.length) continue;
    report('waiting until all requests have ended');
    await Promise.all(running);
    running = [];
    await evidence.stack.supervise();
    await settle(evidence, findings);
  }
  return [...findings, ...(await inspect(evidence))];
}

async function addToEvidence(evidence: Evidence, people: readonly Person[]): Promise<void> {
  await addPeople(evidence.stack, people);
  for (const person of people) evidence.people.set(person.n, person);
  const numbers = people.map(({ n }) => n);
  const rows = await readRows(evidence.stack, [Math.min(...numbers), Math.max(...numbers)]);
  for (const [key, row] of rows) evidence.before.set(key, row);
}

/** Returns when the fault is over. The scenarios continue. */
async function runCycle(evidence: Evidence, cycle: Cycle, findings: Finding[]): Promise<Promise<void>[]> {
  let n = evidence.people.size;
  const { number, fault } = cycle;
  const add = (size: number, scenario: Person['scenario'], group: string): Person[] =>
    Array.from({ length: size }, () => ({
      n: n++,
      cycle: number,
      fault,
      scenario,
      group,
      fate: 'kept',
      suppressed: null,
    }));
  const casts = cycle.scenarios.map((plan, index) => ({
    plan,
    people: add(SCENARIOS[plan.name], plan.name, `c${number}s${index}`),
  }));
  const people = [...casts.flatMap((cast) => cast.people), ...add(BYSTANDERS_PER_CYCLE, null, `c${number}`)];
  await addToEvidence(evidence, people);
  const running = casts.map(async (cast) => {
    try {
      await runScenario(evidence.caller, evidence.record, cast.plan, cast.people);
    } catch (error) {
      const reason = error instanceof Error ? error.message : 'failed';
      findings.push({ column: 'stuck', fault, detail: `cycle ${number}, ${cast.plan.name}: ${reason}` });
    }
  });
  await runFault(
    evidence.stack,
    cycle,
    people.map((person) => person.n),
  );
  return running;
}

/** Waits for all requests, with the holds first, then without them. */
async function settle(evidence: Evidence, findings: Finding[]): Promise<void> {
  const { caller, people, record, stack } = evidence;
  const underHold = [...people.values()].filter(({ afterHold, holdEnded }) => afterHold !== undefined && !holdEnded);
  const waiting = new Set(underHold);
  const held = record.requests.filter((request) => request.people.some((person) => waiting.has(person)));
  const heldIds = new Set(held.map(({ id }) => id));
  await untilEnded(evidence, heldIds);
  findings.push(...(await inspectHeld(evidence)));

  for (const person of underHold) {
    const { cancel } = person.afterHold ?? {};
    person.fate = 'deleted';
    person.holdEnded = true;
    if (cancel === undefined) continue;
    const answer = await caller.cancel(cancel.requestId, [cancel.position]);
    applyCancel(answer, cancel.requestId, [[person, cancel.position]]);
  }
  // From the ledger, because the answer to a call that placed a hold may be lost.
  const holds = await stack.sql.ledger<{ id: string }[]>`SELECT id FROM lethe.holds WHERE released_at IS NULL`;
  for (const { id } of holds) await caller.release(id);

  await untilEnded(evidence);
  await askLedger(evidence);
}

/** Waits until all requests but these have ended. What is stuck is found later. */
async function untilEnded({ stack }: Evidence, except: ReadonlySet<string> = new Set()): Promise<void> {
  for (const end = Date.now() + ENDS_WITHIN_MS; Date.now() < end; await sleep(250)) {
    const open = [...(await openRequests(stack)).keys()].filter((id) => !except.has(id));
    if (open.length > 0) continue;
    // A deletion that waits for the end of a hold may have its suppressions still to come.
    if (except.size > 0 || (await openSuppressions(stack)).length === 0) return;
  }
}

/** Decides the fates that no answer reported, by the state of the subject in the ledger. */
async function askLedger({ people, stack }: Evidence): Promise<void> {
  for (const person of people.values()) {
    if (person.fate !== 'ask' || person.ask === undefined) continue;
    const { requestId, position } = person.ask;
    const states = await stack.sql.ledger<{ state: string }[]>`
      SELECT state FROM lethe.matches JOIN lethe.subjects USING (request_id, seq)
      WHERE request_id = ${requestId} AND position = ${position}`;
    person.fate = states.some(({ state }) => state === 'deleted') ? 'deleted' : 'kept';
  }
}
