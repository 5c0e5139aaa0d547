import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import postgres from 'postgres';
import { afterEach, expect, test } from 'vitest';
import { z } from 'zod';
import { freePort } from '../../dev/embedded/ports.ts';
import { type PostgresOptions, type PostgresServer, startPostgres } from '../../dev/embedded/postgres/postgres.ts';
import { hasExited, startParent, startedServer } from './parent.ts';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

/** `mkdtemp` creates folders that only the owner can access. A cluster of root is then stored elsewhere (root.test.ts). */
function accessibleFolder(): string {
  const path = join(tmpdir(), `lethe-test-${process.pid}-${Math.random().toString(36).slice(2)}`);
  closing.push(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

async function start(options: PostgresOptions = {}): Promise<PostgresServer> {
  const server = await startPostgres(options);
  closing.push(() => server.stop());
  return server;
}

async function query(url: string, statement: string): Promise<unknown[]> {
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  try {
    return await sql.unsafe(statement);
  } finally {
    await sql.end();
  }
}

test('starts a temporary server and removes its files', async () => {
  const server = await start();
  const result = await query(server.url, `SELECT current_setting('server_version_num')::int >= 180000 AS new`);
  expect(result).toEqual([{ new: true }]);
  await server.stop();
  expect(await hasExited(server.pid)).toBe(true);
  expect(existsSync(dirname(server.logFile))).toBe(false);
});

test('keeps the data of a permanent folder', async () => {
  const dir = accessibleFolder();
  const first = await start({ dir });
  await query(first.url, 'CREATE TABLE kept AS SELECT 7 AS n');
  await first.stop();
  expect(await query((await start({ dir })).url, 'SELECT n FROM kept')).toEqual([{ n: 7 }]);
});

test('stops the server and removes its folder when the parent is killed with SIGKILL', async () => {
  const parent = await startParent('postgres');
  const { pid, logFile } = startedServer(parent);
  parent.process.kill('SIGKILL');
  expect(await hasExited(pid)).toBe(true);
  await expect.poll(() => existsSync(dirname(logFile)), { timeout: 10_000 }).toBe(false);
});

test('waits for the server of a killed parent to stop before it uses the same folder', async () => {
  const dir = accessibleFolder();
  const parent = await startParent('postgres', { dir });
  parent.process.kill('SIGKILL');
  expect(await query((await start({ dir })).url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
});

test('recovers the data at the next start when the server was killed with SIGKILL', async () => {
  const dir = accessibleFolder();
  const first = await start({ dir });
  await query(first.url, 'CREATE TABLE kept AS SELECT 7 AS n');
  process.kill(first.pid, 'SIGKILL');
  await first.stop();
  expect(existsSync(join(dir, 'data/postmaster.pid'))).toBe(true);
  expect(await query((await start({ dir })).url, 'SELECT n FROM kept')).toEqual([{ n: 7 }]);
});

test('waits for the last process of a killed server to end before it starts', async () => {
  const dir = accessibleFolder();
  const first = await start({ dir });
  await query(first.url, 'CREATE TABLE kept AS SELECT 7 AS n');
  const [child] = await query(first.url, `SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'`);
  const { pid } = z.object({ pid: z.number() }).parse(child);
  process.kill(pid, 'SIGSTOP');
  process.kill(first.pid, 'SIGKILL');
  await first.stop();
  const next = start({ dir });
  setTimeout(() => process.kill(pid, 'SIGCONT'), 1_000);
  expect(await query((await next).url, 'SELECT n FROM kept')).toEqual([{ n: 7 }]);
});

test('starts when the process ID of a stale PID file belongs to another program', async () => {
  const dir = accessibleFolder();
  await (await start({ dir })).stop();
  const lines = [process.ppid, join(dir, 'data'), 1, 5432, '', '127.0.0.1', '', 'ready   '];
  writeFileSync(join(dir, 'data/postmaster.pid'), `${lines.join('\n')}\n`);
  expect(await query((await start({ dir })).url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
});

test('rejects a second start on the folder and keeps the first server running', async () => {
  const dir = accessibleFolder();
  const server = await start({ dir });
  await expect(startPostgres({ dir })).rejects.toThrow(`pid ${server.pid}, port ${server.port}`);
  expect(await query(server.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
});

test('lets one of two concurrent first starts win and names its server to the other', async () => {
  for (let round = 0; round < 3; round++) {
    const dir = accessibleFolder();
    const both = await Promise.all([startParent('postgres', { dir }), startParent('postgres', { dir })]);
    const winners = both.flatMap(({ output }) => ('error' in output ? [] : [output]));
    const losers = both.flatMap(({ output }) => ('error' in output ? [output.error] : []));
    expect(winners).toHaveLength(1);
    expect(losers).toEqual([
      expect.stringContaining(`another PostgreSQL server uses ${dir}/data (pid ${winners[0]?.pid}`),
    ]);
    expect(await query(winners[0]?.url ?? '', 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    for (const parent of both) parent.process.kill('SIGTERM');
    expect(await hasExited(winners[0]?.pid ?? 0)).toBe(true);
  }
});

test('rejects a port that is in use', async () => {
  const port = await freePort();
  const other = createServer().listen(port, '127.0.0.1');
  await once(other, 'listening');
  closing.push(() => other.close());
  await expect(startPostgres({ port })).rejects.toThrow(`port ${port} for PostgreSQL is in use`);
});

test('applies settings and returns the path of the log', async () => {
  const server = await start({ settings: { log_min_duration_statement: '0' } });
  await query(server.url, `SELECT 'seen in the log'`);
  expect(readFileSync(server.logFile, 'utf8')).toContain('seen in the log');
});

test('passes on the error of PostgreSQL when a setting is unknown', async () => {
  await expect(startPostgres({ settings: { nonsense: '1' } })).rejects.toThrow('"nonsense"');
});
