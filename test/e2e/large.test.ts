import { readFileSync } from 'node:fs';
import type { Sql } from 'postgres';
import { beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { freePort } from '../../dev/embedded/ports.ts';
import { startTemporal } from '../../dev/embedded/temporal/temporal.ts';
import { ledgerDatabase } from '../support/databases.ts';
import { createDatabase } from '../support/servers/postgres.ts';
import { sized, withThousandSpaces } from '../support/size.ts';
import { atTheEnd, caller, polls, prepareApp, type Service, startService } from './support/service.ts';

// None of what is large passes through the API's memory as a whole; times and memory are printed, the bound is generous.
// How many statements these take is in test/api/uploads/uploads-large.test.ts.
const EVERYONE = sized(8_000, 100_000);
const SEGMENTS = [EVERYONE / 8, EVERYONE / 2];
const LINES = EVERYONE / 10;
const BOUND_MB = 100;

let service: Service;
let ask: ReturnType<typeof caller>;
let app: Sql;

beforeAll(async () => {
  const [{ url: ledgerUrl }, { url: appUrl }] = await Promise.all([ledgerDatabase(), createDatabase()]);
  app = await prepareApp(appUrl);
  await app.unsafe(`
    INSERT INTO app.users
      SELECT id, md5(id)::uuid, 'ext-' || id, id || '@example.test', 'berlin', 'N', '2025-01-01'
      FROM (SELECT 'p-' || lpad(n::text, 6, '0') AS id FROM generate_series(1, ${EVERYONE}) n) people;
    INSERT INTO app.events SELECT n, 'p-' || lpad((1 + n % ${EVERYONE})::text, 6, '0'), '2025-02-01', 'seen'
      FROM generate_series(1, ${2 * EVERYONE}) n;
    INSERT INTO app.segment_members
      SELECT 'first-' || size, user_id FROM unnest(ARRAY[${SEGMENTS.join()}]) size, app.users
      WHERE user_id <= 'p-' || lpad(size::text, 6, '0');
    ANALYZE app.users, app.events, app.segment_members`);
  const temporal = await startTemporal({ port: await freePort() });
  atTheEnd(() => temporal.stop());
  service = await startService({ ledgerUrl, appUrl, temporalAddress: temporal.address });
  ask = caller(service);
  await polls(await service.startWorker());
}, 180_000);

const Counted = z.object({
  confirmation: z.object({
    subjects: z.number(),
    counts: z.array(z.object({ tables: z.array(z.object({ table: z.string(), rows: z.number() })) })),
  }),
});

/** Counted and never confirmed: in seconds, the dry run. */
async function dryRun(subjects: object, size: number): Promise<number> {
  const startedAt = performance.now();
  const id = await ask.submit(subjects, { confirm: true });
  await ask.reaches(id, 'awaiting_confirmation', 300_000);
  const took = (performance.now() - startedAt) / 1_000;
  const { confirmation } = Counted.parse(JSON.parse((await service.call('GET', `/v1/requests/${id}`)).text));
  expect(confirmation.subjects).toBe(size);
  const rows = confirmation.counts.flatMap(({ tables }) => tables);
  expect(rows).toContainEqual({ table: 'app.users', rows: size });
  expect(rows).toContainEqual({ table: 'app.events', rows: 2 * size });
  await service.call('POST', `/v1/requests/${id}/cancel`, {});
  await ask.reaches(id, 'cancelled', 300_000);
  return took;
}

async function upload(lines: number): Promise<void> {
  const csv = Array.from({ length: lines }, (_, n) => `p-${String(n + 1).padStart(6, '0')}\r\n`);
  const asked = { project: 'demo', kind: 'deletion', regulation: 'gdpr', subjects: 'user', type: 'user_id' };
  const haste = { expedite: 'next_run', reason: 'ticket 4711', confirm: 'true' };
  const path = `/v1/uploads?${new URLSearchParams({ ...asked, ...haste }).toString()}`;
  const answer = await service.call('POST', path, `user_id\r\n${csv.join('')}`, { 'content-type': 'text/csv' });
  expect(JSON.parse(answer.text)).toMatchObject({ submitted: lines, lines: { accepted: lines, merged: 0, failed: 0 } });
}

/** The most that the process ever had in memory, as Linux counts it; elsewhere nobody says. */
function peakMb(): number {
  try {
    const status = readFileSync(`/proc/${service.api.pid}/status`, 'utf8');
    return Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]) / 1_024;
  } catch {
    return 0;
  }
}

test(
  `a segment of ${withThousandSpaces(EVERYONE / 2)}, a file of ${withThousandSpaces(LINES)} lines and everyone of ${withThousandSpaces(EVERYONE)} leave the API small, and touch nobody`,
  { timeout: 900_000 },
  async () => {
    await dryRun({ kind: 'user', identities: [{ type: 'user_id', value: 'p-000001' }] }, 1);
    const before = peakMb();
    await upload(LINES);
    const figures: string[] = [];
    const tell = (what: string, size: number, took: number) =>
      figures.push(`${what} of ${size}: ${took.toFixed(1)} s, ${((took / size) * 1_000).toFixed(2)} ms each`);
    for (const size of SEGMENTS) tell('segment', size, await dryRun({ kind: 'user', segment: `first-${size}` }, size));
    tell('everyone', EVERYONE, await dryRun({ kind: 'user', everyone: true }, EVERYONE));
    const after = peakMb();
    console.log([...figures, `API at its peak: ${before.toFixed(0)} MB, then ${after.toFixed(0)} MB`].join('\n'));
    expect(after - before).toBeLessThan(BOUND_MB);
    const [untouched] = await app`SELECT count(*)::int AS users FROM app.users WHERE deleted_at IS NULL`;
    expect(untouched).toEqual({ users: EVERYONE });
  },
);
