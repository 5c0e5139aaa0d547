import type { PostgresSettings } from '../../../../connectors/postgres/index.ts';

const url = { env: 'MUSIC_URL' };

/** Customers leave. Their invoices stay and belong to customer 0. */
export const customers: PostgresSettings = {
  url,
  pace: { share: 1 },
  kinds: {
    user: {
      table: 'music.customers',
      key: { column: 'customer_id', match: 'integer' },
      identities: { email: { column: 'email', match: 'caseInsensitive' } },
      tables: [
        {
          table: 'music.invoices',
          subject: { column: 'customer_id', match: 'key' },
          retain: { basis: 'tax law, 10 years', blank: ['billing_name', 'billing_street'], reassign: 0 },
        },
        {
          table: 'music.invoice_lines',
          via: { table: 'music.invoices', on: { invoice_id: 'invoice_id' } },
          retain: { basis: 'tax law, 10 years' },
        },
        {
          table: 'music.invoice_lines',
          subject: { column: 'gift_for', match: 'key' },
          detach: { gift_for: null },
        },
        { table: 'music.playlists', subject: { column: 'owner_id', match: 'key' } },
        {
          table: 'music.playlist_tracks',
          via: { table: 'music.playlists', on: { playlist_id: 'playlist_id' } },
        },
        {
          table: 'music.playlist_tracks',
          subject: { column: 'added_by', match: 'key' },
          detach: { added_by: null },
        },
        { table: 'music.reviews', subject: { column: 'customer_id', match: 'key' } },
        {
          table: 'music.reviews',
          via: { table: 'music.reviews', on: { reply_to: 'review_id' } },
          detach: { reply_to: null },
        },
        { table: 'music.follows', subject: { column: 'customer_id', match: 'key' } },
        { table: 'music.friendships', subject: { column: 'customer_id', match: 'key' } },
        { table: 'music.friendships', subject: { column: 'friend_id', match: 'key' } },
        { table: 'music.gift_cards', subject: { column: 'bought_by', match: 'key' } },
        {
          table: 'music.gift_cards',
          subject: { column: 'redeemed_by', match: 'key' },
          detach: { redeemed_by: null },
        },
        {
          table: 'music.customers',
          subject: { column: 'referred_by', match: 'key' },
          detach: { referred_by: null },
        },
      ],
    },
  },
  ignore: [{ table: 'music.staff', reason: 'the system staff maps it' }],
};

/** Staff leave. Their customers, colleagues and the reviews that they moderated stay. */
export const staff: PostgresSettings = {
  url,
  pace: { share: 1 },
  kinds: {
    user: {
      table: 'music.staff',
      key: { column: 'staff_id', match: 'integer' },
      tables: [
        {
          table: 'music.staff',
          subject: { column: 'reports_to', match: 'key' },
          detach: { reports_to: null },
        },
        {
          table: 'music.customers',
          subject: { column: 'support_rep_id', match: 'key' },
          detach: { support_rep_id: null },
        },
        {
          table: 'music.reviews',
          subject: { column: 'moderated_by', match: 'key' },
          detach: { moderated_by: null },
        },
      ],
    },
  },
};
