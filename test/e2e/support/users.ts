import type postgres from 'postgres';

/** Adds users without shared rows, and a segment that contains them. */
export const addUsers = (app: postgres.Sql, name: string, size: number) =>
  app.unsafe(`
    CREATE TEMPORARY TABLE people ON COMMIT DROP AS
      SELECT '${name}-' || lpad(n::text, 5, '0') AS id FROM generate_series(1, ${size}) n;
    INSERT INTO app.users SELECT id, md5(id)::uuid, 'ext-' || id, id || '@example.test', 'berlin', 'N', '2025-01-01' FROM people;
    INSERT INTO app.aliases SELECT 'alias-' || id, id FROM people;
    INSERT INTO app.events SELECT nextval('app.numbers'), named, '2025-02-01', 'seen'
      FROM people, unnest(ARRAY[id, id, 'alias-' || id]) named;
    INSERT INTO app.orders SELECT md5('order ' || id)::uuid, id, '2025-02-01' FROM people;
    INSERT INTO app.order_items SELECT md5('order ' || id)::uuid, line, 'sku', 100 FROM people, generate_series(1, 2) line;
    INSERT INTO app.newsletter SELECT id || '@example.test', 'berlin', '2025-03-01' FROM people;
    INSERT INTO app.invoices SELECT nextval('app.numbers'), id, '2025-04-01', 100, 'Main St ' || id FROM people;
    INSERT INTO app.segment_members SELECT '${name}', id FROM people`);

/** The rows of so many added users, per table. */
export const figuresOf = (people: number) => ({
  'app.aliases': people,
  'app.events': 3 * people,
  'app.invoices': people,
  'app.memberships': 0,
  'app.newsletter': people,
  'app.order_items': 2 * people,
  'app.orders': people,
  'app.segment_members': people,
  'app.users': people,
});
