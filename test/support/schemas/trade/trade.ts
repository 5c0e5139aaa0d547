import type { Person, Schema } from '../schema.ts';
import { companies, employees } from './decisions.ts';

/** Every column that points to an address. */
const POINTING = [
  ['customers', 'address_id'],
  ['contacts', 'address_id'],
  ['orders', 'ship_address_id'],
  ['employees', 'address_id'],
  ['suppliers', 'address_id'],
] as const;
const isUnused = POINTING.map(
  ([table, column]) => `NOT EXISTS (SELECT FROM ${table} WHERE ${column} = addresses.address_id)`,
).join(' AND ');

function customer(name: string, letter: string): Person {
  const code = `${letter}Ö'${String(letter.charCodeAt(0) - 64).padStart(2, '0')}`;
  const quoted = `'${code.replaceAll("'", "''")}'`;
  const own = `customer_code = ${quoted}`;
  const orders = `SELECT order_no FROM orders WHERE ${own}`;
  const addresses = `SELECT address_id FROM customers WHERE ${own} UNION SELECT address_id FROM contacts WHERE ${own}
    UNION SELECT ship_address_id FROM orders WHERE ${own}`;
  return {
    name,
    system: 'app',
    kind: 'company',
    identity: { type: 'customer_code', value: [code] },
    own: {
      'public.customers': own,
      'public.contacts': own,
      'public.orders': own,
      'public.order_lines': `order_no IN (${orders})`,
      'public.returns': `order_no IN (${orders})`,
      'public.customer_group_members': own,
      'public.addresses': `address_id IN (${addresses})`,
    },
    deletion: [
      `CREATE TEMP TABLE places AS ${addresses}`,
      `DELETE FROM returns WHERE order_no IN (${orders})`,
      `UPDATE order_lines SET note = NULL WHERE order_no IN (${orders})`,
      `UPDATE orders SET customer_code = NULL, contact_no = NULL, ship_name = NULL, ship_address_id = NULL WHERE ${own}`,
      `DELETE FROM contacts WHERE ${own}`,
      `DELETE FROM customer_group_members WHERE ${own}`,
      `UPDATE customers SET parent_code = NULL WHERE parent_code = ${quoted}`,
      `DELETE FROM customers WHERE ${own}`,
      `DELETE FROM addresses WHERE address_id IN (SELECT address_id FROM places) AND ${isUnused}`,
      'DROP TABLE places',
    ],
    kept: {
      'public.orders': { retained: own },
      'public.order_lines': { retained: `order_no IN (${orders})` },
      'public.customers': { detached: `parent_code = ${quoted} AND NOT ${own}` },
    },
    marks: [`c${letter.charCodeAt(0) - 64}`],
  };
}

function employee(name: string, id: number): Person {
  const own = `employee_id = ${id}`;
  const address = `SELECT address_id FROM employees WHERE ${own}`;
  return {
    name,
    system: 'app',
    kind: 'user',
    identity: { type: 'employee_id', value: [String(id)] },
    own: {
      'public.employees': own,
      'public.employee_territories': own,
      'public.addresses': `address_id IN (${address})`,
    },
    deletion: [
      `CREATE TEMP TABLE places AS ${address}`,
      `DELETE FROM employee_territories WHERE ${own}`,
      `UPDATE employees SET reports_to = NULL WHERE reports_to = ${id}`,
      `UPDATE customers SET account_manager = NULL WHERE account_manager = ${id}`,
      `UPDATE products SET buyer_id = NULL WHERE buyer_id = ${id}`,
      `UPDATE orders SET employee_id = 0 WHERE ${own}`,
      `UPDATE returns SET handled_by = NULL WHERE handled_by = ${id}`,
      `DELETE FROM employees WHERE ${own}`,
      `DELETE FROM addresses WHERE address_id IN (SELECT address_id FROM places) AND ${isUnused}`,
      'DROP TABLE places',
    ],
    kept: {
      'public.employees': { detached: `reports_to = ${id}` },
      'public.customers': { detached: `account_manager = ${id}` },
      'public.products': { detached: `buyer_id = ${id}` },
      'public.orders': { detached: own },
      'public.returns': { detached: `handled_by = ${id}` },
    },
    marks: [`e${id}`],
  };
}

export const trade: Schema = {
  name: 'trade',
  systems: {
    app: [
      { table: 'customers', kind: 'company', edits: companies },
      { table: 'employees', kind: 'user', edits: employees },
    ],
  },
  directory: 'app',
  persons: [
    customer('an ordinary company', 'A'),
    customer('the head of a group, at an address that it shares', 'C'),
    employee('a manager who shares an address and manages accounts', 2),
  ],
};
