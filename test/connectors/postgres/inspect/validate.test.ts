import { describe, expect, test } from 'vitest';
import type { PostgresSettings, TableMap } from '../../../../connectors/postgres/data-map/data-map.ts';
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
