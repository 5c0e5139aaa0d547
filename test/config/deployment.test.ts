import { expect, test } from 'vitest';
import { DeploymentError, loadDeployment, readDeployment } from '../../config/deployment.ts';
import type { Deployment } from '../../config/settings.ts';
import { DAY_MS, HOUR_MS } from '../../domain/calendar.ts';
import { deployment, system } from './definitions.ts';

const pathsOf = (given: unknown): string[] => {
  try {
    readDeployment(given as Deployment);
    return [];
  } catch (error) {
    if (!(error instanceof DeploymentError)) throw error;
    return error.errors.map(({ path }) => path);
  }
};

test('what the configuration leaves out has the documented values', () => {
  expect(readDeployment(deployment()).catalog.get('demo')?.policy).toEqual({
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

test('hard deletion without a time of day has no run window and no quota', () => {
  const policy = readDeployment(deployment({ hardDeletion: {} })).catalog.get('demo')?.policy;
  expect([policy?.window, policy?.quotaPerRun]).toEqual([null, null]);
});

test('the catalog knows a system without asking for a secret', () => {
  const [entry] = readDeployment(deployment()).catalog.get('demo')?.systems ?? [];
  expect(entry).toMatchObject({ name: 'app', kinds: ['user'], hides: true, segments: true, dataMapHash: 'hash' });
});

test('definitions come back by project and system, as they were given', () => {
  const given = deployment();
  expect(readDeployment(given).definitions.get('demo')?.get('app')).toBe(given.projects['demo']?.systems['app']);
});

test.each([
  ['a duration that is none', { gracePeriod: 'a fortnight' }, 'gracePeriod'],
  ['a negative duration', { settle: '-1 days' }, 'settle'],
  ['a time of day that is none', { hardDeletion: { dailyAt: '25:00' } }, 'hardDeletion.dailyAt'],
  ['a quota without a run', { hardDeletion: { quotaPerRun: 5 } }, 'hardDeletion.quotaPerRun'],
  ['a quota of nothing', { hardDeletion: { dailyAt: '02:00', quotaPerRun: 0 } }, 'hardDeletion.quotaPerRun'],
  ['an unknown key of the run window', { hardDeletion: { dailyAt: '02:00', weekly: true } }, 'hardDeletion.weekly'],
  ['a limit of half a subject', { subjectsPerRequest: 0.5 }, 'subjectsPerRequest'],
  ['a limit of nothing', { subjectsPerUpload: 0 }, 'subjectsPerUpload'],
  ['a limit that is a text', { subjectsPerSegment: '50000' }, 'subjectsPerSegment'],
  ['negative growth', { growth: -0.1 }, 'growth'],
  ['no regulation', { deadline: {} }, 'deadline'],
  ['no deadline', { deadline: undefined }, 'deadline'],
  ['a deadline that is no duration', { deadline: { gdpr: 30 } }, 'deadline.gdpr'],
  ['an unknown key', { grace: '14 days' }, 'grace'],
])('%s in the policy is told with its path', (_, policy, path) => {
  expect(pathsOf(deployment(policy))).toEqual([`projects.demo.policy.${path}`]);
});

test.each([
  ['an unknown key', { region: 'eu' }, 'region'],
  ['no policy', { policy: undefined }, 'policy'],
  ['a directory that is no system', { directory: 'crm' }, 'directory'],
  ['no directory', { directory: undefined }, 'directory'],
  ['something that is no connector', { systems: { app: system(), crm: { url: 'x' } } }, 'systems.crm'],
  ['a system name that no queue may have', { systems: { app: system(), 'My CRM': system() } }, 'systems.My CRM'],
])('%s in a project is told with its path', (_, project, path) => {
  expect(pathsOf(deployment({}, project))).toEqual([`projects.demo.${path}`]);
});

test('a directory that cannot resolve is refused', () => {
  const app = system({ actions: { resolve: false, hide: true, segments: false, export: false } });
  expect(pathsOf(deployment({}, { systems: { app } }))).toEqual(['projects.demo.directory']);
});

test.each([
  ['no projects', {}, ['projects']],
  ['a project that is null', { projects: { demo: null } }, ['projects.demo']],
  ['an unknown key beside projects', { ...deployment(), version: 1 }, ['version']],
])('%s is told with its path', (_, given, paths) => {
  expect(pathsOf(given)).toEqual(paths);
});

test('two systems that compare one identity type differently are refused', () => {
  const crm = system({ identityTypes: { user: { email: { comparison: 'exact', parts: 1 } } } });
  expect(pathsOf(deployment({}, { systems: { app: system(), crm } }))).toEqual(['projects.demo.systems.crm']);
});

test('two systems that compare one identity type alike are not', () => {
  expect(pathsOf(deployment({}, { systems: { app: system(), crm: system() } }))).toEqual([]);
});

test('one type may compare differently for users and for companies', () => {
  const crm = system({
    kinds: ['company'],
    identityTypes: { company: { email: { comparison: 'exact', parts: 1 } } },
  });
  expect(pathsOf(deployment({}, { systems: { app: system(), crm } }))).toEqual([]);
});

test('a deadline that grace period, slowest system and settle exceed is refused, of each regulation for itself', () => {
  const crm = system({ completesWithinMs: 16 * DAY_MS });
  const policy = { deadline: { gdpr: '30 days', ccpa: '45 days' } };
  expect(pathsOf(deployment(policy, { systems: { app: system(), crm } }))).toEqual([
    'projects.demo.policy.deadline.gdpr',
  ]);
});

test('a deadline that is met to the day is not refused', () => {
  const app = system({ completesWithinMs: 15 * DAY_MS });
  expect(pathsOf(deployment({}, { systems: { app } }))).toEqual([]);
});

test('who is to be exported before every deletion can be handed out by some system, kind by kind', () => {
  const actions = { resolve: true, hide: true, segments: true, export: false };
  const mail = system({ kinds: ['user', 'company'], actions });
  const of = (...kinds: ('user' | 'company')[]) => ({ systems: { app: system({ kinds }), mail } });
  const first = { exports: { beforeDeletion: true } };
  expect(pathsOf(deployment(first, of('user')))).toEqual(['projects.demo.policy.exports.beforeDeletion']);
  expect(pathsOf(deployment(first, of('user', 'company')))).toEqual([]);
  expect(pathsOf(deployment({}, of('user')))).toEqual([]);
});

test("a connector's own mistakes are told below its system", () => {
  const app = system({}, [
    { path: 'kinds.user.key', message: 'no such column' },
    { path: '', message: 'has no kinds' },
  ]);
  const at = 'projects.demo.systems.app';
  expect(pathsOf(deployment({}, { systems: { app } }))).toEqual([`${at}.kinds.user.key`, at]);
});

test('mistakes of several projects are told at once', () => {
  const one = deployment({ gracePeriod: 'soon', growing: 1 }).projects['demo'];
  const two = deployment({}, { directory: 'crm', region: 'eu' }).projects['demo'];
  expect(pathsOf({ projects: { one, two } }).toSorted()).toEqual([
    'projects.one.policy.gracePeriod',
    'projects.one.policy.growing',
    'projects.two.directory',
    'projects.two.region',
  ]);
});

test('a file without a default export is refused by its path', async () => {
  await expect(loadDeployment('domain/calendar.ts')).rejects.toThrow('domain/calendar.ts has no default export');
});

test('the deployment that ships has no mistake', async () => {
  expect(pathsOf(await loadDeployment('lethe.config.ts'))).toEqual([]);
});

test('the demo differs from the deployment that ships in its policy alone', async () => {
  const shipped = readDeployment(await loadDeployment('lethe.config.ts')).catalog.get('demo');
  const demo = readDeployment(await loadDeployment('dev/demo/demo.config.ts')).catalog.get('demo');
  expect({ ...demo, policy: null }).toEqual({ ...shipped, policy: null });
});
