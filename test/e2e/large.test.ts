import { readFileSync } from 'node:fs';
import type { Sql } from 'postgres';
import { beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { freePort } from '../../dev/embedded/ports.ts';
import { startTemporal } from '../../dev/embedded/temporal/temporal.ts';
import { ledgerDatabase } from '../support/databases.ts';
import { createDatabase } from '../support/servers/postgres.ts';
import { sized, withThousandSpaces } from '../support/size.ts';
import {
  onCleanup,
  createCaller,
  waitUntilPolling,
  prepareApp,
  type Service,
  startService,
} from './support/service.ts';

// The API must not load large inputs completely. Prints times and memory; the limit is generous.
// test/api/uploads/uploads-large.test.ts checks the number of statements.
const USERS = sized(8_000, 100_000);
const SEGMENTS = [USERS / 8, USERS / 2];
const LINES = USERS / 10;
const MAX_GROWTH_MB = 100;

let service: Service;
let caller: ReturnType<typeof createCaller>;
let app: Sql;

beforeAll(async () => {
  const [{ url: ledgerUrl }, { url: appUrl }] = await Promise.all([ledgerDatabase(), createDatabase()]);
  app = await prepareApp(appUrl);
  await app.unsafe(`
    INSERT INTO app.users
      SELECT id, md5(id)::uuid, 'ext-' || id, id || '@example.test', 'berlin', 'N', '2025-01-01'
      FROM (SELECT 'p-' || lpad(n::text, 6, '0') AS id FROM generate_series(1, ${USERS}) n) people;
    INSERT INTO app.events SELECT n, 'p-' || lpad((1 + n % ${USERS})::text, 6, '0'), '2025-02-01', 'seen'
      FROM generate_series(1, ${2 * USERS}) n;
    INSERT INTO app.segment_members
      SELECT 'first-' || size, user_id FROM unnest(ARRAY[${SEGMENTS.join()}]) size, app.users
      WHERE user_id <= 'p-' || lpad(size::text, 6, '0');
    ANALYZE app.users, app.events, app.segment_members`);
  const temporal = await startTemporal({ port: await freePort() });
  onCleanup(() => temporal.stop());
  service = await startService({ ledgerUrl, appUrl, temporalAddress: temporal.address });
  caller = createCaller(service);
  await waitUntilPolling(await service.startWorker());
}, 180_000);

const Counted = z.object({
  confirmation: z.object({
    subjects: z.number(),
    counts: z.array(z.object({ tables: z.array(z.object({ table: z.string(), rows: z.number() })) })),
  }),
});

/** Runs a dry run, cancels it, and returns its duration in seconds. */
async function dryRun(subjects: object, size: number): Promise<number> {
  const startedAt = performance.now();
  const id = await caller.submit(subjects, { confirm: true });
  await caller.waitForStatus(id, 'awaiting_confirmation', 300_000);
  const took = (performance.now() - startedAt) / 1_000;
  const { confirmation } = Counted.parse(JSON.parse((await service.call('GET', `/v1/requests/${id}`)).text));
  expect(confirmation.subjects).toBe(size);
  const rows = confirmation.counts.flatMap(({ tables }) => tables);
  expect(rows).toContainEqual({ table: 'app.users', rows: size });
  expect(rows).toContainEqual({ table: 'app.events', rows: 2 * size });
  await service.call('POST', `/v1/requests/${id}/cancel`, {});
  await caller.waitForStatus(id, 'cancelled', 300_000);
  return took;
}

async function upload(lines: number): Promise<void> {
  const csv = Array.from({ length: lines }, (_, n) => `p-${String(n + 1).padStart(6, '0')}\r\n`);
  const fields = { project: 'demo', kind: 'deletion', regulation: 'gdpr', subjects: 'user', type: 'user_id' };
  const options = { expedite: 'next_run', reason: 'ticket 4711', confirm: 'true' };
  const path = `/v1/uploads?${new URLSearchParams({ ...fields, ...options }).toString()}`;
  const answer = await service.call('POST', path, `user_id\r\n${csv.join('')}`, { 'content-type': 'text/csv' });
  expect(JSON.parse(answer.text)).toMatchObject({ submitted: lines, lines: { accepted: lines, merged: 0, failed: 0 } });
}

/** The peak memory of the API on Linux; 0 on other systems. */
function peakMb(): number {
  try {
    const status = readFileSync(`/proc/${service.api.pid}/status`, 'utf8');
    return Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]) / 1_024;
  } catch {
    return 0;
  }
}

test(
  `accepts a segment of ${withThousandSpaces(USERS / 2)}, a file of ${withThousandSpaces(LINES)} lines and all ${withThousandSpaces(USERS)} users with bounded memory`,
  { timeout: 900_000 },
  async () => {
    await dryRun({ kind: 'user', identities: [{ type: 'user_id', value: 'p-000001' }] }, 1);
    const before = peakMb();
    await upload(LINES);
    const figures: string[] = [];
    const report = (selection: string, size: number, took: number) =>
      figures.push(`${selection} of ${size}: ${took.toFixed(1)} s, ${((took / size) * 1_000).toFixed(2)} ms each`);
    for (const size of SEGMENTS)
      report('segment', size, await dryRun({ kind: 'user', segment: `first-${size}` }, size));
    report('everyone', USERS, await dryRun({ kind: 'user', everyone: true }, USERS));
    const after = peakMb();
    console.log(
      [...figures, `peak memory of the API: ${before.toFixed(0)} MB, then ${after.toFixed(0)} MB`].join('\n'),
    );
    expect(after - before).toBeLessThan(MAX_GROWTH_MB);
    const [untouched] = await app`SELECT count(*)::int AS users FROM app.users WHERE deleted_at IS NULL`;
    expect(untouched).toEqual({ users: USERS });
  },
);
