import { setTimeout as sleep } from 'node:timers/promises';
import type { Cancelled, Caller } from './caller.ts';
import { type Identity, identityOf } from './people.ts';
import type { Fault, PlannedScenario, ScenarioName } from './plan.ts';

/**
 * What has to become of a person's rows. `ask`: the answer that would tell was lost, so the ledger tells, and the rows
 * have to agree. `held`: a hold protects the person until the drill ends it, as `afterHold` says.
 */
export type Fate = 'kept' | 'deleted' | 'sources' | 'categories' | 'held' | 'ask';

export interface Person {
  readonly n: number;
  readonly cycle: number;
  readonly fault: Fault;
  /** Null for a bystander, who is in no request. */
  readonly scenario: ScenarioName | null;
  readonly group: string;
  fate: Fate;
  /** The position in the request that decides, for `ask`. */
  ask?: { readonly requestId: string; readonly position: number };
  afterHold?: { readonly holdId: string; readonly cancel?: { readonly requestId: string; readonly position: number } };
  /** Whether the drill has ended the hold. */
  holdEnded?: boolean;
  /** Whether every system has to refuse the person. Null where either is right. */
  suppressed: boolean | null;
  /** The position that suppresses a person that another request may have deleted before. */
  suppressedBy?: { readonly requestId: string; readonly position: number; readonly identity: Identity };
}

export interface SentRequest {
  readonly id: string;
  readonly kind: 'deletion' | 'export';
  readonly cycle: number;
  readonly fault: Fault;
  /** Requests of one group share subjects, so their receipts are compared in sum. */
  readonly group: string;
  readonly people: readonly Person[];
}

/** What the API has accepted. */
export interface Record {
  readonly requests: SentRequest[];
  readonly holds: { readonly id: string; readonly fault: Fault; readonly cycle: number }[];
  readonly suppressions: { readonly id: string; readonly fault: Fault; readonly cycle: number }[];
}

interface Context {
  readonly caller: Caller;
  readonly record: Record;
  readonly people: readonly Person[];
  /** Waits for the planned time between two calls. */
  pause(): Promise<void>;
  /** Deletes the people, named by identities of several types. */
  remove(people: readonly Person[], more?: object, subjects?: object): Promise<string>;
  /** Exports the people. */
  collect(people: readonly Person[]): Promise<string>;
  hold(person: Person): Promise<{ id: string; verdict: Fate }>;
}

export async function runScenario(
  caller: Caller,
  record: Record,
  plan: PlannedScenario,
  people: readonly Person[],
): Promise<void> {
  const [first] = people;
  if (first === undefined) return;
  const { cycle, fault, group } = first;
  const send = async (kind: SentRequest['kind'], named: readonly Person[], more: object, subjects?: object) => {
    const identities = named.map((person, index) => identityOf(person.n, person.n + index));
    const body = { kind, subjects: subjects ?? { kind: 'user', identities }, ...more };
    const id = await caller.submit(body as Parameters<Caller['submit']>[0]);
    record.requests.push({ id, kind, cycle, fault, group, people: named });
    return id;
  };
  await sleep(plan.delayMs);
  await SCENARIOS[plan.name]({
    caller,
    record,
    people,
    pause: () => sleep(plan.pauseMs),
    remove: (named, more = {}, subjects) => send('deletion', named, more, subjects),
    collect: (named) => send('export', named, {}),
    async hold(person) {
      const hold = await caller.hold([identityOf(person.n, person.n + 1)], `drill-${group}-${person.n}`);
      record.holds.push({ id: hold.id, fault, cycle });
      return hold;
    },
  });
}

const settle = (people: readonly Person[], fate: Fate): void => people.forEach((person) => (person.fate = fate));

export function applyCancel(answer: Cancelled, requestId: string, named: readonly (readonly [Person, number])[]): void {
  for (const [person, position] of named) {
    if (answer === 'unknown') Object.assign(person, { fate: 'ask', ask: { requestId, position } });
    else person.fate = answer.tooLate.includes(position) ? 'deleted' : 'kept';
    person.suppressed = null;
  }
}

