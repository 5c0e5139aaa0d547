import { createWriteStream, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import pg from 'pg';
import { to as copyTo } from 'pg-copy-streams';
import type { Sql } from 'postgres';
import { beforeAll, expect, test } from 'vitest';
import { freePort } from '../../dev/embedded/ports.ts';
import type { ServerProcess } from '../../dev/embedded/child-process.ts';
import { startTemporal } from '../../dev/embedded/temporal/temporal.ts';
import { ledgerDatabase } from '../support/databases.ts';
import { createDatabase } from '../support/servers/postgres.ts';
import { sized, withThousandSpaces } from '../support/size.ts';
import { downloadArchive, readManifest, countLines, verifyArchive } from './support/archive.ts';
import {
  onCleanup,
  createCaller,
  temporaryFolder,
  waitUntilPolling,
  prepareApp,
  type Service,
  startService,
} from './support/service.ts';

// A million rows pass through the worker without accumulating in memory. Prints the time next to that of a plain COPY.
const USERS = sized(10_000, 100_000);
const EVENTS_PER_USER = 9;
const SEGMENT_SIZE = 1_000;
const MAX_RATIO = 1.3;

let service: Service;
let caller: ReturnType<typeof createCaller>;
let worker: ServerProcess;
let app: Sql;
let appUrl: string;

beforeAll(async () => {
  const [ledger, customers] = await Promise.all([ledgerDatabase(), createDatabase()]);
  appUrl = customers.url;
  app = await prepareApp(appUrl);
  await app.unsafe(`
    INSERT INTO app.users
      SELECT id, md5(id)::uuid, 'ext-' || id, id || '@example.test', 'berlin', 'N', '2025-01-01'
      FROM (SELECT 'p-' || lpad(n::text, 6, '0') AS id FROM generate_series(1, ${USERS}) n) people;
    INSERT INTO app.events SELECT n, 'p-' || lpad((1 + n % ${USERS})::text, 6, '0'), '2025-02-01', 'seen', '10.0.0.1', 'web 1.0', 'newsletter'
      FROM generate_series(1, ${EVENTS_PER_USER * USERS}) n;
    INSERT INTO app.segment_members SELECT 'few', user_id FROM app.users WHERE user_id <= 'p-' || lpad('${SEGMENT_SIZE}', 6, '0');
    ANALYZE app.users, app.events, app.segment_members`);
  const temporal = await startTemporal({ port: await freePort() });
  onCleanup(() => temporal.stop());
  service = await startService({ ledgerUrl: ledger.url, appUrl, temporalAddress: temporal.address });
  caller = createCaller(service);
  worker = await service.startWorker();
  await waitUntilPolling(worker);
}, 180_000);

/** The peak memory of the worker on Linux; NaN on other systems. */
function peakMb(): number {
  try {
    return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${worker.pid}/status`, 'utf8'))?.[1]) / 1_024;
  } catch {
    return Number.NaN;
  }
}

async function measureSeconds(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return (performance.now() - startedAt) / 1_000;
}

async function exportOf(subjects: object): Promise<string> {
  const id = await caller.submit({ kind: 'user', ...subjects }, { kind: 'export' });
  await caller.waitForStatus(id, 'ready', 400_000);
  return id;
}

/** Copies the same rows as NDJSON to gzip -1, as psql would. */
async function plainCopy(into: string): Promise<void> {
  const client = new pg.Client({ connectionString: appUrl });
  await client.connect();
  for (const table of ['users', 'events', 'segment_members']) {
    const rows = client.query(
      copyTo(
        `COPY (SELECT row_to_json(t) FROM app.${table} t) TO STDOUT WITH (FORMAT csv, QUOTE e'\\x01', DELIMITER e'\\x02')`,
      ),
    );
    await pipeline(rows, createGzip({ level: 1 }), createWriteStream(join(into, table)));
  }
  await client.end();
}

test(
  `exports ${withThousandSpaces(USERS)} users with ${sized('100 000', 'a million')} rows to one complete archive with bounded memory`,
  { timeout: 900_000 },
  async () => {
    const few = await exportOf({ segment: 'few' });
    const before = peakMb();
    let everyone = '';
    const took = await measureSeconds(async () => (everyone = await exportOf({ everyone: true })));
    const after = peakMb();
    const file = await downloadArchive(service, everyone);
    const bare = await measureSeconds(() => plainCopy(temporaryFolder()));

    await verifyArchive(file);
    const manifest = await readManifest(service, everyone);
    for (const { table, path, rows } of manifest.files) {
      const [counted] = await app.unsafe<{ count: number }[]>(`SELECT count(*)::int FROM ${table}`);
      expect({ table, rows }).toEqual({ table, rows: counted?.count });
      expect({ table, lines: await countLines(file, path ?? '') }).toEqual({ table, lines: counted?.count });
    }
    const total = (files: readonly { rows: number }[]) => files.reduce((sum, { rows }) => sum + rows, 0);
    expect(total(manifest.files)).toBeGreaterThanOrEqual((1 + EVENTS_PER_USER) * USERS);
    expect(total((await readManifest(service, few)).files)).toBe((2 + EVENTS_PER_USER) * SEGMENT_SIZE);
    console.log(
      [
        `${total(manifest.files)} rows, ${(statSync(file).size / 1e6).toFixed(1)} MB: ${took.toFixed(1)} s from POST to ready`,
        `COPY of the same rows to gzip -1: ${bare.toFixed(1)} s`,
        `peak memory of the worker: ${before.toFixed(0)} MB with ${(2 + EVENTS_PER_USER) * SEGMENT_SIZE} rows, then ${after.toFixed(0)} MB`,
      ].join('\n'),
    );
    expect(after / before > MAX_RATIO).toBe(false);
  },
);
