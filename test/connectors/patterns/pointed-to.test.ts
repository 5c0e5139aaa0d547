import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { KindMap } from '../../../connectors/data-map/data-map.ts';
import { rowsOf } from '../fixture.ts';
import { type Pattern, pattern } from './pattern.ts';

let db: Pattern;
afterEach(() => db.close());

describe('an address that customers and stores point to', () => {
  const customer: KindMap = { table: 'a.customer', key: { column: 'customer_id', match: 'integer' } };
  const map: KindMap = {
    ...customer,
    tables: [
      {
        table: 'a.address',
        referencedBy: { table: 'a.customer', on: { address_id: 'address_id' } },
        sharedWith: [{ table: 'a.store', on: { address_id: 'address_id' } }],
      },
      { table: 'a.city', referencedBy: { table: 'a.address', on: { city_id: 'city_id' } } },
    ],
  };

  beforeEach(async () => {
    db = await pattern(`
      CREATE SCHEMA a;
      CREATE TABLE a.city(city_id int PRIMARY KEY, name text);
      CREATE TABLE a.address(address_id int PRIMARY KEY, street text NOT NULL, phone text NOT NULL, city_id int REFERENCES a.city);
      CREATE TABLE a.customer(customer_id int PRIMARY KEY, address_id int NOT NULL REFERENCES a.address ON DELETE RESTRICT);
      CREATE TABLE a.store(store_id int PRIMARY KEY, address_id int REFERENCES a.address);
      CREATE INDEX ON a.customer(address_id); CREATE INDEX ON a.store(address_id); CREATE INDEX ON a.address(city_id);
      INSERT INTO a.city VALUES (1,'Here'),(2,'There');
      INSERT INTO a.address VALUES (5,'1 Some Street','555',1),(6,'2 Shared Street','556',2),(7,'3 Store Street','557',2);
      INSERT INTO a.customer VALUES (1,5),(2,6),(3,6),(4,7);
      INSERT INTO a.store VALUES (1,7)`);
  });

  test('is exported, counted and deleted with its only customer', async () => {
    expect(await db.check(map)).toEqual([]);
    expect(rowsOf(await db.export(map, [1]), 'a.address')).toEqual([
      { address_id: 5, street: '1 Some Street', phone: '555', city_id: 1 },
    ]);
    expect((await db.count(map, [1])).tables).toEqual({ 'a.customer': 1, 'a.address': 1, 'a.city': 1 });
    expect(await db.remove(map, [1])).toEqual({
      figures: { 'a.customer': { removed: 1 }, 'a.address': { removed: 1 }, 'a.city': { removed: 1 } },
      survivors: 0,
    });
    expect(await db.rows('SELECT address_id FROM a.address ORDER BY 1')).toEqual([[6], [7]]);
  });

  test.each([
    ['another customer', 2, 6],
    ['a store', 4, 7],
  ])('stays when %s points to it', async (_name, customerId, addressId) => {
    expect((await db.count(map, [customerId])).tables).toEqual({ 'a.customer': 1, 'a.address': 0, 'a.city': 0 });
    expect(await db.remove(map, [customerId])).toEqual({ figures: { 'a.customer': { removed: 1 } }, survivors: 0 });
    expect(await db.rows(`SELECT count(*)::int FROM a.address WHERE address_id = ${addressId}`)).toEqual([[1]]);
    expect(await db.rows('SELECT count(*)::int FROM a.city')).toEqual([[2]]);
  });

  test('rejects a map that does not say which other tables point to the address', async () => {
    const [, city] = map.tables ?? [];
    const address = { table: 'a.address', referencedBy: { table: 'a.customer', on: { address_id: 'address_id' } } };
    const errors = await db.check({ ...map, tables: [address, ...(city === undefined ? [] : [city])] });
    expect(errors).toContainEqual(
      expect.stringMatching(
        /^kinds\.user\.tables\.0\.sharedWith: a\.store references a\.address by address_id .*add \{ table: 'a\.store', on: \{ address_id: 'address_id' \} \} to sharedWith/,
      ),
    );
  });

  test('keeps the rows that belong to an address that stays', async () => {
    await db.sql`CREATE TABLE a.move(address_id int REFERENCES a.address, moved date)`;
    await db.sql`CREATE INDEX ON a.move(address_id)`;
    await db.sql`INSERT INTO a.move VALUES (5, '2026-01-01'), (6, '2026-01-01')`;
    const moves: KindMap = {
      ...map,
      tables: [
        ...(map.tables ?? []),
        { table: 'a.move', via: { table: 'a.address', on: { address_id: 'address_id' } } },
      ],
    };
    expect(await db.check(moves)).toEqual([]);
    expect((await db.count(moves, [1, 2])).tables['a.move']).toBe(1);
    expect((await db.remove(moves, [1, 2])).figures['a.move']).toEqual({ removed: 1 });
    expect(await db.rows('SELECT address_id FROM a.move')).toEqual([[6]]);
  });

  test('is deleted with the last of its customers when one request names all of them', async () => {
    expect((await db.count(map, [2, 3])).tables).toEqual({ 'a.customer': 2, 'a.address': 1, 'a.city': 0 });
    expect(await db.remove(map, [2, 3])).toEqual({
      figures: { 'a.customer': { removed: 2 }, 'a.address': { removed: 1 } },
      survivors: 0,
    });
  });
});

