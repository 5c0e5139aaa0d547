import { createWriteStream, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import pg from 'pg';
import { to as copyTo } from 'pg-copy-streams';
import type { Sql } from 'postgres';
import { beforeAll, expect, test } from 'vitest';
import { freePort } from '../../dev/embedded/ports.ts';
import type { Supervised } from '../../dev/embedded/child-process.ts';
import { startTemporal } from '../../dev/embedded/temporal/temporal.ts';
import { ledgerDatabase } from '../support/databases.ts';
import { createDatabase } from '../support/servers/postgres.ts';
import { sized, withThousandSpaces } from '../support/size.ts';
import { downloaded, manifestOf, rowsIn, tested } from './support/archive.ts';
import { atTheEnd, caller, folder, polls, prepareApp, type Service, startService } from './support/service.ts';

// A million rows pass through the worker, and none of them stays. Times are printed beside those of a bare COPY.
const EVERYONE = sized(10_000, 100_000);
const EVENTS_EACH = 9;
const FEW = 1_000;
const BOUND = 1.3;

let service: Service;
let ask: ReturnType<typeof caller>;
let worker: Supervised;
let app: Sql;
let appUrl: string;

beforeAll(async () => {
  const [ledger, customers] = await Promise.all([ledgerDatabase(), createDatabase()]);
  appUrl = customers.url;
  app = await prepareApp(appUrl);
  await app.unsafe(`
    INSERT INTO app.users
      SELECT id, md5(id)::uuid, 'ext-' || id, id || '@example.test', 'berlin', 'N', '2025-01-01'
      FROM (SELECT 'p-' || lpad(n::text, 6, '0') AS id FROM generate_series(1, ${EVERYONE}) n) people;
    INSERT INTO app.events SELECT n, 'p-' || lpad((1 + n % ${EVERYONE})::text, 6, '0'), '2025-02-01', 'seen', '10.0.0.1', 'web 1.0', 'newsletter'
      FROM generate_series(1, ${EVENTS_EACH * EVERYONE}) n;
    INSERT INTO app.segment_members SELECT 'few', user_id FROM app.users WHERE user_id <= 'p-' || lpad('${FEW}', 6, '0');
    ANALYZE app.users, app.events, app.segment_members`);
  const temporal = await startTemporal({ port: await freePort() });
  atTheEnd(() => temporal.stop());
  service = await startService({ ledgerUrl: ledger.url, appUrl, temporalAddress: temporal.address });
  ask = caller(service);
  worker = await service.startWorker();
  await polls(worker);
}, 180_000);

/** The most that the worker ever had in memory, as Linux counts it; elsewhere nobody says. */
function peakMb(): number {
  try {
    return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${worker.pid}/status`, 'utf8'))?.[1]) / 1_024;
  } catch {
    return Number.NaN;
  }
}

async function seconds(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return (performance.now() - startedAt) / 1_000;
}

async function exportOf(subjects: object): Promise<string> {
  const id = await ask.submit({ kind: 'user', ...subjects }, { kind: 'export' });
  await ask.reaches(id, 'ready', 400_000);
  return id;
}

/** What psql would do: the same rows as NDJSON, without a question asked, to gzip -1. */
async function bareCopy(into: string): Promise<void> {
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
  `everyone of ${withThousandSpaces(EVERYONE)} with ${sized('100 000', 'a million')} rows: one whole archive, and a worker that stays small`,
  { timeout: 900_000 },
  async () => {
    const few = await exportOf({ segment: 'few' });
    const before = peakMb();
    let everyone = '';
    const took = await seconds(async () => (everyone = await exportOf({ everyone: true })));
    const after = peakMb();
    const file = await downloaded(service, everyone);
    const bare = await seconds(() => bareCopy(folder()));

    await tested(file);
    const manifest = await manifestOf(service, everyone);
    for (const { table, path, rows } of manifest.files) {
      const [counted] = await app.unsafe<{ count: number }[]>(`SELECT count(*)::int FROM ${table}`);
      expect({ table, rows }).toEqual({ table, rows: counted?.count });
      expect({ table, lines: await rowsIn(file, path ?? '') }).toEqual({ table, lines: counted?.count });
    }
    const total = (files: readonly { rows: number }[]) => files.reduce((sum, { rows }) => sum + rows, 0);
    expect(total(manifest.files)).toBeGreaterThanOrEqual((1 + EVENTS_EACH) * EVERYONE);
    expect(total((await manifestOf(service, few)).files)).toBe((2 + EVENTS_EACH) * FEW);
    console.log(
      [
        `${total(manifest.files)} rows, ${(statSync(file).size / 1e6).toFixed(1)} MB: ${took.toFixed(1)} s from POST to ready`,
        `COPY of the same rows to gzip -1: ${bare.toFixed(1)} s`,
        `the worker at its peak: ${before.toFixed(0)} MB with ${(2 + EVENTS_EACH) * FEW} rows, then ${after.toFixed(0)} MB`,
      ].join('\n'),
    );
    expect(after / before > BOUND).toBe(false);
  },
);
