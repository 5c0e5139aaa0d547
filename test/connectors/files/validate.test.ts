import { expect, test } from 'vitest';
import { files } from '../../../connectors/files/index.ts';
import type { FilesSettings } from '../../../connectors/files/settings.ts';

const SETTINGS: FilesSettings = {
  at: 's3://uploads/media?region=eu-central-1',
  kinds: {
    user: {
      identities: { user_id: {}, ext: { match: 'uuid' }, number: { match: 'integer' } },
      objects: {
        avatars: { keys: ['avatars/{user_id}/', 'thumbs/{user_id}.png'], about: 'Your pictures' },
        invoices: { keys: 'invoices/{number}.pdf' },
      },
    },
  },
};
const errorsOf = (settings: unknown) =>
  files(settings as FilesSettings)
    .validate()
    .map(({ path, message }) => `${path}: ${message}`);
const withKeys = (...keys: readonly string[]): FilesSettings => ({
  ...SETTINGS,
  kinds: { user: { identities: SETTINGS.kinds.user?.identities ?? {}, objects: { all: { keys } } } },
});

test('describes what the system can do without connecting', () => {
  expect(errorsOf(SETTINGS)).toEqual([]);
  expect(files({ ...SETTINGS, copies: ['CDN'], batchSize: 7, completesWithin: '2 hours' }).describe()).toMatchObject({
    kinds: ['user'],
    identityTypes: { user: { user_id: { comparison: 'exact', parts: 1 }, ext: { comparison: 'uuid', parts: 1 } } },
    actions: {
      resolve: false,
      hide: false,
      restore: false,
      export: true,
      count: true,
      suppress: false,
      scopes: ['data'],
    },
    limits: { batchSize: 7 },
    verification: 'reads',
    copies: ['CDN'],
    completesWithinMs: 7_200_000,
  });
});

test('changes the hash of the data map with place and keys, and not with words or the order of names', () => {
  const hashOf = (settings: FilesSettings) => files(settings).describe().dataMapHash;
  const { avatars, invoices } = SETTINGS.kinds.user?.objects ?? {};
  if (avatars === undefined || invoices === undefined) throw new Error('the settings have both');
  const { identities } = SETTINGS.kinds.user ?? { identities: {} };
  const reworded = { invoices, avatars: { ...avatars, about: 'Pictures' } };
  expect(hashOf({ ...SETTINGS, batchSize: 3, kinds: { user: { identities, objects: reworded } } })).toBe(
    hashOf(SETTINGS),
  );
  expect(hashOf({ ...SETTINGS, kinds: { user: { identities, objects: { avatars } } } })).not.toBe(hashOf(SETTINGS));
  expect(hashOf({ ...SETTINGS, at: 's3://other' })).not.toBe(hashOf(SETTINGS));
});

test('lists every config error in the shape with its path', () => {
  expect(
    errorsOf({
      at: 7,
      batchSize: 0,
      completesWithin: 'soon',
      rate: 3,
      credentials: { accessKeyId: 'a-key' },
      kinds: { user: { identities: { user_id: { match: 'fuzzy' } }, objects: { 'a b': { keys: [] } } } },
    }),
  ).toEqual([
    "at: must be a URL such as file:///srv/uploads or s3://bucket, or env('NAME')",
    "credentials.accessKeyId: must be env('NAME')",
    "credentials.secretAccessKey: must be env('NAME')",
    "kinds.user.identities.user_id.match: must be 'exact', 'caseInsensitive', 'uuid' or 'integer'",
    'kinds.user.objects.a b: a name of objects has at most 63 letters, digits, _ and -',
    'batchSize: must be at least 1',
    "completesWithin: must be a duration such as '1 day'",
    'rate: unknown key; allowed keys: at, credentials, kinds, copies, batchSize, completesWithin',
  ]);
});

test('lists every config error in place and keys with its path', () => {
  const settings = {
    at: 'file://host/srv',
    kinds: {
      user: { identities: { user_id: {} }, objects: { a: { keys: ['a/', 'b/{nick}/'] }, b: { keys: '/{user_id}' } } },
      company: { identities: { company_id: {} }, objects: { c: { keys: 'c/{company_id}/' } } },
    },
  };
  expect(errorsOf(settings)).toEqual([
    expect.stringMatching(/^at: must begin with file:\/\/\//),
    expect.stringContaining('kinds.user.objects.a.keys.0: must have a placeholder'),
    expect.stringContaining('kinds.user.objects.a.keys.1: names the identity type nick'),
    expect.stringContaining('kinds.user.objects.b.keys: must not be empty, begin with a slash'),
  ]);
  const credentials = { accessKeyId: { env: 'A' }, secretAccessKey: { env: 'B' } };
  expect(errorsOf({ ...SETTINGS, at: 'file:///srv/uploads', credentials })).toEqual([
    'credentials: a folder has no credentials',
  ]);
  for (const at of ['s3://key:secret@uploads', 's3://uploads?acl=public', 'https://uploads', 'file:///', 'uploads'])
    expect(errorsOf({ ...SETTINGS, at })).toEqual([expect.stringMatching(/^at: /)]);
});

test.each([
  ['{user_id}/', 'avatars/{user_id}/'],
  ['a/{user_id}/', 'a/u-{user_id}/'],
  ['a/{user_id}/', 'a/{user_id}x/'],
  ['a/{user_id}/', 'a/{ext}/'],
  ['a/{user_id}', 'a/{number}'],
  ['a/{user_id}/b/', 'a/x{user_id}/b/c.png'],
])('refuses %s beside %s, which could select objects of another subject', (one, other) => {
  for (const keys of [
    [one, other],
    [other, one],
  ])
    expect(errorsOf(withKeys(...keys))).toEqual([
      'kinds.user.objects.all.keys.1: can select objects of another subject, under kinds.user.objects.all.keys.0; use different folders',
    ]);
});

test('refuses one folder for subjects of two kinds', () => {
  const kind = { identities: { id: {} }, objects: { files: { keys: 'files/{id}/' } } };
  expect(errorsOf({ at: 's3://uploads', kinds: { user: kind, company: kind } })).toEqual([
    'kinds.company.objects.files.keys: can select objects of another subject, under kinds.user.objects.files.keys; use different folders',
  ]);
});

test.each([
  ['a/{user_id}/', 'a/{user_id}/'],
  ['a/{user_id}/', 'a/{user_id}/photo.png'],
  ['a/{user_id}/', 'a/{user_id}/{user_id}/'],
])('refuses %s beside %s, which would count an object twice', (one, other) => {
  expect(errorsOf(withKeys(one, other))).toEqual([
    'kinds.user.objects.all.keys.1: selects objects that kinds.user.objects.all.keys.0 selects too; remove one of both',
  ]);
});

test.each([
  ['a/{user_id}/', 'b/{user_id}/'],
  ['a/{user_id}/', 'a/{user_id}'],
  ['a/{user_id}.pdf', 'a/{user_id}.xml'],
  ['a/{ext}/', 'a/{number}/'],
  ['a/{number}/', 'a/shared/{user_id}/'],
  ['{ext}/', 'avatars/{user_id}/'],
])('accepts %s beside %s, which meet in no object', (one, other) => {
  expect(errorsOf(withKeys(one, other))).toEqual([]);
});
