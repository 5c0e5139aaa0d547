import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, test } from 'vitest';

const ROOT = resolve(import.meta.dirname, '../..');
const copy = await mkdtemp(join(tmpdir(), 'lethe-schema-'));
afterAll(() => rm(copy, { recursive: true }));

await cp(join(ROOT, 'db'), join(copy, 'db'), { recursive: true });
await cp(join(ROOT, 'domain'), join(copy, 'domain'), { recursive: true });
await symlink(join(ROOT, 'node_modules'), join(copy, 'node_modules'));

const check = () =>
  promisify(execFile)(process.execPath, [join(ROOT, 'dev/check-migrations.ts'), join(copy, 'db')], { cwd: ROOT });

async function change(file: string, from: string, to: string): Promise<() => Promise<void>> {
  const path = join(copy, file);
  const text = await readFile(path, 'utf8');
  expect(text).toContain(from);
  await writeFile(path, text.replace(from, to));
  return () => writeFile(path, text);
}

test('accepts the migrations of db/schema/', async () => {
  expect((await check()).stdout).toContain('migrations match db/schema/');
});

test.each([
  ['a column', 'db/schema/requests.ts', "segment: text('segment'),", "segment: text('segment').notNull(),"],
  ['an index', 'db/schema/subjects.ts', ".where(sql`state = 'attached'`)", ".where(sql`state = 'claimed'`)"],
  ['a list of a CHECK constraint', 'domain/vocabulary.ts', "'company'] as const", "'company', 'household'] as const"],
])('fails when %s changes without a migration', async (_change, file, from, to) => {
  const restore = await change(file, from, to);
  await expect(check()).rejects.toThrow(/Run `npm run migrations`/);
  await restore();
});
