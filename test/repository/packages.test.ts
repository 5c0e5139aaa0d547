import { readFileSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import type { Duration } from '@temporalio/common';
import { expect, test } from 'vitest';
import { z } from 'zod';

const ROOT = resolve(import.meta.dirname, '../..');
const Versions = z.record(z.string(), z.string());
const Manifest = z.object({
  version: z.string(),
  dependencies: Versions.default({}),
  devDependencies: Versions.default({}),
  optionalDependencies: Versions.default({}),
});
const manifest = (path: string): z.infer<typeof Manifest> => Manifest.parse(JSON.parse(readFileSync(path, 'utf8')));
const own = manifest(join(ROOT, 'package.json'));
const pins = { ...own.dependencies, ...own.devDependencies, ...own.optionalDependencies };

test('pins every version and uses one version of the Temporal SDK', () => {
  for (const version of Object.values(pins)) expect(version).toMatch(/^\d+\.\d+\.\d+(-[\w.]+)?$/);
  const sdk = Object.entries(pins).filter(([name]) => name.startsWith('@temporalio/'));
  expect(new Set(sdk.map(([, version]) => version)).size).toBe(1);
});

test('does not name a registry host in the lock file', () => {
  const lock = readFileSync(join(ROOT, 'package-lock.json'), 'utf8');
  expect(lock).not.toContain('"resolved"');
  expect(lock).not.toMatch(/"(version|integrity)": "(https?|git|file):/);
});

// With two major versions, the SDK cannot replay a saved history (`type must be a Type`).
test('resolves protobufjs to the pinned version for every package of the Temporal SDK', () => {
  const scope = join(ROOT, 'node_modules/@temporalio');
  for (const name of readdirSync(scope)) {
    const path = join(scope, name, 'package.json');
    if (manifest(path).dependencies['protobufjs'] === undefined) continue;
    const used = createRequire(path).resolve('protobufjs/package.json');
    expect([name, manifest(used).version]).toEqual([name, pins['protobufjs']]);
  }
});

test('checks the type of durations', () => {
  const valid: Duration = '14 days';
  // @ts-expect-error Without types/ms.d.ts, `Duration` would be `any` and this line would compile.
  const invalid: Duration = 'banana';
  expect([valid, invalid]).toHaveLength(2);
});
