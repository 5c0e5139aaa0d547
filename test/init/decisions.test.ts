import { expect, test } from 'vitest';
import { proposeFor } from './proposed.ts';

const PEOPLE = `CREATE TABLE people (person_id int PRIMARY KEY, email text, name text);
  INSERT INTO people SELECT i, 'p' || i || '@x.test', 'n' FROM generate_series(1, 40) i;`;

test('detaches rows of customers from an employee who served them, so that no export has them', async () => {
  const proposed = await proposeFor(
    `CREATE TABLE employees (employee_id int PRIMARY KEY, email text);
     CREATE TABLE customers (customer_id int PRIMARY KEY, phone text, address text, email text, rep int REFERENCES employees);
     CREATE TABLE orders (order_id int PRIMARY KEY, customer_id int REFERENCES customers, employee_id int REFERENCES employees)`,
    'employees',
  );
  expect(proposed.entriesOf('public.orders')).toEqual([
    { table: 'public.orders', subject: 'employee_id', detach: { employee_id: null } },
  ]);
  expect(proposed.entriesOf('public.customers')).toEqual([
    { table: 'public.customers', subject: 'rep', detach: { rep: null } },
  ]);
  expect(await proposed.check()).toEqual([]);
});

test('maps a column without a foreign key when its values are keys, and not when they are others', async () => {
  const proposed = await proposeFor(
    `${PEOPLE}
     CREATE TABLE visits (visit_id int PRIMARY KEY, person_id int);
     INSERT INTO visits SELECT i, i % 40 + 1 FROM generate_series(1, 90) i;
     CREATE TABLE badges (badge_id int PRIMARY KEY, person_id int);
     INSERT INTO badges SELECT i, i + 7000 FROM generate_series(1, 90) i`,
    'people',
  );
  expect(proposed.entriesOf('public.visits')).toEqual([{ table: 'public.visits', subject: 'person_id' }]);
  expect(proposed.entriesOf('public.badges')).toEqual([]);
  expect(proposed.comments).toContain('guess: the name, and 100 % of 40 sampled values match public.people.person_id');
  expect(proposed.settings.ignore).toEqual([
    { table: 'public.badges', reason: 'person_id does not hold keys of public.people' },
  ]);
  expect(proposed.comments).toContain('DECIDE: 0 of 90 sampled values of person_id are keys of public.people');
  expect(await proposed.check()).toEqual([]);
});

