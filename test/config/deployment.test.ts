import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { DeploymentError, loadDeployment, readDeployment } from '../../config/deployment.ts';
import type { Deployment } from '../../config/settings.ts';
import { DAY_MS, HOUR_MS } from '../../domain/calendar.ts';
import { ACTIONS, deploymentWith, systemWith } from './definitions.ts';

const errorPaths = (deployment: unknown): string[] => {
  try {
    readDeployment(deployment as Deployment);
    return [];
  } catch (error) {
    if (!(error instanceof DeploymentError)) throw error;
    return error.errors.map(({ path }) => path);
  }
};

test('applies the documented defaults to omitted policy keys', () => {
  expect(readDeployment(deploymentWith()).catalog.get('demo')?.policy).toEqual({
    graceMs: 14 * DAY_MS,
    window: { dailyAtMs: 2 * HOUR_MS },
    quotaPerRun: 10_000,
    settleMs: DAY_MS,
    subjectsPerRequest: 2_000,
    subjectsPerUpload: 10_000,
    subjectsPerSegment: 50_000,
    callsPerMinute: 600,
    deadlineMs: { gdpr: 30 * DAY_MS },
    growth: 0.1,
    exportsKeptMs: 7 * DAY_MS,
    exportFirst: false,
  });
});

test('reads a regulation of the policy in any case', () => {
  const policy = { deadline: { GDPR: '30 days', Ccpa: '45 days' } };
  expect(readDeployment(deploymentWith(policy)).catalog.get('demo')?.policy.deadlineMs).toEqual({
    gdpr: 30 * DAY_MS,
    ccpa: 45 * DAY_MS,
  });
  const twice = { deadline: { gdpr: '30 days', GDPR: '45 days' } };
  expect(errorPaths(deploymentWith(twice))).toEqual(['projects.demo.policy.deadline.GDPR']);
});

test('has no run window and no quota when hardDeletion has no dailyAt', () => {
  const policy = readDeployment(deploymentWith({ hardDeletion: {} })).catalog.get('demo')?.policy;
  expect([policy?.window, policy?.quotaPerRun]).toEqual([null, null]);
});

test('describes a system in the catalog without reading its secret', () => {
  const [entry] = readDeployment(deploymentWith()).catalog.get('demo')?.systems ?? [];
  expect(entry).toMatchObject({ name: 'app', kinds: ['user'], hides: true, segments: true, dataMapHash: 'hash' });
});

test('returns each definition unchanged by project and system', () => {
  const deployment = deploymentWith();
  expect(readDeployment(deployment).definitions.get('demo')?.get('app')).toBe(
    deployment.projects['demo']?.systems['app'],
  );
});

test.each([
  ['an invalid duration', { gracePeriod: 'a fortnight' }, 'gracePeriod'],
  ['a negative duration', { settle: '-1 days' }, 'settle'],
  ['an invalid time of day', { hardDeletion: { dailyAt: '25:00' } }, 'hardDeletion.dailyAt'],
  ['a quota without dailyAt', { hardDeletion: { quotaPerRun: 5 } }, 'hardDeletion.quotaPerRun'],
  ['a quota of 0', { hardDeletion: { dailyAt: '02:00', quotaPerRun: 0 } }, 'hardDeletion.quotaPerRun'],
  ['an unknown key of hardDeletion', { hardDeletion: { dailyAt: '02:00', weekly: true } }, 'hardDeletion.weekly'],
  ['a fractional limit', { subjectsPerRequest: 0.5 }, 'subjectsPerRequest'],
  ['a limit of 0', { subjectsPerUpload: 0 }, 'subjectsPerUpload'],
  ['a limit given as text', { subjectsPerSegment: '50000' }, 'subjectsPerSegment'],
  ['negative growth', { growth: -0.1 }, 'growth'],
  ['a deadline without regulations', { deadline: {} }, 'deadline'],
  ['a missing deadline', { deadline: undefined }, 'deadline'],
  ['a deadline that is not a duration', { deadline: { gdpr: 30 } }, 'deadline.gdpr'],
  ['an unknown key', { grace: '14 days' }, 'grace'],
])('reports the path of %s in the policy', (_, policy, path) => {
  expect(errorPaths(deploymentWith(policy))).toEqual([`projects.demo.policy.${path}`]);
});

test.each([
  ['an unknown key', { region: 'eu' }, 'region'],
  ['a missing policy', { policy: undefined }, 'policy'],
  ['a directory that is not a system', { directory: 'crm' }, 'directory'],
  ['a missing directory', { directory: undefined }, 'directory'],
  ['a system that is not a connector', { systems: { app: systemWith(), crm: { url: 'x' } } }, 'systems.crm'],
  ['an invalid system name', { systems: { app: systemWith(), 'My CRM': systemWith() } }, 'systems.My CRM'],
])('reports the path of %s in a project', (_, project, path) => {
  expect(errorPaths(deploymentWith({}, project))).toEqual([`projects.demo.${path}`]);
});

test.each([
  ['hides but cannot restore', { restore: false }],
  ['has segments but cannot resolve', { resolve: false }],
  ['cannot delete all data', { scopes: ['categories'] as const }],
])('rejects a system that %s', (_, actions) => {
  const systems = { app: systemWith(), crm: systemWith({ actions: { ...ACTIONS, ...actions } }) };
  expect(errorPaths(deploymentWith({}, { systems }))).toEqual(['projects.demo.systems.crm']);
});

