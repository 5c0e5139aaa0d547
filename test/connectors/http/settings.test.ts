import { describe, expect, test } from 'vitest';
import { DeploymentError, env, readDeployment } from '../../../config/deployment.ts';
import type { ConnectorDefinition } from '../../../connectors/connector.ts';
import { basic, bearer, done, http, later, oauth2, path, pending } from '../../../connectors/http/index.ts';
import { postgres } from '../../../connectors/postgres/index.ts';

const SOUND = {
  at: 'https://api.example.com',
  auth: bearer({ env: 'TOKEN' }),
  version: '2026-11-29',
  kinds: { user: { identities: { email: { match: 'caseInsensitive' } }, batchSize: 100 } },
  completesWithin: '1 day',
  check: async () => {},
  erase: async () => {},
} as const;

/** The config errors of a project with this system, by path. */
function errorsOf(system: ConnectorDefinition): Record<string, string> {
  try {
    readDeployment({
      projects: {
        demo: {
          policy: { deadline: { gdpr: '30 days' } },
          directory: 'app',
          systems: {
            app: postgres({ url: env('APP'), kinds: { user: { table: 'app.users', key: 'user_id' } } }),
            x: system,
          },
        },
      },
    });
    return {};
  } catch (error) {
    if (!(error instanceof DeploymentError)) throw error;
    return Object.fromEntries(
      error.errors.map(({ path: place, message }) => [place.replace('projects.demo.systems.x.', ''), message]),
    );
  }
}

/** Settings of a configuration file that is plain JavaScript. */
const untyped = (changes: object): ConnectorDefinition => http(Object.assign({}, SOUND, changes));

describe('the check of the settings', () => {
  test('accepts sound settings', () => {
    expect(errorsOf(http(SOUND))).toEqual({});
  });

  test('reports every config error at once with its path', () => {
    const errors = errorsOf(
      untyped({
        at: 'http://user:pass@api.example.com',
        auth: [bearer({ env: '' }), 'token'],
        hosts: { query: { at: 'https://10.0.0.1' } },
        erase: undefined,
        forget: async () => {},
        version: '',
        pace: { erase: [{ every: '1 fortnight' }, { perDay: 0 }] },
        kinds: {
          user: { identities: { email: { match: 'fuzzy' } }, batchSize: 2_000, maxBatchSize: 1_999, att: 'once' },
        },
        completesWithin: 'soon',
        scopes: ['rows'],
        secrets: { project: 'abc' },
      }),
    );
    expect(Object.keys(errors).toSorted()).toEqual([
      'at',
      'auth.0.token',
      'auth.1',
      'completesWithin',
      'erase',
      'forget',
      'hosts.query.at',
      'kinds.user.att',
      'kinds.user.identities.email.match',
      'pace.erase.0.every',
      'pace.erase.1.perDay',
      'scopes.0',
      'secrets.project',
      'version',
    ]);
    expect(errors['forget']).toContain('unknown key');
    expect(errors['secrets.project']).toBe("must be env('NAME')");
  });

  test.each([
    ['plain HTTP', { at: 'http://api.example.com' }, 'at'],
    ['credentials in the URL', { at: 'https://a:b@api.example.com' }, 'at'],
    ['a text that is not a URL', { at: 'api.example.com' }, 'at'],
    ['a private address', { at: 'https://0x7f.1' }, 'at'],
    ['a query of a host', { at: 'https://api.example.com/?a=1' }, 'at'],
    ['another private host', { hosts: { query: { at: 'https://[::ffff:10.0.0.1]' } } }, 'hosts.query.at'],
    [
      'a private host of tokens',
      { auth: oauth2({ tokenUrl: 'https://127.1/t', clientId: 'c', clientSecret: { env: 'S' } }) },
      'auth.tokenUrl',
    ],
    ['a secret that is no variable', { auth: [basic('u', { env: '' })] }, 'auth.0.password'],
    ['a network with a wrong prefix', { allowPrivate: ['10.0.0.0/33'] }, 'allowPrivate.0'],
    [
      'a larger batch than the system takes',
      { kinds: { user: { identities: { email: {} }, batchSize: 2_000, maxBatchSize: 1_999 } } },
      'kinds.user.batchSize',
    ],
    ['two windows of one length', { pace: { read: [{ perMinute: 60 }, { every: '1 minute' }] } }, 'pace.read'],
    ['hiding without a way back', { hide: async () => {} }, 'hide'],
    ['scopes without data', { scopes: ['categories'] }, 'scopes'],
    ['a deletion that ends after each deadline', { completesWithin: '40 days' }, 'projects.demo.policy.deadline.gdpr'],
    [
      'an identity that compares differently from the directory',
      { kinds: { user: { identities: { user_id: { match: 'integer' } }, batchSize: 1 } } },
      'projects.demo.systems.x',
    ],
  ])('refuses %s', (_, changes, place) => {
    expect(Object.keys(errorsOf(untyped(changes)))).toEqual([place]);
  });

  test('does not compile a wrong window, secret, duration, identity or path', () => {
    // @ts-expect-error A window has one of the known lengths.
    http({ ...SOUND, pace: [{ perWeek: 1 }] });
    // @ts-expect-error A secret is a variable.
    http({ ...SOUND, auth: bearer('plain') });
    // @ts-expect-error A duration has a unit.
    http({ ...SOUND, completesWithin: '3 moons' });
    http({
      ...SOUND,
      erase: async (api, people) => {
        // @ts-expect-error The kind declares no identity of this type.
        const type: keyof (typeof people)[number]['ids'] = 'phone';
        await api.delete(path`/x/${type}`);
      },
    });
    // @ts-expect-error A path with a value needs its tag.
    http({ ...SOUND, erase: async (api, people) => void (await api.delete(`/x/${String(people.length)}`)) });
    expect(errorsOf(http(SOUND))).toEqual({});
  });
});

