import type { KindMap, PostgresSettings, TableMap } from '../../../../connectors/postgres/data-map/data-map.ts';

const BASIS = 'commercial law, 10 years';

/** The columns that point to addresses. */
const POINTING = {
  customers: 'address_id',
  contacts: 'address_id',
  orders: 'ship_address_id',
  employees: 'address_id',
  suppliers: 'address_id',
} as const;

/** Addresses of one table, which rows of the other tables can share. */
function addressesOf(table: keyof typeof POINTING): TableMap {
  const relationTo = (name: keyof typeof POINTING) => ({ table: name, on: { address_id: POINTING[name] } });
  const others = (Object.keys(POINTING) as (keyof typeof POINTING)[]).filter((name) => name !== table);
  return { table: 'addresses', referencedBy: relationTo(table), sharedWith: others.map(relationTo) };
}

/** Companies leave with their contacts and returns. Their orders stay, without the company. */
const company: KindMap = {
  table: 'customers',
  key: 'customer_code',
  tables: [
    { table: 'contacts', subject: { column: 'customer_code', match: 'key' } },
    {
      table: 'orders',
      subject: { column: 'customer_code', match: 'key' },
      retain: { basis: BASIS, blank: ['ship_name', 'ship_address_id'], unlink: 'null' },
    },
    {
      table: 'order_lines',
      via: { table: 'orders', on: { order_no: 'order_no' } },
      retain: { basis: BASIS, blank: ['note'] },
    },
    { table: 'returns', via: { table: 'order_lines', on: { order_no: 'order_no', product_id: 'product_id' } } },
    { table: 'customer_group_members', subject: { column: 'customer_code', match: 'key' } },
    { table: 'customers', subject: { column: 'parent_code', match: 'key' }, detach: { parent_code: null } },
    addressesOf('customers'),
    addressesOf('contacts'),
    addressesOf('orders'),
  ],
};

/** Employees leave. Their orders stay and belong to employee 0; what else refers to them stays without them. */
const user: KindMap = {
  table: 'employees',
  key: { column: 'employee_id', match: 'integer' },
  identities: { email: { column: 'email', match: 'caseInsensitive' } },
  tables: [
    { table: 'employee_territories', subject: { column: 'employee_id', match: 'key' } },
    { table: 'employees', subject: { column: 'reports_to', match: 'key' }, detach: { reports_to: null } },
    { table: 'customers', subject: { column: 'account_manager', match: 'key' }, detach: { account_manager: null } },
    { table: 'products', subject: { column: 'buyer_id', match: 'key' }, detach: { buyer_id: null } },
    { table: 'orders', subject: { column: 'employee_id', match: 'key' }, detach: { employee_id: { ghost: 0 } } },
    { table: 'returns', subject: { column: 'handled_by', match: 'key' }, detach: { handled_by: null } },
    addressesOf('employees'),
  ],
};

export const app: PostgresSettings = {
  url: { env: 'TRADE_URL' },
  pace: { share: 1 },
  kinds: { user, company },
};
