import type { Person, Schema } from '../schema.ts';
import { customers, staff } from './decisions.ts';

const isUnused = ['customers', 'staff', 'stores']
  .map((table) => `NOT EXISTS (SELECT FROM video.${table} WHERE address_id = addresses.address_id)`)
  .join(' AND ');

function customer(name: string, id: number): Person {
  const own = `customer_id = ${id}`;
  const address = `SELECT address_id FROM video.customers WHERE ${own}`;
  const rentals = `SELECT rental_id FROM video.rentals WHERE ${own}`;
  return {
    name,
    system: 'customers',
    kind: 'user',
    identity: { type: 'customer_id', value: [String(id)] },
    own: {
      'video.customers': own,
      'video.rentals': own,
      'video.payments': own,
      'video.addresses': `address_id IN (${address})`,
    },
    deletion: [
      `CREATE TEMP TABLE places AS ${address}`,
      `DELETE FROM video.payments WHERE ${own}`,
      `UPDATE video.payments SET rental_id = NULL WHERE rental_id IN (${rentals})`,
      `DELETE FROM video.rentals WHERE ${own}`,
      `UPDATE video.customers SET referred_by = NULL WHERE referred_by = ${id}`,
      `DELETE FROM video.customers WHERE ${own}`,
      `DELETE FROM video.addresses WHERE address_id IN (SELECT address_id FROM places) AND ${isUnused}`,
      'DROP TABLE places',
    ],
    kept: {
      'video.payments': { detached: `NOT ${own} AND rental_id IN (${rentals})` },
      'video.customers': { detached: `referred_by = ${id} AND NOT ${own}` },
      'video.copies': { detached: `reserved_for = ${id}` },
    },
    marks: [`c${id}`],
  };
}

function employee(name: string, id: number): Person {
  const own = `staff_id = ${id}`;
  const address = `SELECT address_id FROM video.staff WHERE ${own}`;
  return {
    name,
    system: 'staff',
    kind: 'user',
    identity: { type: 'staff_id', value: [String(id)] },
    own: { 'video.staff': own, 'video.addresses': `address_id IN (${address})` },
    deletion: [
      `CREATE TEMP TABLE places AS ${address}`,
      `UPDATE video.staff SET given_name = 'former', family_name = 'staff ${id}', email = NULL, address_id = 0,
         username = 'former ${id}', password = 'random', picture = NULL WHERE ${own}`,
      `UPDATE video.staff SET trained_by = NULL WHERE trained_by = ${id}`,
      `UPDATE video.rentals SET staff_id = 0 WHERE ${own}`,
      `UPDATE video.payments SET staff_id = 0 WHERE ${own}`,
      `DELETE FROM video.addresses WHERE address_id IN (SELECT address_id FROM places) AND ${isUnused}`,
      'DROP TABLE places',
    ],
    kept: {
      'video.staff': { anonymised: own, detached: `trained_by = ${id}` },
      'video.rentals': { detached: own },
      'video.payments': { detached: own },
    },
    random: [{ table: 'video.staff', column: 'password' }],
    omitted: { 'video.staff': ['password'] },
    marks: [`s${id}`],
  };
}

export const video: Schema = {
  name: 'video',
  systems: {
    customers: [{ table: 'video.customers', kind: 'user', edits: customers }],
    staff: [{ table: 'video.staff', kind: 'user', edits: staff }],
  },
  directory: 'customers',
  persons: [
    customer('an ordinary customer', 17),
    customer('a customer who refers to others, at an address that it shares', 5),
    employee('a manager of a store whose rentals need it', 5),
  ],
};
