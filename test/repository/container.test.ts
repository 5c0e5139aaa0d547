import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseYaml } from '@redocly/openapi-core';
import { expect, test } from 'vitest';
import { z } from 'zod';

const ROOT = resolve(import.meta.dirname, '../..');
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

const Service = z.object({
  image: z.string().optional(),
  user: z.string(),
  read_only: z.boolean(),
  tmpfs: z.array(z.string()),
  cap_drop: z.array(z.string()),
  cap_add: z.array(z.string()).default([]),
  security_opt: z.array(z.string()),
  mem_limit: z.string(),
  pids_limit: z.number(),
  privileged: z.boolean().default(false),
  ports: z.array(z.string()).default([]),
  volumes: z.array(z.string()).default([]),
  restart: z.string().optional(),
  healthcheck: z.union([z.object({ test: z.array(z.string()) }), z.object({ disable: z.literal(true) })]).optional(),
  environment: z.record(z.string(), z.string()).default({}),
  networks: z
    .union([
      z.array(z.string()).transform((names) => Object.fromEntries(names.map((name) => [name, null]))),
      z.record(z.string(), z.object({ ipv4_address: z.string() }).nullable()),
    ])
    .default({ default: null }),
});
const Compose = z.object({
  services: z.record(z.string(), Service),
  configs: z.record(z.string(), z.object({ file: z.string() })),
});
const { services, configs } = Compose.parse(parseYaml(read('docker-compose.yml')));
const all = Object.entries(services);
/** The only rights beyond none: the image of Caddy cannot be executed without this capability, and owns its volume. */
const RIGHTS: Readonly<Record<string, { readonly root: boolean; readonly capabilities: readonly string[] }>> = {
  proxy: { root: true, capabilities: ['NET_BIND_SERVICE'] },
};

test.each(all)('confines the service %s to its volumes, without rights and with bounded memory', (name, service) => {
  const { root, capabilities } = RIGHTS[name] ?? { root: false, capabilities: [] };
  expect(/^(root|0)(:|$)/.test(service.user)).toBe(root);
  expect(service.cap_add).toEqual(capabilities);
  expect(service).toMatchObject({ read_only: true, cap_drop: ['ALL'], privileged: false });
  expect(service.security_opt).toEqual(['no-new-privileges:true']);
  expect(service.tmpfs).toContain('/tmp');
  expect(service.mem_limit).toMatch(/^\d+[mg]$/);
  expect(service.pids_limit).toBeLessThanOrEqual(512);
  expect(service.volumes.filter((volume) => volume.includes('docker.sock'))).toEqual([]);
});

test('publishes ports on the loopback interface only, and none of the databases, the API, the worker or the metrics', () => {
  for (const [, { ports }] of all) for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:\d+:\d+$/);
  const published = all.filter(([, { ports }]) => ports.length > 0).map(([name]) => name);
  expect(published.toSorted()).toEqual(['proxy', 'temporal', 'temporal-ui']);
  expect(all.flatMap(([, { ports }]) => ports).filter((port) => port.includes('9464'))).toEqual([]);
});

test('serves metrics in the inner network only, where the proxy is not', () => {
  const { api, worker, proxy } = services;
  expect(Object.keys(proxy?.networks ?? {})).toEqual(['edge']);
  expect(Object.keys(worker?.networks ?? {})).toEqual(['default']);
  expect(api?.environment['METRICS_ADDRESS']).toBe(`${api?.networks['default']?.ipv4_address}:9464`);
  expect(all.filter(([, { networks }]) => 'edge' in networks).map(([name]) => name)).toEqual(['api', 'proxy']);
});

/** The command of a health check. Empty without one. */
const checkOf = (name: string): readonly string[] => {
  const check = services[name]?.healthcheck;
  return check !== undefined && 'test' in check ? check.test : [];
};

test('checks the health of every process of Lethe that stays up', () => {
  const unchecked = ['api', 'worker', 'postgres', 'temporal'].filter((name) => checkOf(name).length < 2);
  expect(unchecked).toEqual([]);
  expect(services['migrate']?.healthcheck).toEqual({ disable: true });
});

test.each(['api', 'worker'])('has a health check of the %s that is valid JavaScript', (name) => {
  const [flag, script = ''] = checkOf(name).slice(2);
  expect(flag).toBe('-e');
  expect(() => execFileSync(process.execPath, ['--check', '-'], { input: script, stdio: 'pipe' })).not.toThrow();
});

test('mounts its configuration as files, because inline contents cannot be copied into a read-only container', () => {
  for (const { file } of Object.values(configs)) expect(read(file).length).toBeGreaterThan(0);
});

test('builds from a base image with a digest, runs as a user without rights and checks its health', () => {
  const dockerfile = read('Dockerfile');
  const bases = [...dockerfile.matchAll(/^FROM (.+)$/gm)].map(([, base]) => base);
  expect(bases).toEqual([expect.stringMatching(/^node:24\.\d+\.\d+-bookworm-slim@sha256:[0-9a-f]{64}$/)]);
  expect(dockerfile).toMatch(/^HEALTHCHECK .*CMD \["node", "-e"/m);
  const users = [...dockerfile.matchAll(/^USER (.+)$/gm)].map(([, user]) => user);
  expect(users).toEqual(['node']);
  expect(dockerfile.indexOf('\nUSER node\n')).toBeLessThan(dockerfile.indexOf('\nCMD '));
  const [, bundle = ''] = /^RUN node commands\/bundle\.ts --output (\S+)$/m.exec(dockerfile) ?? [];
  expect(dockerfile).toContain(`LETHE_WORKFLOW_BUNDLE=/lethe/${bundle} `);
  expect(bundle).not.toBe('');
  expect(dockerfile).not.toMatch(/^ADD |curl|wget|:latest/m);
});
