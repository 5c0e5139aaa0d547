import { afterEach, beforeEach, expect, test } from 'vitest';
import { validateSettings } from '../../../../connectors/postgres/validate.ts';
import {
  COMPANY,
  type Fixture,
  SETTINGS,
  USER,
  allText,
  batchOf,
  exportAll,
  fixture,
  user,
  withUser,
} from '../../fixture.ts';

let db: Fixture;
beforeEach(async () => {
  db = await fixture(5);
  await db.sql.unsafe(`
    ALTER TABLE app.memberships ADD api_secret text, ADD role text;
    UPDATE app.memberships SET api_secret = 'hunter2', role = 'founder';
    CREATE INDEX ON app.memberships (role)`);
});
afterEach(() => db.close());

const omit = ['api_secret'];
const [membership] = COMPANY.tables ?? [];
if (membership === undefined) throw new Error('the fixture maps the memberships of a company');
const company = batchOf([[{ type: 'company_id', value: ['2'] }]], { kind: 'company' });

/** Maps the memberships of a user with an omitted column, beside those of a company without one. */
const omitsForUsers = (more: { export?: false } = {}) => ({
  ...withUser({
    tables: [
      ...(USER.tables ?? []).filter(({ table }) => table !== 'app.memberships'),
      { table: 'app.memberships', subject: { column: 'user_id', match: 'key' }, omit, ...more },
    ],
  }),
});

test.each(['ndjson', 'csv'] as const)('omits a column of a table in every kind and entry from %s', async (format) => {
  const settings = omitsForUsers();
  for (const batch of [batchOf([user(1)]), company]) {
    const got = await exportAll(db.connector({}, settings), batch, { format });
    expect(got.get('app.memberships')?.text).toContain('founder');
    expect(allText(got)).not.toContain('hunter2');
    expect(got.get('app.memberships')?.table.columns.map(({ name }) => name)).toEqual([
      'company_id',
      'user_id',
      'role',
    ]);
  }
});

test.each(['categories', 'sources'] as const)('lists no omitted column in an export of scope %s', async (scope) => {
  const settings = {
    ...omitsForUsers({ export: false }),
    kinds: {
      user: omitsForUsers({ export: false }).kinds.user ?? USER,
      company: { ...COMPANY, tables: [{ ...membership, sources: ['api_secret', 'role'] }] },
    },
  };
  const got = await exportAll(db.connector({}, settings), company, { scope });
  const names = got.get('app.memberships')?.table.columns.map(({ name }) => name);
  expect(names).toContain('role');
  expect(names).not.toContain('api_secret');
  expect(allText(got)).not.toContain('hunter2');
});

test('rejects an omitted column that is an identity, because requests list its values', () => {
  const errors = validateSettings(withUser({ omit: ['user_id', 'name', 'email'] }));
  expect(errors.map(({ path }) => path)).toEqual(['kinds.user.omit.0', 'kinds.user.omit.2']);
  expect(errors[1]?.message).toContain('app.users.email is an identity');
  expect(validateSettings(withUser({ omit: ['name', 'deleted_at'] }))).toEqual([]);
  expect(validateSettings(SETTINGS)).toEqual([]);
});
