import { setTimeout as sleep } from 'node:timers/promises';
import postgres from 'postgres';
import { expect, test } from 'vitest';
import { createDatabase, templateOf } from '../support/servers/postgres.ts';
import { timeSkipping } from '../support/servers/temporal.ts';

async function run(url: string, statement: string): Promise<unknown[]> {
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  try {
    return await sql.unsafe(statement);
  } finally {
    await sql.end();
  }
}

test('builds a template once and isolates its copies', async () => {
  let built = 0;
  const template = (): Promise<string> =>
    templateOf('support', async (url) => {
      built++;
      await run(url, 'CREATE TABLE numbers AS SELECT 1 AS n');
      await sleep(100);
    });
  const names = await Promise.all([template(), template(), template()]);
  expect(built).toBe(1);
  const [one, other] = await Promise.all([createDatabase(names[0]), createDatabase(names[1])]);
  await run(one.url, 'DELETE FROM numbers');
  expect(await run(other.url, 'SELECT n FROM numbers')).toEqual([{ n: 1 }]);
});

test('builds a template again after a failed attempt', async () => {
  await expect(templateOf('broken', () => Promise.reject(new Error('build failed')))).rejects.toThrow('build failed');
  const { url } = await createDatabase(
    await templateOf('broken', async (to) => void (await run(to, 'CREATE TABLE t ()'))),
  );
  expect(await run(url, 'SELECT * FROM t')).toEqual([]);
});

test('skips two weeks on the time-skipping server', async () => {
  const env = await timeSkipping();
  const before = await env.currentTimeMs();
  await env.sleep('14 days');
  expect((await env.currentTimeMs()) - before).toBeGreaterThanOrEqual(14 * 86_400_000);
});
