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

test('every version is pinned, and those of the Temporal SDK are equal', () => {
  for (const version of Object.values(pins)) expect(version).toMatch(/^\d+\.\d+\.\d+(-[\w.]+)?$/);
  const sdk = Object.entries(pins).filter(([name]) => name.startsWith('@temporalio/'));
  expect(new Set(sdk.map(([, version]) => version)).size).toBe(1);
});

test('the lock file names no host', () => {
  const lock = readFileSync(join(ROOT, 'package-lock.json'), 'utf8');
  expect(lock).not.toContain('"resolved"');
  expect(lock).not.toMatch(/"(version|integrity)": "(https?|git|file):/);
});

// With two majors under it, the SDK refuses to replay a saved history: `type must be a Type`.
test('every package of the Temporal SDK that uses protobufjs gets the one that we pin', () => {
  const scope = join(ROOT, 'node_modules/@temporalio');
  for (const name of readdirSync(scope)) {
    const path = join(scope, name, 'package.json');
    if (manifest(path).dependencies['protobufjs'] === undefined) continue;
    const used = createRequire(path).resolve('protobufjs/package.json');
    expect([name, manifest(used).version]).toEqual([name, pins['protobufjs']]);
  }
});

test('a duration is a type, not any', () => {
  const good: Duration = '14 days';
  // @ts-expect-error types/ms.d.ts gives the SDK its types back; without it this line compiles as it stands
  const bad: Duration = 'banana';
  expect([good, bad]).toHaveLength(2);
});
