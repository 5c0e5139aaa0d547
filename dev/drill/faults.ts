import { existsSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import postgres from 'postgres';
import { keyOf } from './people.ts';
import type { Cycle, Fault } from './plan.ts';
import { type Component, type DatabaseName, DRILL_SESSION, type Stack } from './stack.ts';

/** Breaks something for the planned time and repairs it. Workers that start again are not awaited. */
export async function runFault(stack: Stack, cycle: Cycle, people: readonly number[]): Promise<void> {
  await sleep(cycle.faultAfterMs);
  await FAULTS[cycle.fault](stack, cycle, people);
}

type RunFault = (stack: Stack, cycle: Cycle, people: readonly number[]) => Promise<void>;

const choose = <Choice>(choices: readonly [Choice, ...Choice[]], { target }: Cycle): Choice =>
  choices[Math.floor(target * choices.length)] ?? choices[0];
const WORKERS = ['worker1', 'worker2'] as const;
const PROCESSES = ['api', ...WORKERS] as const;
const SYSTEMS = ['crm', 'app'] as const;
const DATABASES = ['ledger', 'crm', 'app'] as const;

const kill =
  (chosen: (cycle: Cycle) => Component): RunFault =>
  async (stack, cycle) => {
    await stack.kill(chosen(cycle));
    await sleep(cycle.faultForMs);
    await stack.restart(chosen(cycle));
  };

const pause =
  (chosen: (cycle: Cycle) => Component): RunFault =>
  async (stack, cycle) => {
    stack.suspend(chosen(cycle), true);
    try {
      await sleep(cycle.faultForMs);
    } finally {
      stack.suspend(chosen(cycle), false);
    }
  };

const FAULTS: { readonly [Name in Fault]: RunFault } = {
  none: async (_stack, cycle) => sleep(cycle.faultForMs),
  'API killed': kill(() => 'api'),
  'API paused': pause(() => 'api'),
  'worker killed': kill((cycle) => choose(WORKERS, cycle)),
  'worker paused': pause((cycle) => choose(WORKERS, cycle)),
  'Temporal killed': kill(() => 'temporal'),
  'Temporal paused': pause(() => 'temporal'),
  'ledger killed': kill(() => 'ledger'),
  'ledger paused': pause(() => 'ledger'),
  'system killed': kill((cycle) => choose(SYSTEMS, cycle)),
  'system paused': pause((cycle) => choose(SYSTEMS, cycle)),
  'archives full': (stack, cycle) =>
    stack.archivesAreSmall ? fillArchives(stack, cycle) : replaceArchives(stack, cycle),
  'connections taken': takeConnections,
  'rows locked': (stack, cycle, people) =>
    holdLocks(stack, cycle, {
      app: `SELECT FROM app.users WHERE user_id = ANY (ARRAY[${namesOf(people)}]) FOR UPDATE`,
      crm: `SELECT FROM crm.contacts WHERE user_id = ANY (ARRAY[${namesOf(people)}]) FOR UPDATE`,
    }),
  'table locked': (stack, cycle) =>
    holdLocks(stack, cycle, {
      app: 'LOCK TABLE app.orders IN ACCESS EXCLUSIVE MODE',
      crm: 'LOCK TABLE crm.notes IN ACCESS EXCLUSIVE MODE',
    }),
  'clock moved': moveClock,
};

const namesOf = (people: readonly number[]): string => people.map((n) => `'${keyOf(n)}'`).join(', ');

/** Writes until the operating system answers ENOSPC. */
async function fillArchives({ archives }: Stack, { faultForMs }: Cycle): Promise<void> {
  const filler = `${archives}/filler`;
  const piece = Buffer.alloc(64 << 10);
  try {
    for (;;) writeFileSync(filler, piece, { flag: 'a' });
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error;
  }
  await sleep(faultForMs);
  rmSync(filler);
}

/** Where the drill may not mount a small file system, a file stands in the place of the folder (ENOTDIR). */
async function replaceArchives({ archives }: Stack, { faultForMs }: Cycle): Promise<void> {
  const away = `${archives}.away`;
  renameSync(archives, away);
  writeFileSync(archives, '');
  await sleep(faultForMs);
  rmSync(archives);
  if (existsSync(away)) renameSync(away, archives);
}

/** Ends Lethe's connections and opens others until the server refuses more, so that Lethe cannot come back. */
async function takeConnections(stack: Stack, cycle: Cycle): Promise<void> {
  const name: DatabaseName = choose(DATABASES, cycle);
  const clients: postgres.Sql[] = [];
  try {
    for (let isFull = false; !isFull;) {
      await stack.sql[name]`
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE backend_type = 'client backend' AND application_name <> ${DRILL_SESSION}`;
      const more = Array.from({ length: 10 }, () => connectOnce(stack.urls[name]));
      clients.push(...more);
      const results = await Promise.allSettled(more.map((client) => client`SELECT 1`));
      isFull = results.some(({ status }) => status === 'rejected');
    }
    await sleep(cycle.faultForMs);
  } finally {
    await Promise.all(clients.map((client) => client.end({ timeout: 0 })));
  }
}

const connectOnce = (url: string): postgres.Sql =>
  postgres(url, { max: 1, connect_timeout: 5, onnotice: () => {}, connection: { application_name: DRILL_SESSION } });

/** A session of the application that locks what Lethe needs, and ends without a change. */
async function holdLocks(
  stack: Stack,
  cycle: Cycle,
  statements: Readonly<Record<'app' | 'crm', string>>,
): Promise<void> {
  const name = choose(SYSTEMS, cycle);
  const session = await stack.sql[name].reserve();
  try {
    await session`BEGIN`;
    await session.unsafe(statements[name]);
    await sleep(cycle.faultForMs * 2);
    await session`ROLLBACK`;
  } finally {
    session.release();
  }
}

/** Moves the clock of the API, or of one worker, by up to a minute forward or back, and sets it right afterward. */
async function moveClock(stack: Stack, cycle: Cycle): Promise<void> {
  const component = choose(PROCESSES, cycle);
  const offsetMs = (cycle.faultForMs % 2 === 0 ? 1 : -1) * cycle.faultForMs * 20;
  await stack.moveClock(component, offsetMs);
  await sleep(cycle.faultForMs);
  await stack.moveClock(component, 0);
}
