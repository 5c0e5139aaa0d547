import { expect, test } from 'vitest';
import { manual, type ManualSettings } from '../../../connectors/manual/index.ts';
import { readDeployment } from '../../../config/deployment.ts';
import { mask } from '../../../domain/tasks/mask.ts';
import { batchOf, deletion, testContext } from '../calls.ts';

const SETTINGS: ManualSettings = {
  erase: 'Delete {subjects} in {system}.',
  kinds: { user: { identities: { email: { match: 'caseInsensitive' } } } },
  within: '10 days',
};
const errorsOf = (settings: unknown) =>
  manual(settings as ManualSettings)
    .validate()
    .map(({ path, message }) => `${path}: ${message}`);

test('describes a system that only deletes, and whose deletion a person states', () => {
  expect(errorsOf(SETTINGS)).toEqual([]);
  expect(manual({ ...SETTINGS, subjectsPerTask: 50 }).describe()).toMatchObject({
    kinds: ['user'],
    identityTypes: { user: { email: { comparison: 'caseInsensitive', parts: 1 } } },
    actions: { resolve: false, hide: false, export: false, count: false, suppress: false, scopes: ['data'] },
    limits: { batchSize: 50 },
    verification: 'person',
    completesWithinMs: 864_000_000,
  });
});

test('changes the hash of the data map with the identities, and not with words or times', () => {
  const hashOf = (settings: ManualSettings) => manual(settings).describe().dataMapHash;
  expect(hashOf({ ...SETTINGS, erase: 'Remove them.', within: '1 day' })).toBe(hashOf(SETTINGS));
  expect(hashOf({ ...SETTINGS, kinds: { user: { identities: { user_id: {} } } } })).not.toBe(hashOf(SETTINGS));
});

test('lists every config error with its path', () => {
  expect(
    errorsOf({
      erase: 'Delete {email} of {person}.',
      kinds: { user: { identities: {} } },
      within: 'soon',
      notify: 'the team',
      subjectsPerTask: 0,
      export: 'Send the data.',
    }),
  ).toEqual([
    'erase: has the unknown placeholder {email}; allowed: {project}, {system}, {request}, {subjects}, {due}',
    'erase: has the unknown placeholder {person}; allowed: {project}, {system}, {request}, {subjects}, {due}',
    'kinds.user.identities: must name at least one identity type',
    "within: must be a duration such as '10 days'",
    'notify: must be a mail address',
    'subjectsPerTask: must be at least 1',
    'export: unknown key; allowed keys: erase, kinds, within, notify, subjectsPerTask',
  ]);
});

test('is a config error where the time for a task does not fit into a deadline', () => {
  const definition = manual({ ...SETTINGS, within: '40 days' });
  const policy = { deadline: { gdpr: '30 days' } } as const;
  const project = { policy, directory: 'partner', systems: { partner: definition } };
  expect(() => readDeployment({ projects: { shop: project } })).toThrow(/projects.shop.policy.deadline.gdpr/);
});

test('deletes nothing without a ledger for its tasks', async () => {
  const connector = manual(SETTINGS).open({ system: 'shop/partner', secret: () => '' });
  expect(await connector.inspect()).toEqual([]);
  const call = connector.hardDelete(batchOf([[{ type: 'email', value: ['ann@x.test'] }]]), deletion(), testContext());
  await expect(call).rejects.toMatchObject({ code: 'refused', retryable: false });
  await connector.close();
});

test.each([
  ['ann@x.test', 'a••@x••'],
  ['u-17', 'u••'],
  ['x', '••'],
  ['x@y', '••@••'],
  ['', '••'],
  ['👩‍👩‍👧 Ann', '👩‍👩‍👧••'],
])('masks %j as %j', (value, masked) => {
  expect(mask(value)).toBe(masked);
});
