import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import postgres from 'postgres';
import { expect, test } from 'vitest';
import { openPostgres, systemSql } from '../../../connectors/postgres/index.ts';
import { freePort } from '../../../dev/embedded/ports.ts';
import { startPostgres } from '../../../dev/embedded/postgres/postgres.ts';
import { SCHEMA, SETTINGS, batchOf, deletion, user, testContext } from '../fixture.ts';

test('rejects a standby and reports its rows as unknown instead of zero', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'lethe-standby-'));
  const port = await freePort();
  const primary = await startPostgres({ dir, port });
  const url = primary.url;
  await runStatement(url, `${SCHEMA}; ${systemSql(SETTINGS, { system: 'app' })}`);
  await primary.stop();
  writeFileSync(join(dir, 'data', 'standby.signal'), '');
  // startPostgres() resolves only after the promotion at the end.
  const promoted = startPostgres({ dir, port });
  try {
    await waitForConnection(url);
    const connector = openPostgres(SETTINGS, { system: 'app', secret: () => url });
    expect(await connector.inspect()).toEqual([{ path: 'url', message: expect.stringContaining('standby') }]);
    expect(await connector.verify(batchOf([user(1)]), 'data', testContext())).toEqual({ unknown: 'standby' });
    await expect(connector.hardDelete(batchOf([user(1)]), deletion(), testContext())).rejects.toMatchObject({
      code: 'unavailable',
      retryable: true,
    });
  } finally {
    await runStatement(url, 'SELECT pg_promote()');
    await (await promoted).stop();
    rmSync(dir, { recursive: true, force: true });
  }
});

async function runStatement(url: string, statement: string): Promise<void> {
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  try {
    await sql.unsafe(statement);
  } finally {
    await sql.end();
  }
}

async function waitForConnection(url: string): Promise<void> {
  for (let tries = 0; ; tries += 1) {
    try {
      await runStatement(url, 'SELECT 1');
      return;
    } catch (error) {
      if (tries > 200) throw error;
      await sleep(100);
    }
  }
}
