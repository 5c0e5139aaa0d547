import { type Edit, changeEntry, changeKind, removeEntries } from '../edits.ts';

/** Customers leave with their rentals and payments. Payments of others for these rentals stay. */
export const customers: readonly Edit[] = [
  changeEntry({ table: 'video.payments', by: 'customer_id' }, { retain: undefined }),
];

/**
 * A store needs its manager, so the row of the member of staff stays without the person. Rentals and payments are not
 * the person's: they belong to staff 0 afterward.
 */
export const staff: readonly Edit[] = [
  changeKind({
    anonymise: {
      given_name: 'former',
      family_name: { placeholder: 'staff {key}' },
      email: null,
      address_id: 0,
      username: { placeholder: 'former {key}' },
      password: { random: true },
      picture: null,
    },
  }),
  changeEntry({ table: 'video.payments', by: 'staff_id' }, { retain: undefined, detach: { staff_id: { ghost: 0 } } }),
  changeEntry({ table: 'video.rentals', by: 'staff_id' }, { retain: undefined, detach: { staff_id: { ghost: 0 } } }),
  removeEntries({ table: 'video.payments', by: 'rental_id' }),
  removeEntries({ table: 'video.stores', by: 'manager_id' }),
];
