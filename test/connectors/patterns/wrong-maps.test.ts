import { afterEach, describe, expect, test } from 'vitest';
import type { KindMap, TableMap } from '../../../connectors/data-map/data-map.ts';
import { type Pattern, pattern } from './pattern.ts';

let db: Pattern;
afterEach(() => db.close());

describe('inspect() of a row that others can point to', () => {
  const map = (sharedWith: object, more: readonly TableMap[] = []): KindMap => ({
    table: 'customer',
    key: { column: 'customer_id', match: 'integer' },
    tables: [
      { table: 'address', referencedBy: { table: 'customer', on: { address_id: 'address_id' } }, ...sharedWith },
      ...more,
    ],
  });
  const schema = (onDelete: string): string => `
    CREATE TABLE address(address_id int PRIMARY KEY, old_id int UNIQUE);
    CREATE TABLE customer(customer_id int PRIMARY KEY, address_id int REFERENCES address); CREATE INDEX ON customer(address_id);
    CREATE TABLE store(store_id int PRIMARY KEY, address_id int REFERENCES address ${onDelete}); CREATE INDEX ON store(address_id)`;
  const withStores = { sharedWith: [{ table: 'store', on: { address_id: 'address_id' } }] };

  test.each([
    [
      '',
      /^kinds\.user\.tables\.0\.sharedWith: public\.store references public\.address by address_id \(store_address_id_fkey\), so its rows can point to the same row: such rows would block the deletion; add \{ table: 'public\.store', on: \{ address_id: 'address_id' \} \}/,
    ],
    [
      'ON DELETE CASCADE',
      /^kinds\.user\.tables\.0\.sharedWith: .* ON DELETE CASCADE .* would delete such rows without a count; add/,
    ],
    [
      'ON DELETE SET NULL',
      /^kinds\.user\.tables\.0\.sharedWith: .* ON DELETE SET NULL .* would change such rows without a count; add/,
    ],
  ])('names the table that sharedWith does not list when its key says "%s"', async (onDelete, error) => {
    db = await pattern(schema(onDelete));
    const ignore = [{ table: 'store', reason: 'no persons' }];
    expect(await db.check(map({}), { ignore })).toEqual([expect.stringMatching(error)]);
    expect(await db.check(map(withStores), { ignore })).toEqual([]);
  });

  test('accepts rows that go with the row to which they point', async () => {
    db =
      await pattern(`${schema('')}; CREATE TABLE note(note_id int PRIMARY KEY, address_id int NOT NULL REFERENCES address);
      CREATE INDEX ON note(address_id)`);
    const notes: TableMap = { table: 'note', via: { table: 'address', on: { address_id: 'address_id' } } };
    const ignore = [{ table: 'store', reason: 'no persons' }];
    expect(await db.check(map(withStores, [notes]), { ignore })).toEqual([]);
  });
});

test('accepts a composite foreign key whose rows the entry finds by the key of the subject', async () => {
  db = await pattern(`
    CREATE TABLE customer(code text PRIMARY KEY);
    CREATE TABLE contact(code text REFERENCES customer, contact_no int, PRIMARY KEY (code, contact_no));
    CREATE TABLE orders(order_id int PRIMARY KEY, code text REFERENCES customer, contact_no int,
      FOREIGN KEY (code, contact_no) REFERENCES contact);
    CREATE INDEX ON orders(code, contact_no);
    INSERT INTO customer VALUES ('a'),('b'); INSERT INTO contact VALUES ('a',1),('b',1);
    INSERT INTO orders VALUES (1,'a',1),(2,'a',NULL),(3,'b',1)`);
  const orders = { table: 'orders', subject: { column: 'code', match: 'key' } } as const;
  const map = (retain: object): KindMap => ({
    table: 'customer',
    key: 'code',
    tables: [
      { table: 'contact', subject: 'code' },
      { ...orders, retain: { basis: 'law', ...retain } },
    ],
  });
  expect(await db.check(map({ unlink: 'null' }))).toEqual([]);
  expect(await db.check(map({}))).toEqual([
    expect.stringMatching(/^kinds\.user\.tables\.1\.retain\.unlink: public\.orders references public\.contact/),
    expect.stringMatching(/^kinds\.user\.tables\.1\.retain\.unlink: public\.orders references public\.customer/),
  ]);
  expect((await db.remove(map({ unlink: 'null' }), ['a'])).figures).toEqual({
    'public.customer': { removed: 1 },
    'public.contact': { removed: 1 },
    'public.orders': { retained: 2 },
  });
  expect(await db.rows('SELECT * FROM orders ORDER BY 1')).toEqual([
    [1, null, 1],
    [2, null, null],
    [3, 'b', 1],
  ]);
});

