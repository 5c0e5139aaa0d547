import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Fixture, fixture } from '../../fixture.ts';

describe('the statements of config errors', () => {
  let db: Fixture;
  beforeEach(async () => {
    db = await fixture(3);
  });
  afterEach(() => db.close());

  test('prints the statement that allows NULL where a column has to become NULL, which then suffices', async () => {
    await db.sql.unsafe(`UPDATE app.invoices SET address = 1; ALTER TABLE app.invoices ALTER address SET NOT NULL;
      ALTER TABLE app.invoices ALTER user_id SET NOT NULL; UPDATE app.users SET deleted_at = '2026-01-01';
      ALTER TABLE app.users ALTER deleted_at SET NOT NULL`);
    const errors = await db.connector({}).inspect();
    expect(errors.map(({ path, sql }) => [path, sql])).toEqual([
      ['kinds.user.softDelete.column', 'ALTER TABLE "app"."users" ALTER "deleted_at" DROP NOT NULL;'],
      ['kinds.user.tables.4.retain.blank', 'ALTER TABLE "app"."invoices" ALTER "address" DROP NOT NULL;'],
      ['kinds.user.tables.4.retain.unlink', 'ALTER TABLE "app"."invoices" ALTER "user_id" DROP NOT NULL;'],
    ]);
    for (const { sql = '' } of errors) await db.sql.unsafe(sql);
    expect(await db.connector({}).inspect()).toEqual([]);
  });
});
