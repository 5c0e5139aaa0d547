import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import postgres from 'postgres';
import { beforeAll, expect, test } from 'vitest';
import { createDatabase } from '../support/servers/postgres.ts';
import { type Outcome, filePath, isFormatted, runCommand } from './command.ts';

const PASSWORD = 'canary-password';
let url = '';
let sql: postgres.Sql;

beforeAll(async () => {
  ({ url } = await createDatabase());
  sql = postgres(url, { max: 1, onnotice: () => {} });
  await sql.unsafe(readFileSync(join(import.meta.dirname, 'schemas/forum.sql'), 'utf8'));
  return async () => sql.end();
});

/** The server of the tests trusts its clients, so that any password works. */
const urlWithPassword = (): string => Object.assign(new URL(url), { password: PASSWORD }).href;

const init = (args: readonly string[], variables: Readonly<Record<string, string>> = {}): Promise<Outcome> =>
  runCommand('init', args, { LETHE_CONFIG: filePath('unused.config.ts'), ...variables });

const propose = (file: string, ...args: string[]): Promise<Outcome> =>
  init(['--database', urlWithPassword(), '--table', 'members', '--project', 'forum', '--out', file, ...args]);

test('writes a formatted file that check reads, and prints what remains to do', async () => {
  const file = filePath('forum.config.ts');
  const { code, stdout, stderr } = await propose(file);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(/^wrote forum\.config\.ts: \d+ entries/);
  expect(stdout).toContain('set FORUM_DATABASE_URL to the URL of the database');
  expect(stdout).toContain('npm run -s system-sql -- forum app --role ROLE');
  expect(stdout).toContain('public.private_messages: recipient_id is NOT NULL, so a ghost row takes the place');
  const text = readFileSync(file, 'utf8');
  expect(text).toContain(`url: env('FORUM_DATABASE_URL')`);
  expect(text).toContain('// foreign key topics_author_id_fkey');
  expect(text).toContain('// guess: the name, and 100 % of 30 sampled values match public.members.member_id');
  expect(await isFormatted(file)).toBe(true);
  const setup = await runCommand('system-sql', [], { LETHE_CONFIG: file });
  await sql.unsafe(setup.stdout);
  const checked = await runCommand('check', [], { LETHE_CONFIG: file, FORUM_DATABASE_URL: url });
  expect(checked.stdout + checked.stderr).toBe('no config errors in forum\n');
});

test('prints and writes no URL, no password and no value of a row', async () => {
  const file = filePath('secrets.config.ts');
  const { stdout, stderr } = await propose(file);
  for (const text of [stdout, stderr, readFileSync(file, 'utf8')]) {
    expect(text).not.toMatch(/canary/i);
    expect(text).not.toContain('postgres://');
  }
});

test('prints no argument that could be a URL, and no password of a URL that does not work', async () => {
  const outcomes = [
    await init([urlWithPassword()]),
    await init(['--database', `mysql://x:${PASSWORD}@127.0.0.1/x`, '--table', 'members']),
    await init([
      '--database',
      `postgres://x:${PASSWORD}@127.0.0.1:1/x`,
      '--table',
      'members',
      '--out',
      filePath('no.ts'),
    ]),
  ];
  expect(outcomes.map(({ code }) => code)).toEqual([2, 1, 1]);
  for (const { stdout, stderr } of outcomes) expect(stdout + stderr).not.toContain(PASSWORD);
  expect(outcomes[2]?.stderr).toContain('nothing listens at 127.0.0.1:1');
  expect(existsSync(filePath('no.ts'))).toBe(false);
});

test('reads the URL from a variable, whose name the file has', async () => {
  const file = filePath('variable.config.ts');
  const args = ['--database', 'THE_FORUM', '--table', 'public.members', '--out', file];
  expect((await init(args, { THE_FORUM: url })).code).toBe(0);
  expect(readFileSync(file, 'utf8')).toContain(`env('THE_FORUM')`);
  const unset = await init(args);
  expect(unset).toMatchObject({ code: 1, stderr: expect.stringContaining('THE_FORUM is not set') });
});

test('suggests a table when the named one does not exist', async () => {
  const { code, stderr } = await init(['--database', url, '--table', 'member', '--out', filePath('typo.ts')]);
  expect({ code, stderr: stderr.trim() }).toEqual({
    code: 1,
    stderr: 'the database has no table public.member; did you mean public.members?',
  });
});

test('does not change an existing file, and shows no difference while the schema is the same', async () => {
  const file = filePath('same.config.ts');
  await propose(file);
  const text = readFileSync(file, 'utf8');
  const { code, stdout } = await init(['--out', file], { FORUM_DATABASE_URL: url });
  expect(code).toBe(0);
  expect(stdout).toMatch(/^same\.config\.ts covers the database: no difference/);
  expect(readFileSync(file, 'utf8')).toBe(text);
  expect(existsSync(`${file}.new`)).toBe(false);
});