describe('the description of an http connector', () => {
  const work = async () => {};
  const list = async () => [];

  test('says what the functions can do', () => {
    const none = http(SOUND).describe();
    expect(none.actions).toEqual({
      resolve: false,
      segments: false,
      hide: false,
      restore: false,
      export: false,
      count: false,
      suppress: false,
      scopes: ['data'],
    });
    expect(none).toMatchObject({
      verification: 'none',
      limits: { batchSize: 100, lanes: {} },
      completesWithinMs: 86_400_000,
    });
    const asked = http({
      ...SOUND,
      erase: async () => later('t', '1 hour'),
      ask: async () => pending('1 hour'),
      settle: '2 hours',
    });
    expect(asked.describe()).toMatchObject({ verification: 'attested', settleMs: 7_200_000 });
    const all = http({
      ...SOUND,
      left: list,
      ask: async () => done(),
      count: list,
      hide: work,
      restore: work,
      suppress: work,
      rows: async function* () {},
    });
    expect(all.describe()).toMatchObject({
      verification: 'reads',
      actions: { hide: true, restore: true, export: true, count: true, suppress: true },
    });
  });

  test('has a window per rate limit', () => {
    const pace = {
      erase: [{ every: '2 seconds' }, { perDay: 500 }],
      read: [{ per10Minutes: 700 }, { perMonth: 9 }],
    } as const;
    expect(http({ ...SOUND, pace }).describe().limits.lanes).toEqual({
      erase: [
        { calls: 1, perMs: 2_000 },
        { calls: 500, perMs: 86_400_000 },
      ],
      read: [
        { calls: 700, perMs: 600_000 },
        { calls: 9, perMs: 31 * 86_400_000 },
      ],
    });
    expect(http({ ...SOUND, pace: [{ perMinute: 120 }] }).describe().limits.lanes).toEqual({
      all: [{ calls: 120, perMs: 60_000 }],
    });
  });

  test('changes its hash with the version and the identities only', () => {
    const hash = (changes: object) => untyped(changes).describe().dataMapHash;
    expect(hash({ pace: [{ perDay: 1 }], erase: async () => null })).toBe(hash({}));
    expect(hash({ version: '2' })).not.toBe(hash({}));
    expect(hash({ kinds: { user: { identities: { user_id: {} }, batchSize: 100 } } })).not.toBe(hash({}));
  });
});
