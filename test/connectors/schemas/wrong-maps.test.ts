import { afterAll, describe, expect, test } from 'vitest';
import { type AcceptedMaps, acceptMaps, prepareDatabase } from '../../support/schemas/accepted.ts';
import { type SchemaDatabase, schemaDatabase } from '../../support/schemas/database.ts';
import {
  type Edit,
  addEntry,
  changeEntry,
  changeKind,
  edit,
  ignoreTables,
  removeEntries,
} from '../../support/schemas/edits.ts';
import type { Schema } from '../../support/schemas/schema.ts';
import { music } from '../../support/schemas/music/music.ts';
import { trade } from '../../support/schemas/trade/trade.ts';
import { video } from '../../support/schemas/video/video.ts';

/** A map that someone could write first, and what check says about it. */
type WrongMap = [name: string, schema: Schema, system: string, edits: readonly Edit[], errors: readonly RegExp[]];

const company = 'company';
const addressOf = (by: string) => ({ kind: company, table: 'addresses', by }) as const;

const WRONG_MAPS: readonly WrongMap[] = [
  [
    'no entry for any table, because all are ignored',
    music,
    'customers',
    [
      changeKind({ tables: [] }),
      ignoreTables(
        ...[
          'invoices',
          'invoice_lines',
          'playlists',
          'playlist_tracks',
          'reviews',
          'follows',
          'friendships',
          'gift_cards',
        ].map((table) => `music.${table}`),
      ),
    ],
    [
      /^kinds\.user: music\.customers references music\.customers by referred_by .*add \{ table: 'music\.customers', subject: \{ column: 'referred_by', match: 'key' \}, detach: \{ referred_by: null \} \}: these rows belong to other subjects$/,
      /^kinds\.user: music\.follows references .*not mapped for user: such rows would block the deletion; add \{ table: 'music\.follows', subject: \{ column: 'customer_id', match: 'key' \} \}/,
      /^kinds\.user: music\.friendships references .* by customer_id/,
      /^kinds\.user: music\.friendships references .* by friend_id/,
      /^kinds\.user: music\.gift_cards references .* by bought_by/,
      /^kinds\.user: music\.gift_cards references .* by redeemed_by .*with detach: \{ redeemed_by: null \} if they belong to another person$/,
      /^kinds\.user: music\.invoice_lines references .* by gift_for/,
      /^kinds\.user: music\.invoices references .* by customer_id .*with detach: \{ customer_id: \{ ghost: … \} \}/,
      /^kinds\.user: music\.playlist_tracks references .* by added_by/,
      /^kinds\.user: music\.playlists references .* by owner_id/,
      /^kinds\.user: music\.reviews references .* by customer_id/,
    ],
  ],
  [
    'rows of the customer only, without those of others that refer to them',
    music,
    'customers',
    [
      removeEntries({ table: 'music.reviews', by: 'reply_to' }),
      removeEntries({ table: 'music.gift_cards', by: 'redeemed_by' }),
      removeEntries({ table: 'music.customers', by: 'referred_by' }),
    ],
    [
      /^kinds\.user\.tables\.\d+: music\.reviews references music\.reviews by reply_to .*no entry of the table finds its rows by these columns.*with detach: \{ reply_to: null \}/,
      /^kinds\.user: music\.customers references music\.customers by referred_by/,
      /^kinds\.user: music\.gift_cards references music\.customers by redeemed_by/,
    ],
  ],
  [
    'invoices that lose their customer, whose column is NOT NULL',
    music,
    'customers',
    [changeEntry({ table: 'music.invoices', by: 'customer_id' }, { retain: { basis: 'tax law', unlink: 'null' } })],
    [
      /^kinds\.user\.tables\.\d+\.retain\.unlink: customer_id is NOT NULL; allow NULL \(ALTER TABLE "music"\."invoices" ALTER "customer_id" DROP NOT NULL;?\), or use retain\.reassign with the key of a ghost row$/,
    ],
  ],
  [
    'invoices that are deleted under lines that are kept',
    music,
    'customers',
    [changeEntry({ table: 'music.invoices', by: 'customer_id' }, { retain: undefined })],
    [
      /^kinds\.user\.tables\.\d+\.retain\.unlink: music\.invoice_lines references music\.invoices .*retain the rows of music\.invoices as well, or set retain\.unlink: 'null'$/,
    ],
  ],
  [
    'customers as rows of the staff who represent them',
    music,
    'staff',
    [changeEntry({ table: 'music.customers', by: 'support_rep_id' }, { detach: undefined })],
    [
      /^kinds\.user\.tables\.\d+: music\.customers references .*; if the rows of music\.customers belong to another person, set detach: \{ support_rep_id: null \} at kinds\.user\.tables\.\d+ instead$/,
      ...Array.from({ length: 10 }, () => /^kinds\.user\.tables\.\d+: music\.\w+ references music\.customers/),
    ],
  ],
  [
    'staff as rows of their manager',
    music,
    'staff',
    [changeEntry({ table: 'music.staff', by: 'reports_to' }, { detach: undefined })],
    [
      /^kinds\.user\.tables\.\d+: music\.staff has one row per user, so this entry would delete other subjects; set detach: \{ reports_to: null \}/,
    ],
  ],
  [
    'no entry for the addresses of companies, but one for those of employees',
    trade,
    'app',
    ['contacts', 'customers', 'orders'].map((table) =>
      removeEntries(addressOf(`public.${table}.${table === 'orders' ? 'ship_address_id' : 'address_id'}`)),
    ),
    [
      /^kinds: public\.addresses is not mapped for company, public\.contacts points to it .*personal columns \(street, postal_code, phone\); add it to kinds\.company\.tables with referencedBy, and with retain if its rows stay$/,
    ],
  ],
  [
    'no entry for any address',
    trade,
    'app',
    [removeEntries({ kind: company, table: 'addresses' }), removeEntries({ table: 'addresses' })],
    [
      /^kinds: public\.addresses is not mapped, public\.contacts points to it .*add it to the data map with referencedBy, or to ignore with a reason$/,
    ],
  ],
  [
    'addresses through the customer that points to them',
    trade,
    'app',
    [
      removeEntries({ kind: company, table: 'addresses' }),
      addEntry({ table: 'addresses', via: { table: 'customers', on: { address_id: 'address_id' } } }, company),
    ],
    [
      /^kinds\.company\.tables\.\d+\.via: public\.customers references public\.addresses .*use referencedBy: \{ table: '(public\.)?customers', on: \{ address_id: 'address_id' \} \} instead of via$/,
    ],
  ],
  [
    'addresses that are not shared',
    trade,
    'app',
    [changeEntry(addressOf('public.customers.address_id'), { sharedWith: undefined })],
    ['contacts', 'employees', 'orders', 'suppliers'].map(
      (table) =>
        new RegExp(
          `^kinds\\.company\\.tables\\.\\d+\\.sharedWith: public\\.${table} references .*add \\{ table: 'public\\.${table}', on: \\{ address_id: '\\w+' \\} \\} to sharedWith$`,
        ),
    ),
  ],
  [
    'orders that keep the address to which they were shipped',
    trade,
    'app',
    [
      changeEntry(
        { kind: company, table: 'orders', by: 'customer_code' },
        { retain: { basis: 'law', blank: ['ship_name'], unlink: 'null' } },
      ),
    ],
    [
      /^kinds\.company\.tables\.\d+\.referencedBy: the rows of public\.orders are kept and still point to these rows.*add ship_address_id to retain\.blank there/,
    ],
  ],
  [
    'companies as rows of their account manager',
    trade,
    'app',
    [changeEntry({ table: 'customers', by: 'account_manager' }, { detach: undefined })],
    [
      /^kinds\.user\.tables\.\d+: public\.customers has one row per company, so this entry would delete subjects of kind company; set detach: \{ account_manager: null \}/,
    ],
  ],
  [
    'orders that lose their seller, whose column is NOT NULL',
    trade,
    'app',
    [changeEntry({ table: 'orders', by: 'employee_id' }, { detach: { employee_id: null } })],
    [/^kinds\.user\.tables\.\d+\.detach: employee_id is NOT NULL; use a constant or \{ ghost: key \} instead of null/],
  ],
  [
    'payments that are found by their customer only',
    video,
    'customers',
    [removeEntries({ table: 'video.payments', by: 'rental_id' })],
    [
      /^kinds\.user\.tables\.\d+: video\.payments references video\.rentals by rental_id \(paid_for_2024\).*add \{ table: 'video\.payments', via: \{ table: 'video\.rentals', on: \{ rental_id: 'rental_id' \} \} \}.*with detach: \{ rental_id: null \}/,
    ],
  ],
  [
    'payments that are ignored',
    video,
    'customers',
    [removeEntries({ table: 'video.payments' }), ignoreTables('video.payments')],
    [
      /^kinds\.user\.tables\.\d+: video\.payments references video\.rentals by rental_id \(paid_for_2024\)/,
      /^kinds\.user: video\.payments references video\.customers by customer_id \(paid_by_2024\)/,
    ],
  ],
  [
    'a reservation that the database ends',
    video,
    'customers',
    [removeEntries({ table: 'video.copies' }), ignoreTables('video.copies')],
    [
      /^kinds\.user: video\.copies references video\.customers by reserved_for ON DELETE SET NULL .*or acknowledge it with onDelete: \[\{ table: 'video\.copies', constraint: 'copies_reserved_for_fkey' \}\] at this entry$/,
    ],
  ],
  [
    'staff who are deleted under the store that they manage',
    video,
    'staff',
    [changeKind({ anonymise: undefined })],
    [/^kinds\.user: video\.stores references video\.staff by manager_id .*would block the deletion/],
  ],
  [
    'staff whose names become NULL, and who keep their address',
    video,
    'staff',
    [
      removeEntries({ table: 'video.addresses' }),
      ignoreTables('video.stores', 'video.customers'),
      changeKind({ omit: undefined, anonymise: { given_name: null, username: 'former' } }),
    ],
    [
      /^kinds\.user\.omit: password of video\.staff looks like a credential/,
      /^kinds: video\.addresses is not mapped, video\.staff points to it/,
      /^kinds\.user\.anonymise\.given_name: given_name is NOT NULL; use a constant/,
      /^kinds\.user\.anonymise\.username: username is unique \(staff_username_key\)/,
    ],
  ],
];

describe('inspect() of a map that someone could write first', () => {
  const opened = new Map<string, { db: SchemaDatabase; maps: AcceptedMaps }>();
  async function open(schema: Schema): Promise<{ db: SchemaDatabase; maps: AcceptedMaps }> {
    const db = await schemaDatabase(schema);
    const one = { db, maps: await acceptMaps(schema, db) };
    await prepareDatabase(db, one.maps);
    opened.set(schema.name, one);
    return one;
  }
  afterAll(async () => {
    for (const { db } of opened.values()) await db.close();
  });

  test.each(WRONG_MAPS)('rejects %s', async (_name, schema, system, edits, expected) => {
    const { db, maps } = opened.get(schema.name) ?? (await open(schema));
    const map = maps.systems[system];
    if (map === undefined) throw new Error(`${schema.name} has no system ${system}`);
    const { map: wrong } = edit(map, edits);
    await db.grant({ [system]: wrong });
    const connector = db.connector(system, wrong);
    const errors = await connector.inspect({ thorough: true });
    await connector.close();
    expect(errors.map(({ path, message }) => `${path}: ${message}`)).toEqual(
      expected.map((each) => expect.stringMatching(each) as unknown),
    );
  });
});
