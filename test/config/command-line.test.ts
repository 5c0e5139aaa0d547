import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { z } from 'zod';

const ROOT = resolve(import.meta.dirname, '../..');
const Package = z.object({ scripts: z.record(z.string(), z.string()) });
const { scripts } = Package.parse(JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')));
/** The scripts of package.json that check or build the repository and have no options. */
const WITHOUT_OPTIONS = ['checks', 'migrations:check', 'sizes', 'words', 'titles', 'bundle'];
const commands = Object.entries(scripts).flatMap(([name, script]) => {
  const [program, ...args] = script.split(' ');
  return program === 'node' && !WITHOUT_OPTIONS.includes(name) ? [{ name, args }] : [];
});

/** Runs a command without any variable, in a folder without `.env` and without a configuration. */
async function run(args: readonly string[]) {
  const paths = args.map((arg) => (arg.endsWith('.ts') ? join(ROOT, arg) : arg));
  const child = spawn(process.execPath, paths, { cwd: tmpdir(), env: { PATH: process.env['PATH'] } });
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
  return { stdout, stderr, code: code as unknown };
}

test('knows every command of package.json', () => {
  expect(commands.map(({ name }) => name)).toEqual(
    expect.arrayContaining(['demo', 'temporal', 'start:api', 'start:worker', 'migrate', 'member', 'init', 'check']),
  );
});

test.each(commands)(
  'prints usage, options, variables and an example of $name with --help, and refuses an unknown option with the usage',
  async ({ name, args }) => {
    const [help, refused] = await Promise.all([
      run([...args, name === 'check' ? '-h' : '--help']),
      run([...args, '--no-such-option=canary']),
    ]);
    expect(help).toMatchObject({ code: 0, stderr: '' });
    const usage = new RegExp(`^usage: npm run (-s )?${name}\\b`, 'm');
    expect(help.stdout).toMatch(usage);
    expect(help.stdout).toMatch(/^Options:\n(?: {2}.*\n)* {2}-h, --help {2,}Print this help\.$/m);
    expect(help.stdout).toMatch(new RegExp(`^Examples:\\n {2}.*npm run (-s )?${name}\\b`, 'm'));
    expect(help.stdout.split('\n').filter((line) => line.length > 160)).toEqual([]);
    expect(refused).toMatchObject({ code: 2, stdout: '' });
    expect(refused.stderr).toMatch(/^Unknown option '--no-such-option'\n\n/);
    expect(refused.stderr).toMatch(usage);
    expect(refused.stderr).not.toContain('canary');
  },
);

test('does not print an argument that no option names, which can be a URL with a password', async () => {
  const { code, stdout, stderr } = await run(['commands/init.ts', 'postgres://u:canary@127.0.0.1/x']);
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr).toMatch(/^Every argument needs the name of an option before it\n\nusage: npm run -s init /);
  expect(stderr).not.toContain('canary');
});
