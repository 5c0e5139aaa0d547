import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Sql } from 'postgres';
import { beforeAll, expect, test } from 'vitest';
import { freePort } from '../../dev/embedded/ports.ts';
import { startTemporal } from '../../dev/embedded/temporal/temporal.ts';
import { ledgerDatabase } from '../support/databases.ts';
import { createDatabase } from '../support/servers/postgres.ts';
import { sized } from '../support/size.ts';
import { downloadArchive, readManifest, countLines, verifyArchive } from './support/archive.ts';
import {
  onCleanup,
  createCaller,
  temporaryFolder,
  waitUntilPolling,
  prepareApp,
  connectUnlogged,
  type Service,
  startService,
  waitUntil,
} from './support/service.ts';

// A killed worker cannot clean up. Its leftovers must end up neither in the archive nor in the storage.
const USERS = sized(5_000, 20_000);
const EVENTS = 20 * USERS;

let service: Service;
let caller: ReturnType<typeof createCaller>;
let app: Sql;
let ledger: Sql;
const archives = temporaryFolder();

beforeAll(async () => {
  const [{ url: ledgerUrl }, { url: appUrl }] = await Promise.all([ledgerDatabase(), createDatabase()]);
  ledger = connectUnlogged(ledgerUrl);
  app = await prepareApp(appUrl);
  await app.unsafe(`
    INSERT INTO app.users SELECT 'p-' || n, md5(n::text)::uuid, NULL, NULL, NULL, 'N', '2025-01-01' FROM generate_series(1, ${USERS}) n;
    INSERT INTO app.events SELECT n, 'p-' || 1 + n % ${USERS}, '2025-02-01', 'seen', NULL, md5(n::text), md5('x' || n) FROM generate_series(1, ${EVENTS}) n;
    INSERT INTO app.orders SELECT md5(n::text)::uuid, 'p-' || n, '2025-02-01' FROM generate_series(1, ${USERS}) n;
    ANALYZE app.users, app.events, app.orders`);
  const temporal = await startTemporal({ port: await freePort() });
  onCleanup(() => temporal.stop());
  service = await startService({ ledgerUrl, appUrl, temporalAddress: temporal.address, archives });
  caller = createCaller(service);
}, 180_000);

/** All objects of the request in the storage. */
const objects = (id: string): readonly string[] =>
  existsSync(join(archives, id)) ? readdirSync(join(archives, id)) : [];

/** Starts a worker and kills it as soon as the condition is true. */
async function killWorkerWhen(description: string, isTrue: () => Promise<boolean>): Promise<void> {
  const worker = await service.startWorker();
  await waitUntil(description, isTrue, () => worker.log());
  process.kill(worker.pid, 'SIGKILL');
  await waitUntil('the worker has exited', async () => !isAlive(worker.pid));
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

test(
  'resumes an export and leaves no duplicate or leftover parts when the worker is killed twice',
  { timeout: 400_000 },
  async () => {
    const id = await caller.submit({ kind: 'user', everyone: true }, { kind: 'export' });
    await killWorkerWhen('rows are being collected', async () => {
      const [row] = await ledger`SELECT FROM lethe.collections WHERE request_id = ${id} AND state = 'pending'`;
      // One table is complete and another has started. Progress figures are too infrequent to show that.
      return row !== undefined && objects(id).length > 1;
    });
    expect((await caller.status(id)).status).toBe('collecting');
    const orphans = objects(id);
    expect(orphans.length).toBeGreaterThan(1);
    await killWorkerWhen('the archive is being packaged', async () => (await caller.status(id)).status === 'packaging');
    expect((await ledger`SELECT FROM lethe.archives WHERE request_id = ${id}`).count).toBe(0);

    await waitUntilPolling(await service.startWorker());
    await caller.waitForStatus(id, 'ready', 240_000);
    const file = await downloadArchive(service, id);
    await verifyArchive(file);
    const { files } = await readManifest(service, id);
    expect(new Set(files.map(({ table }) => table)).size).toBe(files.length);
    for (const [table, rows] of [
      ['app.users', USERS],
      ['app.events', EVENTS],
      ['app.orders', USERS],
    ] as const) {
      const entry = files.find((file) => file.table === table);
      expect(entry).toMatchObject({ rows });
      expect(await countLines(file, entry?.path ?? '')).toBe(rows);
    }
    const parts = await ledger<{ object: string }[]>`
      SELECT object FROM lethe.collected_tables JOIN lethe.archives USING (request_id, epoch) WHERE request_id = ${id}`;
    const names = objects(id).map((name) => `${id}/${name}`);
    expect(names.toSorted()).toEqual(parts.map(({ object }) => object).toSorted());
  },
);