describe('inspect() of rows of other subjects', () => {
  const schema = `
    CREATE TABLE staff(staff_id int PRIMARY KEY, reports_to int REFERENCES staff, email text); CREATE INDEX ON staff(reports_to);
    CREATE TABLE client(client_id int PRIMARY KEY, rep int REFERENCES staff, email text); CREATE INDEX ON client(rep)`;
  const reports = { table: 'staff', subject: { column: 'reports_to', match: 'key' } } as const;
  const clients = { table: 'client', subject: { column: 'rep', match: 'key' } } as const;
  const user = (...tables: TableMap[]): KindMap => ({
    table: 'staff',
    key: { column: 'staff_id', match: 'integer' },
    tables,
  });
  const company: KindMap = { table: 'client', key: { column: 'client_id', match: 'integer' } };
  const kinds = (map: KindMap) => ({ kinds: { user: map, company } });
  const detachReports = { ...reports, detach: { reports_to: null } };
  const detachClients = { ...clients, detach: { rep: null } };

  test.each<[string, TableMap, RegExp]>([
    [
      'deletes',
      reports,
      /^kinds\.user\.tables\.0: .*public\.staff has one row per user.*detach: \{ reports_to: null \}/,
    ],
    [
      'deletes, to any depth,',
      { table: 'staff', via: { table: 'staff', on: { reports_to: 'staff_id' } } },
      /^kinds\.user\.tables\.0: .*detach: \{ reports_to: null \}/,
    ],
    [
      'exports and changes',
      { ...reports, retain: { basis: 'labor law', unlink: 'null' } },
      /^kinds\.user\.tables\.0: .*would export and change other subjects.*detach: \{ reports_to: null \}/,
    ],
  ])('rejects an entry that %s the rows of colleagues', async (_name, wrong, error) => {
    db = await pattern(schema);
    const map = user(wrong, detachClients);
    expect(await db.check(map, kinds(map))).toEqual([expect.stringMatching(error)]);
    const right = user(detachReports, detachClients);
    expect(await db.check(right, kinds(right))).toEqual([]);
  });

  test('rejects an entry that deletes the rows of another kind', async () => {
    db = await pattern(schema);
    const map = user(detachReports, clients);
    expect(await db.check(map, kinds(map))).toEqual([
      expect.stringMatching(
        /^kinds\.user\.tables\.1: .*public\.client has one row per company.*detach: \{ rep: null \}/,
      ),
    ]);
  });
});

describe('inspect() of rows that another person may own', () => {
  const schema = `
    CREATE TABLE staff(staff_id int PRIMARY KEY);
    CREATE TABLE client(client_id int PRIMARY KEY, rep int REFERENCES staff); CREATE INDEX ON client(rep);
    CREATE TABLE invoice(invoice_id int PRIMARY KEY, client_id int NOT NULL REFERENCES client);
    CREATE TABLE call(call_id int PRIMARY KEY, client_id int REFERENCES client);
    CREATE TABLE visit(client_id int REFERENCES client, day date, PRIMARY KEY (client_id, day))`;
  const staff = (clients: TableMap): KindMap => ({
    table: 'staff',
    key: { column: 'staff_id', match: 'integer' },
    tables: [clients],
  });
  const clients = { table: 'client', subject: { column: 'rep', match: 'key' } } as const;
  const ignore = ['invoice', 'call', 'visit'].map((table) => ({ table, reason: 'none' }));

  test('says that rows with many rows below them may have to be detached', async () => {
    db = await pattern(schema);
    const errors = await db.check(staff(clients), { ignore });
    expect(errors).toHaveLength(3);
    expect(errors.filter((error) => error.includes('if the rows of public.client belong to another person'))).toEqual([
      expect.stringMatching(/set detach: \{ rep: null \} at kinds\.user\.tables\.0 instead$/),
    ]);
  });

  test('offers null, a ghost or nothing for the reference, as the column allows', async () => {
    db = await pattern(`CREATE TABLE usr(usr_id int PRIMARY KEY);
      CREATE TABLE post(post_id int PRIMARY KEY, author int NOT NULL REFERENCES usr);
      CREATE TABLE vote(vote_id int PRIMARY KEY, voter int REFERENCES usr);
      CREATE TABLE tag(post_id int REFERENCES post, tag text, PRIMARY KEY (post_id, tag))`);
    const posts: TableMap = { table: 'post', subject: { column: 'author', match: 'key' } };
    const key = { column: 'usr_id', match: 'integer' } as const;
    const messages = [
      ...(await db.check({ table: 'usr', key, tables: [] })),
      ...(await db.check({ table: 'usr', key, tables: [posts] })),
    ].join('\n');
    expect(messages).toMatch(
      /public\.post references .*, with detach: \{ author: \{ ghost: … \} \} \(the key of a ghost row\) if/,
    );
    expect(messages).toMatch(/public\.vote references .*, with detach: \{ voter: null \} if/);
    expect(messages).toMatch(/public\.tag references .*if these rows belong to the subject$/m);
  });

  test('needs no entry for tables that refer to rows which are only detached', async () => {
    db = await pattern(schema);
    expect(await db.check(staff({ ...clients, detach: { rep: null } }))).toEqual([]);
  });
});

test('rejects via to rows that point to these rows, and names referencedBy', async () => {
  db = await pattern(`
    CREATE TABLE address(address_id int PRIMARY KEY);
    CREATE TABLE customer(customer_id int PRIMARY KEY, address_id int REFERENCES address); CREATE INDEX ON customer(address_id)`);
  const link = { table: 'customer', on: { address_id: 'address_id' } };
  const map = (address: TableMap): KindMap => ({
    table: 'customer',
    key: { column: 'customer_id', match: 'integer' },
    tables: [address],
  });
  expect(await db.check(map({ table: 'address', via: link }))).toEqual([
    expect.stringMatching(
      /^kinds\.user\.tables\.0\.via: public\.customer references public\.address by address_id .*use referencedBy: \{ table: 'customer', on: \{ address_id: 'address_id' \} \} instead of via/,
    ),
  ]);
  expect(await db.check(map({ table: 'address', referencedBy: link }))).toEqual([]);
});
