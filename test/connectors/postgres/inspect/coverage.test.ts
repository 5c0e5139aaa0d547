import { describe, expect, test } from 'vitest';
import type { PostgresSettings } from '../../../../connectors/postgres/settings.ts';
import type { TableMap } from '../../../../connectors/data-map/data-map.ts';
import { singularForms } from '../../../../connectors/data-map/coverage/key-names.ts';
import { schemaErrors, settingsFor, withEmptyDatabase } from './schema-errors.ts';

const db = withEmptyDatabase();

const covering = (errors: readonly string[]): string[] => errors.filter((error) => error.startsWith('kinds: '));

const USERS = 'CREATE SCHEMA c; CREATE TABLE c.users (id bigint PRIMARY KEY, email text);';
const USER = settingsFor('c.users', { column: 'id', match: 'integer' });

describe('the coverage of tables', () => {
  test('lists a reference and a column user_id when the key is called id, and no other table with such a column', async () => {
    const errors = await schemaErrors(
      db,
      `${USERS} CREATE TABLE c.country (id int PRIMARY KEY, name text);
       CREATE TABLE c.note (id bigint PRIMARY KEY, author bigint REFERENCES c.users);
       CREATE TABLE c.logbook (user_id bigint, body text); CREATE TABLE c.plan (pid int, "emailQuota" int)`,
      USER,
    );
    expect(errors).toEqual([
      'kinds: c.logbook has the column user_id; add it to the data map, or to ignore with a reason',
      expect.stringMatching(
        /^kinds\.user: c\.note references c\.users by author \(note_author_fkey\), and .*not mapped/,
      ),
    ]);
  });

  test.each([
    ['"userId" bigint', 'camel case'],
    ['user_id text', 'a key stored as text'],
    ['user_ids bigint[]', 'an array of keys'],
    ['approver bigint', 'a name that references the subjects elsewhere'],
    ['author_ref bigint', 'a name that the data map uses elsewhere'],
  ])('lists an unreferenced column %s, which is %s', async (column) => {
    const errors = await schemaErrors(
      db,
      `${USERS} CREATE TABLE c.approvals (approver bigint REFERENCES c.users); CREATE INDEX ON c.approvals (approver);
       CREATE TABLE c.posts (author_ref bigint); CREATE TABLE c.found (${column})`,
      settingsFor('c.users', { column: 'id', match: 'integer' }, [
        { table: 'c.approvals', subject: 'approver' },
        { table: 'c.posts', subject: 'author_ref' },
      ]),
    );
    expect(covering(errors)).toEqual([expect.stringContaining('c.found has the column')]);
  });

  test.each([
    ['user_id boolean', 'a type that holds no key'],
    ['user_id uuid', 'the type of another key'],
    ['user_id int REFERENCES c.terminals', 'a reference to another table'],
    ['terminal_id bigint', 'the name of another subject'],
    ['email_id bigint', 'a number'],
    ['has_email boolean', 'a boolean'],
    ['email_verified_at timestamptz', 'a time'],
    ['email_template text', 'a text about emails'],
    ['city text, phone text', 'one personal column that no mapped row points to'],
  ])('does not list a column %s, which is %s', async (column) => {
    const schema = `${USERS} CREATE TABLE c.terminals (id int PRIMARY KEY); CREATE TABLE c.other (${column})`;
    expect(await schemaErrors(db, schema, USER)).toEqual([]);
  });

  test.each([
    'email text',
    '"workEmail" varchar(80)',
    'e_mail bytea',
    'mail_address text',
    'emails text[]',
    'mail text',
  ])('lists an email column %s', async (column) => {
    const errors = await schemaErrors(db, `${USERS} CREATE TABLE c.leads (${column})`, USER);
    expect(errors).toEqual([expect.stringMatching(/^kinds: c\.leads has the column "?\w*mail\w*"?;/i)]);
  });

  test('derives the name from the table of the subjects', async () => {
    const errors = await schemaErrors(
      db,
      `CREATE TABLE companies (uuid uuid PRIMARY KEY); CREATE TABLE a (company_id uuid); CREATE TABLE b (company_uuid uuid);
       CREATE TABLE auth_user (id uuid PRIMARY KEY); CREATE TABLE d (user_id uuid); CREATE TABLE e (id uuid, uuid uuid)`,
      {
        ...settingsFor('auth_user', { column: 'id', match: 'uuid' }),
        kinds: {
          user: { table: 'auth_user', key: { column: 'id', match: 'uuid' } },
          company: { table: 'companies', key: { column: 'uuid', match: 'uuid' } },
        },
      },
    );
    expect(covering(errors).map((error) => error.split(';')[0])).toEqual([
      'kinds: public.a has the column company_id',
      'kinds: public.b has the column company_uuid',
      'kinds: public.d has the column user_id',
    ]);
  });

  test.each([
    ['users', 'user'],
    ['companies', 'company'],
    ['movies', 'movie'],
    ['addresses', 'address'],
    ['houses', 'house'],
    ['people', 'person'],
    ['sales_people', 'sales_person'],
    ['staff', 'staff'],
  ])('derives from %s the name %s', (plural, one) => expect(singularForms(plural)).toContain(one));

  test.each(['status', 'address', 'bus'])('does not cut the end of %s', (word) =>
    expect(singularForms(word)).toEqual([word]),
  );

  test('lists a table with all columns of a composite key, and none with only one of them', async () => {
    const errors = await schemaErrors(
      db,
      `CREATE TABLE members (tenant int, code text, PRIMARY KEY (tenant, code)); CREATE TABLE rooms (tenant int);
       CREATE TABLE visits (tenant int, code text)`,
      settingsFor('members', { name: 'member', columns: ['tenant', 'code'] }),
    );
    expect(covering(errors)).toEqual([expect.stringContaining('public.visits has the columns tenant, code')]);
  });

  test('lists many tables of one reason in one line', async () => {
    const names = Array.from({ length: 9 }, (_, index) => `log_${index + 1}`);
    const retained: TableMap = { table: 'c.bills', subject: 'user_id', retain: { basis: 'tax law' } };
    const errors = await schemaErrors(
      db,
      `${USERS} ${names.map((name) => `CREATE TABLE c.${name} (user_id bigint);`).join(' ')}
       CREATE TABLE c.bills (bill_id int PRIMARY KEY, user_id bigint);
       CREATE TABLE c.a (bill int REFERENCES c.bills); CREATE TABLE c.b (bill int CONSTRAINT billed REFERENCES c.bills)`,
      settingsFor('c.users', { column: 'id', match: 'integer' }, [retained]),
    );
    expect(errors).toEqual([
      'kinds: these 2 tables reference c.bills and are not mapped: c.a (constraint a_bill_fkey), c.b (constraint billed); add each to the data map, or to ignore with a reason',
      `kinds: these 9 tables have a column user_id and are not mapped: ${names.map((name) => `c.${name}`).join(', ')}; add each to the data map, or to ignore with a reason`,
    ]);
  });

  test('lists a table once that also blocks a deletion, with the entry to write', async () => {
    const errors = await schemaErrors(
      db,
      `${USERS} CREATE TABLE c.note (user_id bigint REFERENCES c.users, email text)`,
      USER,
    );
    expect(errors).toEqual([
      expect.stringMatching(/^kinds\.user: c\.note references c\.users by user_id .*add \{ table: 'c\.note', subject:/),
    ]);
  });

  test('follows a foreign key of a partition', async () => {
    const errors = await schemaErrors(
      db,
      `${USERS} CREATE TABLE c.bills (bill_id int PRIMARY KEY, user_id bigint);
       CREATE TABLE c.pay (bill int, at date) PARTITION BY RANGE (at);
       CREATE TABLE c.pay_1 PARTITION OF c.pay FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
       ALTER TABLE c.pay_1 ADD CONSTRAINT paid_by FOREIGN KEY (bill) REFERENCES c.bills`,
      settingsFor('c.users', { column: 'id', match: 'integer' }, [
        { table: 'c.bills', subject: 'user_id', retain: { basis: 'tax law' } },
      ]),
    );
    expect(covering(errors)).toEqual([expect.stringContaining('c.pay references c.bills (constraint paid_by)')]);
  });

  test('does not list an ignored table, nor tables that reference only an ignored one', async () => {
    const schema = `${USERS} CREATE TABLE c.logbook (user_id bigint, log_id int PRIMARY KEY);
      CREATE TABLE c.lines (log_id int REFERENCES c.logbook)`;
    const ignore = [{ table: 'c.logbook', reason: 'technical' }];
    expect(await schemaErrors(db, schema, { ...USER, ignore })).toEqual([]);
  });

  test('suggests the existing table when an ignored or mapped one is misspelled', async () => {
    const settings = settingsFor(
      'c.users',
      { column: 'id', match: 'integer' },
      [{ table: 'c.ordrs', subject: 'user_id' }],
      {
        ignore: [{ table: 'c.contry', reason: 'no persons' }],
      },
    );
    const errors = await schemaErrors(
      db,
      `${USERS} CREATE TABLE c.orders (user_id bigint); CREATE TABLE c.country (code text)`,
      settings,
    );
    expect(errors).toContain('kinds.user.tables.0.table: c.ordrs does not exist; did you mean c.orders?');
    expect(errors).toContain('ignore.0.table: c.contry does not exist; did you mean c.country?');
  });
});

describe('personal columns beside mapped rows', () => {
  const SCHEMA = `CREATE SCHEMA a; CREATE TABLE a.city (city_id int PRIMARY KEY, city text);
    CREATE TABLE a.address (address_id int PRIMARY KEY, street text NOT NULL, phone text NOT NULL, city_id int REFERENCES a.city);
    CREATE TABLE a.customer (customer_id int PRIMARY KEY, address_id int NOT NULL REFERENCES a.address ON DELETE RESTRICT);
    CREATE INDEX ON a.customer (address_id)`;
  const KEY = { column: 'customer_id', match: 'integer' } as const;

  test('lists an address table to which the subject points, and not the cities to which it points', async () => {
    expect(await schemaErrors(db, SCHEMA, settingsFor('a.customer', KEY))).toEqual([
      'kinds: a.address is not mapped, a.customer points to it (constraint customer_address_id_fkey), and it has personal columns (street, phone); add it to the data map with referencedBy, or to ignore with a reason',
    ]);
  });

  test('does not stop a deletion for tables that only their names make personal', async () => {
    expect(await schemaErrors(db, SCHEMA, settingsFor('a.customer', KEY), {})).toEqual([]);
  });

  test('accepts the address table when it is mapped with referencedBy', async () => {
    const address: TableMap = {
      table: 'a.address',
      referencedBy: { table: 'a.customer', on: { address_id: 'address_id' } },
    };
    expect(await schemaErrors(db, SCHEMA, settingsFor('a.customer', KEY, [address]))).toEqual([]);
  });

  test('lists a table with two sorts of personal columns that nothing connects with the subjects', async () => {
    const errors = await schemaErrors(
      db,
      `${USERS} CREATE TABLE c.leads (first_name text, last_name text, birth_date date, client_ip inet);
       CREATE TABLE c.people (first_name text, last_name text); CREATE TABLE c.stats (birthday_offers int, phone_calls int)`,
      USER,
    );
    expect(errors).toEqual([
      'kinds: c.leads is not mapped and has personal columns (first_name, last_name, birth_date, client_ip); add it to the data map, or to ignore with a reason',
    ]);
  });
});

describe('an ignored table that would block a deletion', () => {
  const SCHEMA = `CREATE TABLE customer (customer_id int PRIMARY KEY, support_rep_id int);
    CREATE TABLE employee (employee_id int PRIMARY KEY);
    ALTER TABLE customer ADD FOREIGN KEY (support_rep_id) REFERENCES employee;
    CREATE TABLE invoice (invoice_id int PRIMARY KEY, customer_id int NOT NULL REFERENCES customer);
    CREATE TABLE invoice_line (line_id int PRIMARY KEY, invoice_id int NOT NULL REFERENCES invoice)`;
  const ignoring = (...tables: string[]): PostgresSettings =>
    settingsFor('public.customer', { column: 'customer_id', match: 'integer' }, [], {
      ignore: tables.map((table) => ({ table, reason: 'kept by law' })),
    });

  test('is an error when its foreign key refers to rows of the subject', async () => {
    expect(await schemaErrors(db, SCHEMA, ignoring('invoice', 'invoice_line', 'employee'))).toEqual([
      expect.stringMatching(/^kinds\.user: public\.invoice references public\.customer by customer_id.*would block/),
    ]);
  });

  test('is an error also when it is not ignored, beside the coverage of what refers to it', async () => {
    const errors = await schemaErrors(db, SCHEMA, ignoring('employee'));
    expect(errors).toContainEqual(expect.stringContaining('public.invoice_line references public.invoice (constraint'));
    expect(errors).toContainEqual(expect.stringMatching(/^kinds\.user: public\.invoice .*would block/));
  });
});
