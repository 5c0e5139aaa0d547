import { type Edit, addEntry, changeEntry } from '../edits.ts';

const BASIS = 'tax law, 10 years';

/** Customers leave. Their invoices stay with all lines and belong to customer 0. */
export const customers: readonly Edit[] = [
  changeEntry(
    { table: 'music.invoices', by: 'customer_id' },
    { retain: { basis: BASIS, blank: ['billing_name', 'billing_street'], reassign: 0 } },
  ),
  addEntry({
    table: 'music.invoice_lines',
    via: { table: 'music.invoices', on: { invoice_id: 'invoice_id' } },
    retain: { basis: BASIS },
  }),
  changeEntry({ table: 'music.gift_cards', by: 'bought_by' }, { detach: undefined }),
  changeEntry({ table: 'music.playlist_tracks', by: 'playlist_id' }, { detach: undefined }),
];
