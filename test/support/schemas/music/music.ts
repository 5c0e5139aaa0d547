import type { Person, Schema } from '../schema.ts';
import { customers } from './decisions.ts';

function customer(name: string, id: number): Person {
  const invoices = `SELECT invoice_id FROM music.invoices WHERE customer_id = ${id}`;
  const playlists = `SELECT playlist_id FROM music.playlists WHERE owner_id = ${id}`;
  const reviews = `SELECT review_id FROM music.reviews WHERE customer_id = ${id}`;
  return {
    name,
    system: 'customers',
    kind: 'user',
    identity: { type: 'customer_id', value: [String(id)] },
    own: {
      'music.customers': `customer_id = ${id}`,
      'music.invoices': `customer_id = ${id}`,
      'music.invoice_lines': `invoice_id IN (${invoices})`,
      'music.playlists': `owner_id = ${id}`,
      'music.playlist_tracks': `playlist_id IN (${playlists})`,
      'music.reviews': `customer_id = ${id}`,
      'music.follows': `customer_id = ${id}`,
      'music.friendships': `${id} IN (customer_id, friend_id)`,
      'music.gift_cards': `bought_by = ${id}`,
    },
    deletion: [
      `DELETE FROM music.playlist_tracks WHERE playlist_id IN (${playlists})`,
      `DELETE FROM music.playlists WHERE owner_id = ${id}`,
      `UPDATE music.reviews SET reply_to = NULL WHERE reply_to IN (${reviews})`,
      `DELETE FROM music.reviews WHERE customer_id = ${id}`,
      `DELETE FROM music.follows WHERE customer_id = ${id}`,
      `DELETE FROM music.friendships WHERE ${id} IN (customer_id, friend_id)`,
      `DELETE FROM music.gift_cards WHERE bought_by = ${id}`,
      `UPDATE music.playlist_tracks SET added_by = NULL WHERE added_by = ${id}`,
      `UPDATE music.invoice_lines SET gift_for = NULL WHERE gift_for = ${id}`,
      `UPDATE music.gift_cards SET redeemed_by = NULL WHERE redeemed_by = ${id}`,
      `UPDATE music.customers SET referred_by = NULL WHERE referred_by = ${id}`,
      `UPDATE music.invoices SET customer_id = 0, billing_name = NULL, billing_street = NULL WHERE customer_id = ${id}`,
      `DELETE FROM music.customers WHERE customer_id = ${id}`,
    ],
    kept: {
      'music.invoices': { retained: `customer_id = ${id}` },
      'music.invoice_lines': {
        retained: `invoice_id IN (${invoices})`,
        detached: `gift_for = ${id} AND invoice_id NOT IN (${invoices})`,
      },
      'music.playlist_tracks': { detached: `added_by = ${id} AND playlist_id NOT IN (${playlists})` },
      'music.reviews': { detached: `customer_id <> ${id} AND reply_to IN (${reviews})` },
      'music.gift_cards': { detached: `redeemed_by = ${id} AND bought_by <> ${id}` },
      'music.customers': { detached: `referred_by = ${id}` },
    },
    marks: [`c${id}`],
  };
}

function employee(name: string, id: number): Person {
  return {
    name,
    system: 'staff',
    kind: 'user',
    identity: { type: 'staff_id', value: [String(id)] },
    own: { 'music.staff': `staff_id = ${id}` },
    deletion: [
      `UPDATE music.customers SET support_rep_id = NULL WHERE support_rep_id = ${id}`,
      `UPDATE music.reviews SET moderated_by = NULL WHERE moderated_by = ${id}`,
      `UPDATE music.staff SET reports_to = NULL WHERE reports_to = ${id}`,
      `DELETE FROM music.staff WHERE staff_id = ${id}`,
    ],
    kept: {
      'music.staff': { detached: `reports_to = ${id}` },
      'music.customers': { detached: `support_rep_id = ${id}` },
      'music.reviews': { detached: `moderated_by = ${id}` },
    },
    marks: [`s${id}`],
  };
}

export const music: Schema = {
  name: 'music',
  systems: {
    customers: [{ table: 'music.customers', kind: 'user', edits: customers }],
    staff: [{ table: 'music.staff', kind: 'user', edits: [] }],
  },
  directory: 'customers',
  persons: [
    customer('an ordinary customer', 17),
    customer('a customer who refers to itself and others', 5),
    employee('a manager who represents customers and is one', 2),
  ],
};
