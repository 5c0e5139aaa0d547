import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { pino } from 'pino';
import { afterAll, expect, test } from 'vitest';
import { apiEnvironment } from '../../config/environment.ts';
import { reportFatal } from '../../config/report/fatal.ts';

const report = (failure: Parameters<typeof reportFatal>[1], terminal: boolean) => {
  let [log, plain] = ['', ''];
  const logger = pino({}, { write: (line: string) => void (log += line) });
  reportFatal(logger, failure, 'cannot start', terminal ? { write: (text: string) => void (plain += text) } : null);
  return { log, plain };
};
const reason = 'the environment is invalid:\n  DATABASE_URL: is not set';

test('prints the reason as plain text when the process runs on a terminal', () => {
  expect(report({ code: null, reason }, true)).toEqual({ log: '', plain: `cannot start: ${reason}\n` });
  expect(report({ code: 'ECONNREFUSED', reason: 'the database cannot be reached' }, true).plain).toBe(
    'cannot start: the database cannot be reached (ECONNREFUSED)\n',
  );
  expect(report({ code: null, reason: undefined }, true).plain).toBe('cannot start: unexpected error\n');
});

test('writes one line of JSON to the log when there is no terminal', () => {
  const { log, plain } = report({ code: null, reason }, false);
  expect([plain, log.trim().split('\n')]).toEqual(['', [expect.stringContaining('"level":60')]]);
  expect(JSON.parse(log)).toMatchObject({ reason, msg: 'cannot start' });
});

const folder = mkdtempSync(join(tmpdir(), 'lethe-fatal-'));
afterAll(() => rmSync(folder, { recursive: true }));
const fileWith = (name: string, content: string): string => {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
};
/** What a command prints when it loads a configuration file. Node loads it, as an operator's process does. */
async function reasonOf(path: string): Promise<string> {
  const child = spawn(process.execPath, ['commands/system-sql.ts'], { env: { LETHE_CONFIG: path } });
  const [stderr] = await Promise.all([text(child.stderr), once(child, 'exit')]);
  return stderr;
}

test('names the configuration file, and the line where there is one, when the file cannot be loaded', async () => {
  const withEnum = fileWith('enum.config.ts', 'const a: number = 1;\nenum Kind { A }\nexport default { a, Kind };\n');
  expect(await reasonOf(withEnum)).toMatch(`${withEnum}:2: `);
  const throwing = fileWith('throwing.config.ts', 'export default (() => {\n  throw new TypeError("wrong");\n})();\n');
  expect(await reasonOf(throwing)).toBe(`${throwing}:2: wrong\n`);
  const importing = fileWith('importing.config.ts', "import './nothing.ts';\nexport default {};\n");
  expect(await reasonOf(importing)).toMatch(`${importing}: Cannot find module '${join(folder, 'nothing.ts')}'`);
  expect(await reasonOf(folder)).toBe(
    `${folder} is not a file. Set LETHE_CONFIG to the path of your lethe.config.ts.\n`,
  );
  expect(await reasonOf(join(folder, 'nowhere.ts'))).toMatch(
    /^configuration file not found: .*nowhere\.ts\. Set LETHE_CONFIG/,
  );
});

test('rejects an address of Temporal that is not a host with a port', () => {
  const read = (TEMPORAL_ADDRESS: string) =>
    apiEnvironment({
      DATABASE_URL: 'postgres://lethe@db.test/lethe',
      LETHE_DIGEST_KEYS: `k1:${Buffer.alloc(32, 1).toString('base64url')}`,
      TEMPORAL_ADDRESS,
    }).temporal.address;
  for (const right of ['127.0.0.1:7233', '[::1]:7233', 'temporal.example.com', 'temporal:7233'])
    expect(read(right)).toBe(right);
  for (const wrong of ['http://temporal:7233', 'temporal:port', 'temporal 7233', '::1:7233'])
    expect(() => read(wrong)).toThrow('TEMPORAL_ADDRESS: must be a host and a port, such as 127.0.0.1:7233');
});