test('shows added and removed tables and columns of a changed schema, and keeps edits', async () => {
  const changed = await createDatabase();
  const other = postgres(changed.url, { max: 1, onnotice: () => {} });
  await other.unsafe(readFileSync(join(import.meta.dirname, 'schemas/forum.sql'), 'utf8'));
  const file = filePath('changed.config.ts');
  await propose(file);
  const edited = readFileSync(file, 'utf8')
    .replace(/subject: 'friend_id',?/, `subject: { column: 'friend_id', match: 'key' }, about: 'Your friends',`)
    .replace(`gracePeriod: '14 days'`, `gracePeriod: '3 days'`);
  writeFileSync(file, edited);
  await other.unsafe(`
    DROP TABLE email_changes; ALTER TABLE members DROP COLUMN last_ip; ALTER TABLE member_sessions ADD access_token text;
    CREATE TABLE badges (badge_id int PRIMARY KEY, member_id int NOT NULL REFERENCES members, granted_by int REFERENCES members)`);
  await other.end();
  const { code, stdout } = await init(['--out', file], { FORUM_DATABASE_URL: changed.url });
  expect(code).toBe(0);
  const lines = stdout
    .split('\n')
    .filter((line) => /^[-+] /.test(line))
    .map((line) => line.replaceAll(/^([-+]) +/g, '$1 '));
  expect(lines).toContain(`- { table: 'public.email_changes', subject: 'member_id' },`);
  expect(lines).toContain(`- sources: ['last_ip'],`);
  expect(lines).toContain(`+ omit: ['access_token'],`);
  expect(lines).toContain(`+ { table: 'public.badges', subject: 'member_id' },`);
  expect(lines).toContain(`+ { table: 'public.badges', subject: 'granted_by', detach: { granted_by: null } },`);
  expect(lines.filter((line) => /friend|gracePeriod|topics/.test(line))).toEqual([]);
  expect(readFileSync(file, 'utf8')).toBe(edited);
  const proposed = readFileSync(`${file}.new`, 'utf8');
  expect(proposed).toContain(`about: 'Your friends'`);
  expect(proposed).toContain(`gracePeriod: '3 days'`);
  expect(proposed).not.toContain('email_changes');
});

test('replaces a file only with --force, and never one with other systems', async () => {
  const file = filePath('force.config.ts');
  writeFileSync(file, 'export default');
  const kept = await propose(file);
  expect(kept.stdout).toMatch(
    /^force\.config\.ts exists and was not changed; it was not compared, because it cannot be read/,
  );
  expect(readFileSync(file, 'utf8')).toBe('export default');
  expect(readFileSync(`${file}.new`, 'utf8')).toContain(`table: 'public.members'`);
  const refused = await propose(file, '--force');
  expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('Nothing was written') });
  const alone = filePath('alone.config.ts');
  await propose(alone);
  writeFileSync(alone, readFileSync(alone, 'utf8').replace(/, \/\/ by name and type/g, ','));
  await sql`CREATE TABLE trophies (trophy_id int PRIMARY KEY, member_id int REFERENCES members)`;
  expect((await propose(alone, '--force')).code).toBe(0);
  expect(readFileSync(alone, 'utf8')).toContain('public.trophies');
  await sql`DROP TABLE trophies`;
});

test('ends with 1 and writes the file when check finds what no statement corrects', async () => {
  const file = filePath('errors.config.ts');
  const role = `init_reader_${process.pid}`;
  await sql.unsafe(`CREATE ROLE ${role} LOGIN; GRANT SELECT ON ALL TABLES IN SCHEMA public TO ${role};
    ALTER TABLE smileys ENABLE ROW LEVEL SECURITY; ALTER TABLE posts ENABLE ROW LEVEL SECURITY`);
  const database = Object.assign(new URL(url), { username: role }).href;
  const { code, stdout } = await init(['--database', database, '--table', 'members', '--out', file]);
  await sql.unsafe(`DROP OWNED BY ${role}; DROP ROLE ${role}; ALTER TABLE posts DISABLE ROW LEVEL SECURITY`);
  expect({ code, exists: existsSync(file) }).toEqual({ code: 1, exists: true });
  const [, errors = ''] = stdout.split('check still has errors:');
  expect(errors).toContain('public.posts has row-level security that applies to Lethe’s role');
  expect(errors).not.toContain('smileys');
  expect(stdout).toContain('npm run -s system-sql');
});
