import { describe, expect, test } from 'vitest';
import type { PostgresSettings } from '../../../../connectors/postgres/settings.ts';
import type { TableMap } from '../../../../connectors/data-map/data-map.ts';
import { postgres } from '../../../../connectors/postgres/index.ts';
import { COMPANY, SETTINGS, USER, withTables, withUser } from '../../fixture.ts';
import { ADDED_TABLE } from '../../inspect-errors.ts';

describe('validate()', () => {
  const paths = (settings: unknown): string[] =>
    // A JavaScript configuration can have any shape.
    postgres(settings as PostgresSettings)
      .validate()
      .map(({ path }) => path);

  test('returns no config errors for a valid data map', () => expect(paths(SETTINGS)).toEqual([]));

  test.each<[string, unknown, string]>([
    ['an unknown key', { ...SETTINGS, sorts: {} }, 'sorts'],
    [
      'an unknown key of a table',
      withTables({ table: 'app.x', subject: 'user_id', filter: 1 } as unknown as TableMap),
      `${ADDED_TABLE}.filter`,
    ],
    ['a share of 0', { ...SETTINGS, pace: { share: 0 } }, 'pace.share'],
    ['a share above 1', { ...SETTINGS, pace: { share: 2 } }, 'pace.share'],
    ['no kind', { ...SETTINGS, kinds: {} }, 'kinds'],
    ['a table without subject and via', withTables({ table: 'app.x' } as unknown as TableMap), ADDED_TABLE],
    ['a table name with two dots', withTables({ table: 'a.b.c', subject: 'user_id' }), `${ADDED_TABLE}.table`],
    [
      'via with an unmapped table',
      withTables({ table: 'app.x', via: { table: 'app.y', on: { a: 'b' } } }),
      `${ADDED_TABLE}.via.table`,
    ],
    [
      'a subject with an undeclared identity',
      withTables({ table: 'app.x', subject: { identity: 'phone', columns: ['p'] } }),
      `${ADDED_TABLE}.subject.identity`,
    ],
    [
      'a subject with half of a composite identity',
      withTables({ table: 'app.x', subject: { identity: 'email', columns: ['email'] } }),
      `${ADDED_TABLE}.subject.columns`,
    ],
    [
      'sources that find rows',
      withTables({ table: 'app.x', subject: 'user_id', sources: ['user_id'] }),
      `${ADDED_TABLE}.sources`,
    ],
    ['sources with an identity', withUser({ sources: ['email'] }), 'kinds.user.sources'],
    [
      'sources that find rows of the other kind',
      {
        ...SETTINGS,
        kinds: {
          user: { ...USER, sources: ['name'] },
          company: { ...COMPANY, tables: [{ table: 'app.users', subject: 'name' }] },
        },
      },
      'kinds.user.sources',
    ],
    [
      'sources that find rows through via',
      withUser({
        tables: [
          { table: 'app.orders', subject: 'user_id', sources: ['order_id'] },
          { table: 'app.order_items', via: { table: 'app.orders', on: { order_id: 'order_id' } } },
        ],
      }),
      'kinds.user.tables.0.sources',
    ],
    [
      'a column with an empty description',
      withTables({ table: 'app.x', subject: 'user_id', columns: { a: ' ' } }),
      `${ADDED_TABLE}.columns.a`,
    ],
    ['an identity named alias', withUser({ identities: { alias: { column: 'x' } } }), 'kinds.user.identities.alias'],
    [
      'an ignored table without a reason',
      { ...SETTINGS, ignore: [{ table: 'app.x', reason: ' ' }] },
      'ignore.0.reason',
    ],
    [
      'an ignored table that is mapped',
      { ...SETTINGS, ignore: [{ table: 'app.users', reason: 'x' }] },
      'ignore.0.table',
    ],
    ['a url without env()', { ...SETTINGS, url: 'postgres://a' }, 'url'],
  ])('rejects %s', (_name, settings, path) => expect(paths(settings)).toContain(path));

  test.each([
    ['a key', withUser({ key: { column: 'user_id', match: 'uid' as 'uuid' } }), 'kinds.user.key.match'],
    [
      'an identity',
      withUser({ identities: { ext: { column: 'ext', match: 'uid' as 'uuid' } } }),
      'kinds.user.identities.ext.match',
    ],
  ])('lists the comparisons when %s has an unknown match', (_name, settings, path) =>
    expect(postgres(settings).validate()).toEqual([
      { path, message: "must be 'exact', 'caseInsensitive', 'uuid' or 'integer'" },
    ]),
  );

  const messages = (settings: unknown): string[] =>
    postgres(settings as PostgresSettings)
      .validate()
      .map(({ path, message }) => `${path}: ${message}`);

  test.each<[string, unknown, string]>([
    [
      'an unknown key of the system',
      { ...SETTINGS, kindz: {} },
      'kindz: unknown key; did you mean kinds? Allowed keys: url, pace, kinds, segments, materializedViews, ignore',
    ],
    [
      'an unknown kind',
      { ...SETTINGS, kinds: { ...SETTINGS.kinds, usr: USER } },
      'kinds.usr: unknown key; did you mean user? Allowed keys: user, company',
    ],
    [
      'an unknown key of a table',
      withTables({ table: 'app.x', subjct: 'user_id' } as unknown as TableMap),
      `${ADDED_TABLE}.subjct: unknown key; did you mean subject? Allowed keys: about, columns, table, `,
    ],
    [
      'an unknown key of a union',
      withTables({ table: 'app.x', subject: { identity: 'email', column: 'email' } } as unknown as TableMap),
      `${ADDED_TABLE}.subject: must be a column name`,
    ],
    ['no kinds', { url: SETTINGS.url }, 'kinds: is missing; it must be an object'],
    ['kinds that are a list', { ...SETTINGS, kinds: [] }, 'kinds: must be an object'],
    ['tables that are an object', withUser({ tables: {} as never }), 'kinds.user.tables: must be a list'],
    ['a kind without a key', withUser({ key: undefined as never }), 'kinds.user.key: '],
    ['settings that are text', 'postgres://', ': must be an object'],
    [
      'an identity without columns',
      withUser({ identities: { a: { columns: [] } } }),
      'kinds.user.identities.a.columns: must have at least 1',
    ],
    ['a share that is text', { ...SETTINGS, pace: { share: '1' } }, 'pace.share: must be a number'],
    [
      'too many subjects per commit',
      { ...SETTINGS, pace: { subjectsPerCommit: 20_000 } },
      'pace.subjectsPerCommit: must be at most 10000',
    ],
  ])('says in plain words what to write for %s', (_name, settings, expected) => {
    const found = messages(settings);
    expect(found).toContainEqual(expect.stringContaining(expected));
    expect(found.join()).not.toMatch(/Invalid|expected|received|Too (small|big)/);
  });

  test('names the misspelled entry when via names a table that is not mapped', () => {
    const tables: TableMap[] = [
      { table: 'app.ordrs', subject: 'user_id' },
      { table: 'app.order_items', via: { table: 'app.orders', on: { order_id: 'order_id' } } },
    ];
    expect(messages(withUser({ tables }))).toEqual([
      'kinds.user.tables.1.via.table: app.orders has no other entry for user; map it first, or write one name in both places: kinds.user.tables.0.table is app.ordrs',
    ]);
  });

  test('keeps the data map hash when only wording, pace or the order of keys change', () => {
    const hash = (settings: PostgresSettings) => postgres(settings).describe().dataMapHash;
    const { kinds, ...rest } = SETTINGS;
    expect(hash({ ...rest, kinds: { company: kinds.company, user: kinds.user } as PostgresSettings['kinds'] })).toBe(
      hash(SETTINGS),
    );
    expect(hash({ ...SETTINGS, pace: { share: 0.5 } })).toBe(hash(SETTINGS));
    const wording = { about: 'what the person bought', columns: { note: 'a remark' } };
    expect(hash(withTables({ ...wording, table: 'app.x', subject: 'user_id' }))).toBe(
      hash(withTables({ table: 'app.x', subject: 'user_id' })),
    );
    expect(hash(withUser({ about: 'the person' }))).toBe(hash(SETTINGS));
    expect(hash(withTables({ table: 'app.x', subject: 'user_id' }))).not.toBe(hash(SETTINGS));
  });
});
