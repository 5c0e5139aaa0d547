import { chmodSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { findTemporalBinary } from '../../dev/embedded/temporal/binary.ts';
import type { Installer } from '../../dev/embedded/temporal/install.ts';

let home = '';
beforeEach(() => {
  home = realpathSync(mkdtempSync(join(tmpdir(), 'lethe-test-')));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

function executable(path: string): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, '#!/bin/sh\n');
  chmodSync(path, 0o755);
  return path;
}

const workingInstaller = (description: string): Installer => ({
  description,
  install: async (name, _pin, folder) => {
    executable(join(folder, 'bin', name));
    await sleep(50);
  },
});
const failingInstaller = (description: string): Installer => ({
  description,
  install: () => Promise.reject(new Error(`${description} has no route`)),
});

test('prefers the environment variable to PATH', async () => {
  const given = executable(join(home, 'given'));
  executable(join(home, 'path/temporal'));
  const env = { TEMPORAL_CLI_PATH: given, PATH: join(home, 'path') };
  expect(await findTemporalBinary('temporal', { env })).toBe(given);
});

test('rejects an environment variable that does not name an executable', async () => {
  const env = { TEMPORAL_TEST_SERVER_PATH: join(home, 'missing') };
  await expect(findTemporalBinary('temporal-test-server', { env })).rejects.toThrow('TEMPORAL_TEST_SERVER_PATH=');
});

test('prefers PATH to the cache and the cache to an installation', async () => {
  const onPath = executable(join(home, 'path/temporal'));
  const search = { cache: join(home, 'cache'), installers: [workingInstaller('first')] };
  expect(await findTemporalBinary('temporal', { ...search, env: { PATH: join(home, 'path') } })).toBe(onPath);
  const cached = await findTemporalBinary('temporal', { ...search, env: {} });
  expect(cached.startsWith(join(home, 'cache'))).toBe(true);
  expect(await findTemporalBinary('temporal', { ...search, env: {}, installers: [] })).toBe(cached);
});

test('uses the second installer and keeps no leftovers when the first one fails', async () => {
  const cache = join(home, 'cache');
  const installers = [failingInstaller('first'), workingInstaller('second')];
  await findTemporalBinary('temporal', { env: {}, cache, installers });
  expect(readdirSync(cache)).toHaveLength(1);
});

test('returns the same binary to concurrent calls', async () => {
  const search = { env: {}, cache: join(home, 'cache'), installers: [workingInstaller('only')] };
  const both = await Promise.all([findTemporalBinary('temporal', search), findTemporalBinary('temporal', search)]);
  expect(both[0]).toBe(both[1]);
  expect(readdirSync(search.cache)).toHaveLength(1);
});

test('lists everything that was tried when all installers fail', async () => {
  const search = {
    env: {},
    cache: join(home, 'cache'),
    installers: [failingInstaller('download'), failingInstaller('pip')],
  };
  await expect(findTemporalBinary('temporal', search)).rejects.toThrow(
    /TEMPORAL_CLI_PATH: not set[^]*PATH: [^]*cache[^]*download has no route[^]*pip has no route/,
  );
});