const SCENARIOS: { readonly [Name in ScenarioName]: (context: Context) => Promise<void> } = {
  async deletion({ people, remove }) {
    settle(people, 'deleted');
    await remove(people);
  },

  async suppressNow({ people, remove }) {
    settle(people, 'deleted');
    await remove(people, { suppress: true, expedite: { when: 'now', reason: 'drill' } });
    for (const person of people) person.suppressed = true;
  },

  async cancelAll({ people, remove, pause, caller }) {
    settle(people, 'ask');
    const id = await remove(people);
    await pause();
    applyCancel(
      await caller.cancel(id),
      id,
      people.map((person, index) => [person, index + 1] as const),
    );
  },

  async cancelPart({ people, remove, pause, caller }) {
    settle(people, 'deleted');
    const id = await remove(people, { suppress: true });
    await pause();
    const chosen = people.map((person, index) => [person, index + 1] as const).filter((_, index) => index % 2 === 1);
    applyCancel(
      await caller.cancel(
        id,
        chosen.map(([, position]) => position),
      ),
      id,
      chosen,
    );
    for (const person of people) if (person.fate === 'deleted') person.suppressed = true;
  },

  async clearSources({ people, remove }) {
    settle(people, 'sources');
    await remove(people, { scope: 'sources' });
  },

  async clearCategories({ people, remove }) {
    settle(people, 'categories');
    await remove(people, { scope: 'categories' });
  },

  async export({ people, collect }) {
    await collect(people);
  },

  async holdFirst({ people, remove, hold }) {
    const [, held] = people;
    settle(people, 'deleted');
    if (held === undefined) return;
    const { id } = await hold(held);
    Object.assign(held, { fate: 'held', afterHold: { holdId: id } });
    await remove(people, { suppress: true });
    for (const person of people) person.suppressed = true;
  },

  async holdRace({ people, remove, pause, hold }) {
    settle(people, 'deleted');
    const requestId = await remove(people);
    await pause();
    for (const [index, person] of people.entries()) {
      const { id: holdId, verdict } = await hold(person);
      Object.assign(person, { fate: verdict, ask: { requestId, position: index + 1 }, afterHold: { holdId } });
    }
  },

  async holdThenCancel({ people, remove, hold }) {
    const [held] = people;
    settle(people, 'deleted');
    if (held === undefined) return;
    const { id: holdId } = await hold(held);
    held.fate = 'held';
    const requestId = await remove(people);
    held.afterHold = { holdId, cancel: { requestId, position: 1 } };
  },

  async attach({ people, remove, pause }) {
    settle(people, 'deleted');
    await remove(people.slice(0, 2));
    await pause();
    const late = people.slice(1);
    const requestId = await remove(late, { suppress: true });
    for (const [index, person] of late.entries())
      Object.assign(person, {
        suppressed: true,
        suppressedBy: { requestId, position: index + 1, identity: identityOf(person.n, person.n + index) },
      });
  },

  async attachThenCancel({ people, remove, pause, caller }) {
    settle(people, 'deleted');
    const owner = await remove(people);
    await remove(people, { suppress: true });
    await pause();
    await caller.cancel(owner);
    for (const person of people) person.suppressed = true;
  },

  async suppression({ people, caller, pause, record }) {
    for (const person of people) {
      const { cycle, fault } = person;
      const id = await caller.suppress(identityOf(person.n, 0));
      record.suppressions.push({ id, cycle, fault });
      person.suppressed = true;
    }
    const [, lifted] = people;
    if (lifted === undefined) return;
    await pause();
    await caller.lift(identityOf(lifted.n, 0));
    lifted.suppressed = false;
  },

  async confirm({ people, remove, caller }) {
    settle(people, 'ask');
    const id = await remove(people, { confirm: true });
    await caller.confirm(id, await caller.countedSubjects(id));
    settle(people, 'deleted');
  },

  async dryRun({ people, remove, caller }) {
    const id = await remove(people, { confirm: true });
    await caller.countedSubjects(id);
    await caller.cancel(id);
  },

  async segment({ people, remove }) {
    settle(people, 'deleted');
    await remove(people, {}, { kind: 'user', segment: people[0]?.group });
  },

  async expedite({ people, remove, pause, caller }) {
    settle(people, 'deleted');
    const id = await remove(people);
    await pause();
    await caller.expedite(id);
  },

  async exportFirst({ people, remove }) {
    settle(people, 'deleted');
    await remove(people, { exportFirst: true });
  },

  async exportThenDelete({ people, remove, collect }) {
    await collect(people);
    const deleted = people.slice(0, 1);
    settle(deleted, 'deleted');
    await remove(deleted);
  },
};
