import { describe, expect, test } from 'vitest';
import type { PostgresSettings, TableMap } from '../../../../connectors/postgres/data-map/data-map.ts';
import { postgres } from '../../../../connectors/postgres/index.ts';
import { COMPANY, SETTINGS, USER, mapped, withUser } from '../../fixture.ts';
import { LAST } from '../../inspecting.ts';

describe('validate() without a connection', () => {
  const paths = (settings: unknown): string[] =>
    // What a person wrote may be anything: the shape is what is judged.
    postgres(settings as PostgresSettings)
      .validate()
      .map(({ path }) => path);

  test('a right map has none', () => expect(paths(SETTINGS)).toEqual([]));

  test.each<[string, unknown, string]>([
    ['an unknown key', { ...SETTINGS, kindz: {} }, 'kindz'],
    [
      'an unknown key of a table',
      mapped({ table: 'app.x', subject: 'user_id', wher: 1 } as unknown as TableMap),
      `${LAST}.wher`,
    ],
    ['a share of nothing', { ...SETTINGS, pace: { share: 0 } }, 'pace.share'],
    ['a share above one', { ...SETTINGS, pace: { share: 2 } }, 'pace.share'],
    ['no kind at all', { ...SETTINGS, kinds: {} }, 'kinds'],
    ['a table without a subject', mapped({ table: 'app.x' } as unknown as TableMap), LAST],
    ['a name with a dot too many', mapped({ table: 'a.b.c', subject: 'user_id' }), `${LAST}.table`],
    [
      'via a table that is not mapped',
      mapped({ table: 'app.x', via: { table: 'app.y', on: { a: 'b' } } }),
      `${LAST}.via.table`,
    ],
    [
      'an identity that is not declared',
      mapped({ table: 'app.x', subject: { identity: 'phone', columns: ['p'] } }),
      `${LAST}.subject.identity`,
    ],
    [
      'half of a composite identity',
      mapped({ table: 'app.x', subject: { identity: 'email', columns: ['email'] } }),
      `${LAST}.subject.columns`,
    ],
    [
      'sources by which rows are found',
      mapped({ table: 'app.x', subject: 'user_id', sources: ['user_id'] }),
      `${LAST}.sources`,
    ],
    ['sources that are an identity', withUser({ sources: ['email'] }), 'kinds.user.sources'],
    [
      'sources by which the other kind finds rows',
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
      'sources through which other rows are found',
      withUser({
        tables: [
          { table: 'app.orders', subject: 'user_id', sources: ['order_id'] },
          { table: 'app.order_items', via: { table: 'app.orders', on: { order_id: 'order_id' } } },
        ],
      }),
      'kinds.user.tables.0.sources',
    ],
    [
      'a column without a meaning',
      mapped({ table: 'app.x', subject: 'user_id', columns: { a: ' ' } }),
      `${LAST}.columns.a`,
    ],
    ['an identity called alias', withUser({ identities: { alias: { column: 'x' } } }), 'kinds.user.identities.alias'],
    ['ignoring without a reason', { ...SETTINGS, ignore: [{ table: 'app.x', reason: ' ' }] }, 'ignore.0.reason'],
    ['ignoring what is mapped', { ...SETTINGS, ignore: [{ table: 'app.users', reason: 'x' }] }, 'ignore.0.table'],
    ['a url that is not a name', { ...SETTINGS, url: 'postgres://a' }, 'url'],
  ])('refuses %s', (_name, settings, path) => expect(paths(settings)).toContain(path));

  test('the hash follows the meaning of the map, not its spelling', () => {
    const hash = (settings: PostgresSettings) => postgres(settings).describe().dataMapHash;
    const { kinds, ...rest } = SETTINGS;
    expect(hash({ ...rest, kinds: { company: kinds.company, user: kinds.user } as PostgresSettings['kinds'] })).toBe(
      hash(SETTINGS),
    );
    expect(hash({ ...SETTINGS, pace: { share: 0.5 } })).toBe(hash(SETTINGS));
    const told = { about: 'what the person bought', columns: { note: 'a remark' } };
    expect(hash(mapped({ ...told, table: 'app.x', subject: 'user_id' }))).toBe(
      hash(mapped({ table: 'app.x', subject: 'user_id' })),
    );
    expect(hash(withUser({ about: 'the person' }))).toBe(hash(SETTINGS));
    expect(hash(mapped({ table: 'app.x', subject: 'user_id' }))).not.toBe(hash(SETTINGS));
  });
});
