import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Sql } from 'postgres';
import { beforeAll, expect, test } from 'vitest';
import { freePort } from '../../dev/embedded/ports.ts';
import { startTemporal } from '../../dev/embedded/temporal/temporal.ts';
import { ledgerDatabase } from '../support/databases.ts';
import { createDatabase } from '../support/servers/postgres.ts';
import { sized } from '../support/size.ts';
import { downloaded, manifestOf, rowsIn, tested } from './support/archive.ts';
import {
  atTheEnd,
  caller,
  folder,
  polls,
  prepareApp,
  quietly,
  type Service,
  startService,
  until,
} from './support/service.ts';

// A worker that is killed has no chance to tidy up: what it left behind is neither in the archive nor in the storage.
const USERS = sized(5_000, 20_000);
const EVENTS = 20 * USERS;

let service: Service;
let ask: ReturnType<typeof caller>;
let app: Sql;
let ledger: Sql;
const archives = folder();

beforeAll(async () => {
  const [{ url: ledgerUrl }, { url: appUrl }] = await Promise.all([ledgerDatabase(), createDatabase()]);
  ledger = quietly(ledgerUrl);
  app = await prepareApp(appUrl);
  await app.unsafe(`
    INSERT INTO app.users SELECT 'p-' || n, md5(n::text)::uuid, NULL, NULL, NULL, 'N', '2025-01-01' FROM generate_series(1, ${USERS}) n;
    INSERT INTO app.events SELECT n, 'p-' || 1 + n % ${USERS}, '2025-02-01', 'seen', NULL, md5(n::text), md5('x' || n) FROM generate_series(1, ${EVENTS}) n;
    INSERT INTO app.orders SELECT md5(n::text)::uuid, 'p-' || n, '2025-02-01' FROM generate_series(1, ${USERS}) n;
    ANALYZE app.users, app.events, app.orders`);
  const temporal = await startTemporal({ port: await freePort() });
  atTheEnd(() => temporal.stop());
  service = await startService({ ledgerUrl, appUrl, temporalAddress: temporal.address, archives });
  ask = caller(service);
}, 180_000);

/** Everything that lies in the storage for the request. */
const objects = (id: string): readonly string[] =>
  existsSync(join(archives, id)) ? readdirSync(join(archives, id)) : [];

/** Starts a worker, and kills it as soon as the rows say so. */
async function killedWhen(what: string, holds: () => Promise<boolean>): Promise<void> {
  const worker = await service.startWorker();
  await until(what, holds, () => worker.log());
  process.kill(worker.pid, 'SIGKILL');
  await until('the worker is gone', async () => !isAlive(worker.pid));
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

test(
  'kill -9 while collecting, and again while packaging: resumed, whole, no part twice, nothing left behind',
  { timeout: 400_000 },
  async () => {
    const id = await ask.submit({ kind: 'user', everyone: true }, { kind: 'export' });
    await killedWhen('rows are being collected', async () => {
      const [row] = await ledger`SELECT FROM lethe.collections WHERE request_id = ${id} AND state = 'pending'`;
      // One table is whole, another has begun: figures are told too seldom to go by.
      return row !== undefined && objects(id).length > 1;
    });
    expect((await ask.status(id)).status).toBe('collecting');
    const orphans = objects(id);
    expect(orphans.length).toBeGreaterThan(1);
    await killedWhen('the archive is being packaged', async () => (await ask.status(id)).status === 'packaging');
    expect((await ledger`SELECT FROM lethe.archives WHERE request_id = ${id}`).count).toBe(0);

    await polls(await service.startWorker());
    await ask.reaches(id, 'ready', 240_000);
    const file = await downloaded(service, id);
    await tested(file);
    const { files } = await manifestOf(service, id);
    expect(new Set(files.map(({ table }) => table)).size).toBe(files.length);
    for (const [table, rows] of [
      ['app.users', USERS],
      ['app.events', EVENTS],
      ['app.orders', USERS],
    ] as const) {
      const told = files.find((one) => one.table === table);
      expect(told).toMatchObject({ rows });
      expect(await rowsIn(file, told?.path ?? '')).toBe(rows);
    }
    const [archive] = await ledger<{ object: string }[]>`SELECT object FROM lethe.archives WHERE request_id = ${id}`;
    expect(objects(id).map((name) => `${id}/${name}`)).toEqual([archive?.object]);
  },
);
