import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { afterEach, expect, test } from 'vitest';
import { isReady } from '../../dev/embedded/temporal/ready.ts';
import { startTemporal } from '../../dev/embedded/temporal/temporal.ts';
import { hasExited, startParent, startedServer } from './parent.ts';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'lethe-test-'));
  closing.push(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

async function withClient(address: string, work: (client: Client) => Promise<void>): Promise<void> {
  const connection = await Connection.connect({ address });
  try {
    await work(new Client({ connection }));
  } finally {
    await connection.close();
  }
}

test('starts with the namespace and search attributes and removes its temporary files', async () => {
  const server = await startTemporal();
  closing.push(() => server.stop());
  expect(await isReady(server.address)).toBe(true);
  expect((await fetch(server.uiUrl)).ok).toBe(true);
  await expect(startTemporal({ port: Number(server.address.split(':')[1]) })).rejects.toThrow('is in use');
  await server.stop();
  expect(await hasExited(server.pid)).toBe(true);
  expect(existsSync(dirname(server.logFile))).toBe(false);
});

test('keeps the state file after SIGKILL and names the server that uses it', async () => {
  const dbFile = join(folder(), 'temporal.db');
  const parent = await startParent('temporal', { dbFile });
  const first = startedServer(parent);
  await withClient(first.address ?? '', async (client) => {
    await client.workflow.start('unregistered', { workflowId: 'kept', taskQueue: 'none' });
  });
  await expect(startTemporal({ dbFile })).rejects.toThrow(
    `another Temporal server uses ${dbFile} (pid ${first.pid}, port `,
  );

  parent.process.kill('SIGKILL');
  const second = await startTemporal({ dbFile });
  closing.push(() => second.stop());
  expect(await hasExited(first.pid)).toBe(true);
  await withClient(second.address, async (client) => {
    expect((await client.workflow.getHandle('kept').describe()).status.name).toBe('RUNNING');
  });
});