test('counts the time in which a system still shows what it has deleted toward the deadline', () => {
  const slow = (settleMs: number) => ({ systems: { app: systemWith({ settleMs }) } });
  // 14 days of grace, a day of deletion, and twice the time in which the system lags behind.
  expect(errorPaths(deploymentWith({}, slow(7 * DAY_MS)))).toEqual([]);
  expect(errorPaths(deploymentWith({}, slow(8 * DAY_MS)))).toEqual(['projects.demo.policy.deadline.gdpr']);
});

test('rejects a directory that cannot resolve identities', () => {
  const app = systemWith({ actions: { ...ACTIONS, resolve: false, segments: false } });
  expect(errorPaths(deploymentWith({}, { systems: { app } }))).toEqual(['projects.demo.directory']);
});

test.each([
  ['a missing projects key', {}, ['projects']],
  ['a project that is null', { projects: { demo: null } }, ['projects.demo']],
  ['an unknown top-level key', { ...deploymentWith(), version: 1 }, ['version']],
])('reports the path of %s', (_, deployment, paths) => {
  expect(errorPaths(deployment)).toEqual(paths);
});

test('rejects two systems that compare an identity type of one kind differently', () => {
  const crm = systemWith({ identityTypes: { user: { email: { comparison: 'exact', parts: 1 } } } });
  expect(errorPaths(deploymentWith({}, { systems: { app: systemWith(), crm } }))).toEqual([
    'projects.demo.systems.crm',
  ]);
});

test('accepts two systems that compare an identity type of one kind in the same way', () => {
  expect(errorPaths(deploymentWith({}, { systems: { app: systemWith(), crm: systemWith() } }))).toEqual([]);
});

test('accepts an identity type that compares differently for users and companies', () => {
  const crm = systemWith({
    kinds: ['company'],
    identityTypes: { company: { email: { comparison: 'exact', parts: 1 } } },
  });
  expect(errorPaths(deploymentWith({}, { systems: { app: systemWith(), crm } }))).toEqual([]);
});

test('rejects each deadline that is shorter than grace period, slowest system and settle together', () => {
  const crm = systemWith({ completesWithinMs: 16 * DAY_MS });
  const policy = { deadline: { gdpr: '30 days', ccpa: '45 days' } };
  expect(errorPaths(deploymentWith(policy, { systems: { app: systemWith(), crm } }))).toEqual([
    'projects.demo.policy.deadline.gdpr',
  ]);
});

test('accepts a deadline that equals grace period, slowest system and settle together', () => {
  const app = systemWith({ completesWithinMs: 15 * DAY_MS });
  expect(errorPaths(deploymentWith({}, { systems: { app } }))).toEqual([]);
});

test('rejects exports.beforeDeletion when no system exports one of the kinds', () => {
  const actions = { ...ACTIONS, export: false };
  const mail = systemWith({ kinds: ['user', 'company'], actions });
  const exporting = (...kinds: ('user' | 'company')[]) => ({ systems: { app: systemWith({ kinds }), mail } });
  const exportFirst = { exports: { beforeDeletion: true } };
  expect(errorPaths(deploymentWith(exportFirst, exporting('user')))).toEqual([
    'projects.demo.policy.exports.beforeDeletion',
  ]);
  expect(errorPaths(deploymentWith(exportFirst, exporting('user', 'company')))).toEqual([]);
  expect(errorPaths(deploymentWith({}, exporting('user')))).toEqual([]);
});

test('reports config errors of a connector below the path of its system', () => {
  const app = systemWith({}, [
    { path: 'kinds.user.key', message: 'no such column' },
    { path: '', message: 'has no kinds' },
  ]);
  const path = 'projects.demo.systems.app';
  expect(errorPaths(deploymentWith({}, { systems: { app } }))).toEqual([`${path}.kinds.user.key`, path]);
});

test('reports the config errors of all projects at once', () => {
  const one = deploymentWith({ gracePeriod: 'soon', growing: 1 }).projects['demo'];
  const two = deploymentWith({}, { directory: 'crm', region: 'eu' }).projects['demo'];
  expect(errorPaths({ projects: { one, two } }).toSorted()).toEqual([
    'projects.one.policy.gracePeriod',
    'projects.one.policy.growing',
    'projects.two.directory',
    'projects.two.region',
  ]);
});

test('names the path of a configuration file without a default export', async () => {
  await expect(loadDeployment('domain/calendar.ts')).rejects.toThrow('domain/calendar.ts has no default export');
});

test('finds no config errors in the shipped deployment', async () => {
  expect(errorPaths(await loadDeployment('lethe.config.ts'))).toEqual([]);
});

test('uses the shipped deployment with another policy in the demo', async () => {
  const shipped = readDeployment(await loadDeployment('lethe.config.ts')).catalog.get('demo');
  const demo = readDeployment(await loadDeployment('dev/demo/demo.config.ts')).catalog.get('demo');
  expect({ ...demo, policy: null }).toEqual({ ...shipped, policy: null });
});

test.each([
  ['lethe.config.ts', 'export default {\n  projects: {\n    demo: [1, 2\n  },\n};\n', ':4: Expected'],
  ['runtime.config.ts', '\nexport default { projects };\n', ':2: projects is not defined'],
])('names file and line when %s cannot be loaded', async (name, text, place) => {
  const folder = mkdtempSync(join(tmpdir(), 'lethe-config-'));
  const path = join(folder, name);
  writeFileSync(path, text);
  try {
    const env = { ...process.env, LETHE_CONFIG: path };
    await expect(promisify(execFile)(process.execPath, ['commands/check.ts'], { env })).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringContaining(`${path}${place}`) as unknown,
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
});
