import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { KindMap } from '../../../connectors/data-map/data-map.ts';
import { type Pattern, pattern } from './pattern.ts';

let db: Pattern;
afterEach(() => db.close());

describe('an address of a person whose own row is anonymised', () => {
  const map: KindMap = {
    table: 'staff',
    key: { column: 'staff_id', match: 'integer' },
    anonymise: { name: 'former', address_id: 0 },
    tables: [{ table: 'address', referencedBy: { table: 'staff', on: { address_id: 'address_id' } } }],
  };

  beforeEach(async () => {
    db = await pattern(`
      CREATE TABLE address(address_id int PRIMARY KEY, street text);
      CREATE TABLE staff(staff_id int PRIMARY KEY, name text, address_id int NOT NULL REFERENCES address);
      CREATE INDEX ON staff(address_id);
      INSERT INTO address VALUES (0,'none'),(5,'1 Some Street'),(6,'2 Shared Street');
      INSERT INTO staff VALUES (1,'Ann',5),(2,'Bo',6),(3,'Cy',6)`);
  });

  test('is counted and deleted when the row receives another address', async () => {
    expect(await db.check(map)).toEqual([]);
    expect((await db.count(map, [1])).tables).toEqual({ 'public.staff': 1, 'public.address': 1 });
    expect(await db.remove(map, [1])).toEqual({
      figures: {
        'public.staff': { anonymised: 1, columns: ['address_id', 'name'] },
        'public.address': { removed: 1 },
      },
      survivors: 0,
    });
    expect(await db.rows('SELECT address_id FROM address ORDER BY 1')).toEqual([[0], [6]]);
    expect(await db.rows('SELECT * FROM staff ORDER BY 1')).toEqual([
      [1, 'former', 0],
      [2, 'Bo', 6],
      [3, 'Cy', 6],
    ]);
  });

  test('stays when a colleague lives there, and so does the address that replaces it', async () => {
    await db.remove(map, [2]);
    expect(await db.remove(map, [2])).toEqual({ figures: {}, survivors: 0 });
    expect(await db.rows('SELECT address_id FROM address ORDER BY 1')).toEqual([[0], [5], [6]]);
  });
});

describe('an address of retained orders', () => {
  const orders = (retain: object): KindMap => ({
    table: 'customer',
    key: { column: 'customer_id', match: 'integer' },
    tables: [
      { table: 'address', referencedBy: { table: 'orders', on: { address_id: 'ship_to' } } },
      {
        table: 'orders',
        subject: { column: 'customer_id', match: 'key' },
        retain: { basis: 'law', unlink: 'null', ...retain },
      },
    ],
  });

  beforeEach(async () => {
    db = await pattern(`
      CREATE TABLE address(address_id int PRIMARY KEY, street text);
      CREATE TABLE customer(customer_id int PRIMARY KEY);
      CREATE TABLE orders(order_id int PRIMARY KEY, customer_id int REFERENCES customer, ship_to int REFERENCES address);
      CREATE INDEX ON orders(customer_id); CREATE INDEX ON orders(ship_to);
      INSERT INTO address VALUES (5,'1 Some Street'),(6,'2 Shared Street'); INSERT INTO customer VALUES (1),(2);
      INSERT INTO orders VALUES (1,1,5),(2,1,6),(3,2,6)`);
  });

  test('is counted and deleted when the orders lose it and no other order has it', async () => {
    const map = orders({ blank: ['ship_to'] });
    expect(await db.check(map)).toEqual([]);
    expect((await db.count(map, [1])).tables).toMatchObject({ 'public.address': 1 });
    expect((await db.remove(map, [1])).figures).toMatchObject({ 'public.address': { removed: 1 } });
    expect(await db.rows('SELECT address_id FROM address')).toEqual([[6]]);
  });

  test('is rejected when the orders keep it', async () => {
    expect(await db.check(orders({}))).toEqual([
      expect.stringMatching(
        /^kinds\.user\.tables\.0\.referencedBy: the rows of public\.orders are kept and still point to these rows.*add ship_to to retain\.blank/,
      ),
    ]);
  });
});

describe('rows below a row that several persons point to', () => {
  const map: KindMap = {
    table: 'usr',
    key: { column: 'usr_id', match: 'integer' },
    tables: [
      { table: 'photo', referencedBy: { table: 'usr', on: { photo_id: 'avatar' } } },
      { table: 'thumbnail', via: { table: 'photo', on: { photo_id: 'photo_id' } } },
    ],
  };

  beforeEach(async () => {
    db = await pattern(`
      CREATE TABLE photo(photo_id int PRIMARY KEY, taken date);
      CREATE TABLE thumbnail(thumbnail_id int PRIMARY KEY, photo_id int REFERENCES photo);
      CREATE TABLE usr(usr_id int PRIMARY KEY, avatar int REFERENCES photo);
      CREATE INDEX ON thumbnail(photo_id); CREATE INDEX ON usr(avatar);
      INSERT INTO photo VALUES (1),(2); INSERT INTO thumbnail VALUES (10,1),(20,2); INSERT INTO usr VALUES (1,1),(2,2),(3,2)`);
  });

  test('keeps the rows as long as one of the persons stays', async () => {
    expect(await db.check(map)).toEqual([]);
    expect((await db.count(map, [2])).tables).toEqual({ 'public.usr': 1, 'public.photo': 0, 'public.thumbnail': 0 });
    expect(await db.remove(map, [2])).toEqual({ figures: { 'public.usr': { removed: 1 } }, survivors: 0 });
    expect(await db.rows('SELECT thumbnail_id FROM thumbnail ORDER BY 1')).toEqual([[10], [20]]);
  });

  test('deletes the rows with the last of the persons', async () => {
    expect((await db.count(map, [1])).tables).toEqual({ 'public.usr': 1, 'public.photo': 1, 'public.thumbnail': 1 });
    expect(await db.remove(map, [1])).toEqual({
      figures: { 'public.usr': { removed: 1 }, 'public.photo': { removed: 1 }, 'public.thumbnail': { removed: 1 } },
      survivors: 0,
    });
    expect(await db.rows('SELECT thumbnail_id FROM thumbnail')).toEqual([[20]]);
  });
});
