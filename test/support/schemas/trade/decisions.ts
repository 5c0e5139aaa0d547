import { type Edit, addEntry, changeEntry, removeEntries } from '../edits.ts';

const company = 'company';
const addressIn = (table: string, column: string) => ({ table: `public.${table}`, on: { address_id: column } });

/** Companies leave with their returns. Their orders stay, without the company and the address of the delivery. */
export const companies: readonly Edit[] = [
  changeEntry(
    { kind: company, table: 'orders', by: 'customer_code' },
    { retain: { basis: 'commercial law, 10 years', blank: ['ship_name', 'ship_address_id'], unlink: 'null' } },
  ),
  changeEntry({ kind: company, table: 'returns', by: 'order_no,product_id' }, { retain: undefined }),
  addEntry(
    {
      table: 'public.addresses',
      referencedBy: addressIn('orders', 'ship_address_id'),
      sharedWith: ['customers', 'contacts', 'employees', 'suppliers'].map((table) => addressIn(table, 'address_id')),
    },
    company,
  ),
];

/** Orders and products are not the employee's. Orders belong to employee 0 afterward. */
export const employees: readonly Edit[] = [
  changeEntry({ table: 'orders', by: 'employee_id' }, { retain: undefined, detach: { employee_id: { ghost: 0 } } }),
  changeEntry({ table: 'products', by: 'buyer_id' }, { retain: undefined, detach: { buyer_id: null } }),
  removeEntries({ table: 'order_lines', by: 'order_no' }),
  removeEntries({ table: 'order_lines', by: 'product_id' }),
];
