import { pino } from 'pino';
import { expect, test } from 'vitest';
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