describe('foreign keys on partitions only', () => {
  const map = (first: string, second: string): KindMap => ({
    table: 'p.customer',
    key: { column: 'customer_id', match: 'integer' },
    tables: [first, second].map((table) => ({ table, subject: { column: 'customer_id', match: 'key' } })),
  });
  const payments = (): Promise<Pattern> =>
    pattern(`
      CREATE SCHEMA p;
      CREATE TABLE p.customer(customer_id int PRIMARY KEY);
      CREATE TABLE p.rental(rental_id int PRIMARY KEY, customer_id int NOT NULL REFERENCES p.customer); CREATE INDEX ON p.rental(customer_id);
      CREATE TABLE p.payment(payment_id int, customer_id int NOT NULL, rental_id int NOT NULL, at timestamp NOT NULL) PARTITION BY RANGE (at);
      CREATE INDEX ON p.payment(customer_id); CREATE INDEX ON p.payment(rental_id);
      CREATE TABLE p.payment_1 PARTITION OF p.payment FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
      CREATE TABLE p.payment_2 PARTITION OF p.payment FOR VALUES FROM ('2027-01-01') TO ('2028-01-01');
      ALTER TABLE p.payment_1 ADD FOREIGN KEY (customer_id) REFERENCES p.customer, ADD FOREIGN KEY (rental_id) REFERENCES p.rental;
      INSERT INTO p.customer VALUES (1),(2); INSERT INTO p.rental VALUES (1,1),(2,2);
      INSERT INTO p.payment VALUES (1,1,1,'2026-05-05'),(2,2,2,'2026-05-05'),(3,1,1,'2027-05-05')`);
  const byRental = { table: 'p.payment', via: { table: 'p.rental', on: { rental_id: 'rental_id' } } } as const;

  test.each([
    ['p.rental', 'p.payment'],
    ['p.payment', 'p.rental'],
  ])('orders the deletion when the entries are %s, %s', async (first, second) => {
    db = await payments();
    const both = map(first, second);
    const whole: KindMap = { ...both, tables: [...(both.tables ?? []), byRental] };
    expect(await db.check(whole)).toEqual([]);
    expect(await db.remove(whole, [1])).toEqual({
      figures: { 'p.customer': { removed: 1 }, 'p.rental': { removed: 1 }, 'p.payment': { removed: 2 } },
      survivors: 0,
    });
    expect(await db.rows('SELECT payment_id FROM p.payment')).toEqual([[2]]);
  });

  test('rejects retained payments that keep their reference', async () => {
    db = await payments();
    const retained = {
      table: 'p.payment',
      subject: { column: 'customer_id', match: 'key' },
      retain: { basis: 'tax law' },
    } as const;
    const errors = await db.check({
      ...map('p.rental', 'p.rental'),
      tables: [{ table: 'p.rental', subject: { column: 'customer_id', match: 'key' } }, retained, byRental],
    });
    expect(errors).toEqual([
      expect.stringMatching(
        /^kinds\.user\.tables\.1\.retain\.unlink: p\.payment references p\.customer by customer_id/,
      ),
    ]);
  });
});

test('rejects an unmapped and an ignored table whose rows would block the deletion', async () => {
  db = await pattern(`
    CREATE TABLE customer(customer_id int PRIMARY KEY, email text);
    CREATE TABLE invoice(invoice_id int PRIMARY KEY, customer_id int NOT NULL REFERENCES customer);
    CREATE TABLE invoice_line(line_id int PRIMARY KEY, invoice_id int NOT NULL REFERENCES invoice);
    CREATE TABLE employee(employee_id int PRIMARY KEY)`);
  const ignore = ['invoice', 'invoice_line', 'employee'].map((table) => ({ table, reason: 'none' }));
  const map: KindMap = { table: 'customer', key: { column: 'customer_id', match: 'integer' }, tables: [] };
  expect(await db.check(map, { ignore })).toEqual([
    expect.stringMatching(
      /^kinds\.user: public\.invoice references public\.customer by customer_id .*would block the deletion/,
    ),
  ]);
  expect(await db.check(map)).toEqual(
    expect.arrayContaining([expect.stringMatching(/^kinds\.user: public\.invoice references/)]),
  );
});
