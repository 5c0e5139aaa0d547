import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Sql } from 'postgres';
import { beforeAll, expect, test } from 'vitest';
import { startTemporal } from '../../../dev/embedded/temporal/temporal.ts';
import { ledgerDatabase } from '../../support/databases.ts';
import { createDatabase } from '../../support/servers/postgres.ts';
import { sized } from '../../support/size.ts';
import {
  connectUnlogged,
  createCaller,
  onCleanup,
  prepareApp,
  type Service,
  startService,
  waitUntil,
  waitUntilPolling,
} from '../support/service.ts';

// `npm run test:large -- test/e2e/burst` prints times. TEMPORAL_ADDRESS names another server than the development server.
const COUNTING = sized(40, 2_000);
const WITHIN_MS = sized(0, 60_000);
const CALLERS = 20;

let service: Service;
let ledger: Sql;
let app: Sql;

beforeAll(async () => {
  const [{ url: ledgerUrl }, { url: appUrl }] = await Promise.all([ledgerDatabase(), createDatabase()]);
  app = await prepareApp(appUrl);
  ledger = connectUnlogged(ledgerUrl);
  await app`INSERT INTO app.users
    SELECT 'b-' || n, gen_random_uuid(), 'ext-' || n, 'b-' || n || '@example.test', 'berlin', 'N', '2025-01-01'
    FROM generate_series(0, ${COUNTING}) n`;
  let { TEMPORAL_ADDRESS: temporalAddress } = process.env;
  if (temporalAddress === undefined) {
    const temporal = await startTemporal();
    onCleanup(() => temporal.stop());
    temporalAddress = temporal.address;
  }
  service = await startService({
    ledgerUrl,
    appUrl,
    temporalAddress,
    config: join(import.meta.dirname, 'lethe.config.ts'),
  });
  await waitUntilPolling(await service.startWorker());
}, 180_000);

const identities = (n: number) => ({ kind: 'user', identities: [{ type: 'user_id', value: `b-${n}` }] });

/** Sends calls, spread over `WITHIN_MS`, from a few callers at a time. */
async function sendAll(count: number, send: (n: number) => Promise<unknown>): Promise<void> {
  const startedAt = performance.now();
  const numbers = Array.from({ length: count }, (_, n) => n + 1).values();
  const callNext = async () => {
    for (const n of numbers) {
      await sleep(Math.max(0, startedAt + (n / count) * WITHIN_MS - performance.now()));
      await send(n);
    }
  };
  await Promise.all(Array.from({ length: CALLERS }, callNext));
}

const countOf = async (condition: string): Promise<number> => {
  const [row] = await ledger<{ count: number }[]>`
    SELECT count(*)::integer AS count FROM lethe.requests WHERE confirm AND ${ledger.unsafe(condition)}`;
  return row?.count ?? 0;
};
const isHidden = async (id: string): Promise<boolean> => {
  const [row] = await app`SELECT deleted_at IS NOT NULL AS hidden FROM app.users WHERE user_id = ${id}`;
  return row?.['hidden'] === true;
};
const print = (text: string, since: number): void => {
  if (sized(false, true)) console.log(`${text}: ${((performance.now() - since) / 1_000).toFixed(1)} s`);
};

test(
  'hides the subject of a deletion while requests that only count and were sent before it are still pending',
  { timeout: 900_000 },
  async () => {
    const caller = createCaller(service);
    let since = performance.now();
    await sendAll(COUNTING, (n) => caller.submit(identities(n), { confirm: true }));
    print(`${COUNTING} requests accepted`, since);

    since = performance.now();
    const deletion = await caller.submit(identities(0));
    const accepted = performance.now();
    await waitUntil('the subject is hidden', () => isHidden('b-0'));
    print('hidden after its 202', accepted);
    const pending = await countOf(`status IN ('received', 'resolving')`);
    console.log(`${pending} of ${COUNTING} requests were still to be counted`);
    // In the order of arrival, almost none would be left.
    expect(pending).toBeGreaterThan(COUNTING / 4);
    expect((await caller.status(deletion)).attention).toEqual([]);

    await waitUntil('every request has its workflow', async () => (await countOf('started_at IS NULL')) === 0);
    print('every request has its workflow after the last 202', since);
    const [latest] = await ledger`
      SELECT max(extract(epoch FROM started_at - received_at))::float8 AS seconds,
             percentile_cont(0.99) WITHIN GROUP (ORDER BY extract(epoch FROM started_at - received_at)) AS most
      FROM lethe.requests WHERE confirm`;
    if (sized(false, true)) console.log('from acceptance to workflow, in seconds', latest);
    expect(await isHidden('b-1')).toBe(false);
  },
);

test('ends every request of the burst when it is cancelled', { timeout: 900_000 }, async () => {
  const rows = await ledger<{ id: string }[]>`SELECT id FROM lethe.requests WHERE confirm ORDER BY id`;
  const unread = await countOf(`status = 'received'`);
  const since = performance.now();
  const answers = rows.values();
  const cancelNext = async () => {
    for (const { id } of answers)
      expect((await service.call('POST', `/v1/requests/${id}/cancel`, {})).status).toBe(202);
  };
  await Promise.all(Array.from({ length: CALLERS }, cancelNext));
  print(`${COUNTING} requests cancelled, ${unread} of them unread`, since);
  expect(await countOf(`status = 'received'`)).toBe(0);
  const isEnded = async () => (await countOf(`status <> 'cancelled'`)) === 0;
  await waitUntil('every request is cancelled', isEnded, () => '', 800_000);
  print('every request has ended', since);
  expect(await countOf('concluded_at IS NULL')).toBe(0);
});