test('collects the row that only this person points to, and gives a ghost row its own', async () => {
  const proposed = await proposeFor(
    `CREATE TABLE address (address_id int PRIMARY KEY, street text NOT NULL, phone text NOT NULL);
     CREATE TABLE store (store_id int PRIMARY KEY, address_id int NOT NULL REFERENCES address);
     CREATE TABLE client (client_id int PRIMARY KEY, email text, address_id int NOT NULL REFERENCES address, store_id int NOT NULL REFERENCES store);
     CREATE TABLE payment (payment_id int PRIMARY KEY, client_id int NOT NULL REFERENCES client, cents int NOT NULL);
     INSERT INTO address SELECT i, 's', '5' FROM generate_series(1, 30) i; INSERT INTO store VALUES (1, 1);
     INSERT INTO client SELECT i, NULL, i + 1, 1 FROM generate_series(1, 20) i`,
    'client',
  );
  expect(proposed.entriesOf('public.address')).toEqual([
    {
      table: 'public.address',
      referencedBy: { table: 'public.client', on: { address_id: 'address_id' } },
      sharedWith: [{ table: 'public.store', on: { address_id: 'address_id' } }],
    },
  ]);
  expect(proposed.entriesOf('public.payment')).toEqual([
    {
      table: 'public.payment',
      subject: 'client_id',
      retain: { basis: 'legal obligation to keep records', reassign: 0 },
    },
  ]);
  expect(proposed.statements.map(({ sql }) => sql)).toEqual([
    `INSERT INTO "public"."address" ("address_id", "street", "phone") VALUES ('0', 'deleted', 'deleted') ON CONFLICT DO NOTHING;`,
    expect.stringMatching(
      /^INSERT INTO "public"."client" \("client_id", "address_id", "store_id"\) VALUES \('0', '0', \(SELECT "store_id"/,
    ),
  ]);
  expect(proposed.entriesOf('public.store')).toEqual([]);
  expect(await proposed.check()).toEqual([]);
});

test('deletes the address of a retained order and keeps its document', async () => {
  const proposed = await proposeFor(
    `${PEOPLE}
     CREATE TABLE addresses (address_id int PRIMARY KEY, street text); CREATE TABLE documents (document_id int PRIMARY KEY, path text);
     CREATE TABLE orders (order_id int PRIMARY KEY, person_id int REFERENCES people, ship_address_id int REFERENCES addresses,
       document_id int REFERENCES documents)`,
    'people',
  );
  expect(proposed.entriesOf('public.orders')).toMatchObject([
    { subject: 'person_id', retain: { blank: ['ship_address_id'], unlink: 'null' } },
  ]);
  expect(proposed.entriesOf('public.addresses')).toEqual([
    { table: 'public.addresses', referencedBy: { table: 'public.orders', on: { address_id: 'ship_address_id' } } },
  ]);
  expect(proposed.entriesOf('public.documents')).toEqual([]);
  expect(await proposed.check()).toEqual([]);
});

test('retains a row that a retained row cannot do without', async () => {
  const proposed = await proposeFor(
    `${PEOPLE}
     CREATE TABLE bookings (booking_id int PRIMARY KEY, person_id int REFERENCES people, note text);
     CREATE TABLE payments (payment_id int PRIMARY KEY, booking_id int NOT NULL REFERENCES bookings, cents int);
     CREATE TABLE booking_comments (comment_id int PRIMARY KEY, booking_id int NOT NULL REFERENCES bookings, body text)`,
    'people',
  );
  expect(proposed.entriesOf('public.bookings')).toMatchObject([
    { subject: 'person_id', retain: { unlink: 'null', blank: ['note'] } },
  ]);
  expect(proposed.entriesOf('public.payments')).toMatchObject([{ via: { table: 'public.bookings' }, retain: {} }]);
  expect(proposed.entriesOf('public.booking_comments')).toEqual([
    { table: 'public.booking_comments', via: { table: 'public.bookings', on: { booking_id: 'booking_id' } } },
  ]);
  expect(await proposed.check()).toEqual([]);
});

test('deletes rows that cannot be without a row of the person, although another person made them', async () => {
  const proposed = await proposeFor(
    `${PEOPLE}
     CREATE TABLE lists (list_id int PRIMARY KEY, owner_id int REFERENCES people);
     CREATE TABLE list_entries (list_id int REFERENCES lists, entry_no int, updated_by int REFERENCES people, PRIMARY KEY (list_id, entry_no));
     CREATE TABLE invoices (invoice_id int PRIMARY KEY, person_id int REFERENCES people);
     CREATE TABLE invoice_lines (invoice_id int REFERENCES invoices, line_no int, checked_by int REFERENCES people, PRIMARY KEY (invoice_id, line_no))`,
    'people',
  );
  expect(proposed.entriesOf('public.list_entries')).toEqual([
    { table: 'public.list_entries', subject: 'updated_by', detach: { updated_by: null } },
    { table: 'public.list_entries', via: { table: 'public.lists', on: { list_id: 'list_id' } } },
  ]);
  expect(proposed.entriesOf('public.invoice_lines')).toMatchObject([
    { subject: 'checked_by', detach: { checked_by: null } },
    { via: { table: 'public.invoices' }, retain: {} },
  ]);
  expect(proposed.statements).toEqual([]);
  expect(await proposed.check()).toEqual([]);
});

test('breaks a circle of references at the one that can be NULL', async () => {
  const proposed = await proposeFor(
    `${PEOPLE}
     CREATE TABLE threads (thread_id int PRIMARY KEY, starter_id int NOT NULL REFERENCES people, newest_id int);
     CREATE TABLE replies (reply_id int PRIMARY KEY, thread_id int NOT NULL REFERENCES threads, person_id int NOT NULL REFERENCES people, quoted_id int REFERENCES replies);
     ALTER TABLE threads ADD FOREIGN KEY (newest_id) REFERENCES replies`,
    'people',
  );
  expect(proposed.entriesOf('public.threads')).toContainEqual({
    table: 'public.threads',
    via: { table: 'public.replies', on: { newest_id: 'reply_id' } },
    detach: { newest_id: null },
  });
  expect(proposed.entriesOf('public.replies')).toContainEqual({
    table: 'public.replies',
    via: { table: 'public.replies', on: { quoted_id: 'reply_id' } },
    detach: { quoted_id: null },
  });
  expect(proposed.entriesOf('public.replies')).toContainEqual({
    table: 'public.replies',
    via: { table: 'public.threads', on: { thread_id: 'thread_id' } },
    export: false,
  });
  expect(await proposed.check()).toEqual([]);
});

test('acknowledges triggers, rules and inheriting tables with a question, and reports materialized views', async () => {
  const proposed = await proposeFor(
    `${PEOPLE}
     CREATE TABLE notes (note_id int PRIMARY KEY, person_id int REFERENCES people); CREATE TABLE old_notes () INHERITS (notes);
     CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
     CREATE TRIGGER touched BEFORE UPDATE ON notes FOR EACH ROW EXECUTE FUNCTION touch();
     CREATE RULE logged AS ON DELETE TO people DO ALSO SELECT 1;
     CREATE MATERIALIZED VIEW note_counts AS SELECT person_id, count(*) FROM notes GROUP BY 1`,
    'people',
  );
  expect(proposed.settings.kinds.user?.rules).toEqual(['logged']);
  expect(proposed.entriesOf('public.notes')).toEqual([
    { table: 'public.notes', subject: 'person_id', triggers: ['touched'], inheritors: ['public.old_notes'] },
  ]);
  expect(proposed.settings.materializedViews).toEqual({ report: ['public.note_counts'] });
  expect(proposed.comments.match(/DECIDE/g)?.length).toBeGreaterThanOrEqual(4);
  expect(await proposed.check()).toEqual([]);
});

test('reads bounded samples and writes only names that it knew before', async () => {
  const proposed = await proposeFor(
    `${PEOPLE}
     CREATE TABLE hooks (hook_id int PRIMARY KEY, body jsonb, source_type text, source_id int);
     INSERT INTO hooks SELECT i, jsonb_build_object('canary@x.test', jsonb_build_object('person_id', i), 'user', jsonb_build_object('id', i)),
       'CanaryType', i FROM generate_series(1, 40) i`,
    'people',
  );
  expect(proposed.entriesOf('public.hooks')).toEqual([{ table: 'public.hooks', subject: `body->'user'->>'id'` }]);
  expect(JSON.stringify([proposed.settings, proposed.comments, proposed.sent])).not.toMatch(/canary/i);
  const samples = proposed.sent.filter((sql) => /FROM "public"/.test(sql));
  expect(samples.length).toBeGreaterThan(0);
  expect(samples.filter((sql) => !/LIMIT \d+|WHERE EXISTS/.test(sql))).toEqual([]);
  expect(proposed.sent.filter((sql) => /^\s*(INSERT|UPDATE|DELETE|CREATE|ALTER)/.test(sql))).toEqual([]);
});

test('proposes companies with their offices, and detaches their users', async () => {
  const proposed = await proposeFor(
    `CREATE TABLE companies (company_id uuid PRIMARY KEY, domain text UNIQUE, is_hidden boolean NOT NULL DEFAULT false);
     CREATE TABLE users (user_id uuid PRIMARY KEY, email text UNIQUE, company_id uuid NOT NULL REFERENCES companies);
     CREATE TABLE offices (office_id int PRIMARY KEY, company_id uuid NOT NULL REFERENCES companies)`,
    'companies',
    'company',
  );
  expect(proposed.settings.kinds.company).toMatchObject({
    key: { column: 'company_id', match: 'uuid' },
    identities: { domain: { column: 'domain', match: 'exact' } },
    softDelete: { column: 'is_hidden' },
  });
  expect(proposed.entriesOf('public.offices')).toEqual([{ table: 'public.offices', subject: 'company_id' }]);
  expect(proposed.entriesOf('public.users')).toEqual([
    {
      table: 'public.users',
      subject: 'company_id',
      detach: { company_id: { ghost: '00000000-0000-0000-0000-000000000000' } },
    },
  ]);
  expect(await proposed.check()).toEqual([]);
});

test.each([
  ['has no key', 'CREATE TABLE people (name text)', /public\.people has no key: Lethe needs a primary key/],
  ['is a view', 'CREATE VIEW people AS SELECT 1 AS id', /the database has no table public\.people/],
])('refuses a table that %s', async (_, schema, message) => {
  await expect(proposeFor(schema, 'people')).rejects.toThrow(message);
});
