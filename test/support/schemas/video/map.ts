import type { PostgresSettings } from '../../../../connectors/postgres/index.ts';

const url = { env: 'VIDEO_URL' };

const addressOf = (name: 'customers' | 'staff' | 'stores') => ({
  table: `video.${name}`,
  on: { address_id: 'address_id' },
});

/** Customers leave with their rentals and payments. Payments of others for these rentals stay. */
export const customers: PostgresSettings = {
  url,
  pace: { share: 1 },
  kinds: {
    user: {
      table: 'video.customers',
      key: { column: 'customer_id', match: 'integer' },
      identities: { email: { column: 'email', match: 'caseInsensitive' } },
      onDelete: [{ table: 'video.copies', constraint: 'copies_reserved_for_fkey' }],
      tables: [
        { table: 'video.rentals', subject: { column: 'customer_id', match: 'key' } },
        { table: 'video.payments', subject: { column: 'customer_id', match: 'key' }, time: 'paid_at' },
        {
          table: 'video.payments',
          via: { table: 'video.rentals', on: { rental_id: 'rental_id' } },
          detach: { rental_id: null },
        },
        {
          table: 'video.customers',
          subject: { column: 'referred_by', match: 'key' },
          detach: { referred_by: null },
        },
        {
          table: 'video.addresses',
          referencedBy: addressOf('customers'),
          sharedWith: [addressOf('staff'), addressOf('stores')],
        },
      ],
    },
  },
};

/** Rentals and payments need the member of staff who made them, so the row stays without the person. */
export const staff: PostgresSettings = {
  url,
  pace: { share: 1 },
  kinds: {
    user: {
      table: 'video.staff',
      key: { column: 'staff_id', match: 'integer' },
      omit: ['password'],
      anonymise: {
        given_name: 'former',
        family_name: { placeholder: 'staff {key}' },
        email: null,
        address_id: 0,
        username: { placeholder: 'former {key}' },
        password: { random: true },
        picture: null,
      },
      tables: [
        {
          table: 'video.addresses',
          referencedBy: addressOf('staff'),
          sharedWith: [addressOf('customers'), addressOf('stores')],
        },
      ],
    },
  },
  ignore: ['customers', 'rentals', 'payments', 'copies', 'stores'].map((table) => ({
    table: `video.${table}`,
    reason: 'rows of customers and stores',
  })),
};
