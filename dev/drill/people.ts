import type postgres from 'postgres';
import type { Stack, SystemName } from './stack.ts';

/** Every personal value contains it. */
export const CANARY = 'drill-canary';
/** Every UUID of a person begins with it. */
export const UUID_CANARY = 'd7177a2e-c0de-4bad-8bad';

/** A person of the drill, by number. The names follow from the number. */
export interface NewPerson {
  readonly n: number;
  /** The segment of the person. */
  readonly group: string;
}

export const keyOf = (n: number): string => `${CANARY}-p${n}-key`;

export interface Identity {
  readonly type: string;
  readonly value: string | string[];
}

/** An identity of the person, of each type in turn. */
export function identityOf(n: number, choice: number): Identity {
  const identities = [
    { type: 'user_id', value: keyOf(n) },
    { type: 'email', value: [`${CANARY.toUpperCase()}-P${n}-mail@X.test`, 'Berlin'] },
    { type: 'alias', value: `${CANARY}-p${n}-alias` },
    { type: 'external_id', value: `${CANARY}-p${n}-ext` },
    { type: 'xng_id', value: `${UUID_CANARY}-${n.toString(16).padStart(12, '0')}`.toUpperCase() },
    { type: 'alias', value: `${CANARY}-p${n}-device` },
  ];
  return identities[choice % identities.length] ?? { type: 'user_id', value: keyOf(n) };
}

/** The number of a person who approves and opens tickets and is in no request. */
export const CLERK = 0;
const COMPANY = 1;

/** Adds rows in every table of both systems. Each statement is one transaction, so that it can be repeated. */
export async function addPeople({ sql }: Pick<Stack, 'sql'>, people: readonly NewPerson[]): Promise<void> {
  const numbers = people.map(({ n }) => n);
  const groups = people.map(({ group }) => group);
  await repeat(() =>
    sql.app.begin(async (tx) => {
      const existing = await tx`SELECT FROM app.users WHERE user_id = ${keyOf(numbers[0] ?? 0)}`;
      if (existing.length === 0) await addToApp(tx, numbers, groups);
    }),
  );
  await repeat(() =>
    sql.crm.begin(async (tx) => {
      const existing = await tx`SELECT FROM crm.contacts WHERE user_id = ${keyOf(numbers[0] ?? 0)}`;
      if (existing.length === 0) await addToCrm(tx, numbers);
    }),
  );
}

async function addToApp(tx: postgres.TransactionSql, numbers: number[], groups: string[]): Promise<void> {
  await tx.unsafe(`
    INSERT INTO app.companies VALUES (${COMPANY}, 'company.test', 'Company') ON CONFLICT DO NOTHING;
    CREATE TEMPORARY TABLE people ON COMMIT DROP AS
      SELECT n, '${CANARY}-p' || n || '-' AS name, member FROM
        unnest(ARRAY[${numbers.join(',')}]::bigint[], ARRAY[${groups.map((group) => `'${group}'`).join(',')}]::text[]) AS p(n, member);
    INSERT INTO app.users SELECT name || 'key', ('${UUID_CANARY}-' || lpad(to_hex(n), 12, '0'))::uuid, name || 'ext',
      name || 'Mail@x.test', 'berlin', name || 'name', '2025-01-01' FROM people;
    INSERT INTO app.aliases SELECT name || 'alias', name || 'key' FROM people
      UNION ALL SELECT name || 'device', name || 'alias' FROM people;
    INSERT INTO app.events SELECT n * 10 + i, name || kind, now() - interval '1 day', 'seen', '10.0.0.1', 'sdk-' || name, 'utm'
      FROM people, unnest(ARRAY['key', 'alias', 'device']) WITH ORDINALITY AS k(kind, i);
    INSERT INTO app.orders SELECT md5('order ' || n)::uuid, name || 'key', '2025-02-01' FROM people;
    INSERT INTO app.order_items SELECT md5('order ' || n)::uuid, line, name || 'sku', 100 FROM people, generate_series(1, 2) line;
    INSERT INTO app.newsletter SELECT name || 'mail@X.test', 'Berlin', '2025-03-01' FROM people;
    INSERT INTO app.invoices SELECT n, name || 'key', '2025-04-01', 100, name || 'street' FROM people;
    INSERT INTO app.memberships SELECT ${COMPANY}, name || 'key', name || 'role' FROM people;
    INSERT INTO app.segment_members SELECT member, name || 'key' FROM people`);
}

async function addToCrm(tx: postgres.TransactionSql, numbers: number[]): Promise<void> {
  await tx.unsafe(`
    CREATE TEMPORARY TABLE people ON COMMIT DROP AS
      SELECT n, '${CANARY}-p' || n || '-' AS name FROM unnest(ARRAY[${numbers.join(',')}]::bigint[]) AS p(n);
    INSERT INTO crm.contacts SELECT name || 'key', name || 'phone', name || 'plan' FROM people;
    INSERT INTO crm.notes SELECT n * 10 + i, name || 'key', name || 'body', name || 'channel' FROM people, generate_series(1, 2) i;
    INSERT INTO crm.tickets SELECT n * 10, name || 'key', '${keyOf(CLERK)}' FROM people
      UNION ALL SELECT n * 10 + 1, '${keyOf(CLERK)}', name || 'key' FROM people WHERE n <> ${CLERK};
    INSERT INTO crm.payments SELECT n, name || 'key', 100, name || 'account' FROM people`);
}

/** A server that was killed a moment ago closes the drill's connections too. */
export async function repeat<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (attempt === 5) throw error;
    }
  }
}

export interface TableMap {
  readonly system: SystemName;
  readonly table: string;
  /** The primary key as text. */
  readonly id: string;
  /** The columns that neither hiding nor clearing nor unlinking changes. */
  readonly core: string;
  /** The columns that hiding leaves alone. */
  readonly whole?: string;
  /** Whether the row is hidden. */
  readonly hidden?: string;
  /** Whether a deletion has cleared the row, where it clears rows. */
  readonly cleared?: string;
  /** What clears the row. */
  readonly clearedBy?: 'retain' | 'sources' | 'categories';
  readonly basis?: string;
  /** The person that the row only refers to. */
  readonly refers?: string;
  /** Rows that a part deletion reports as retained, because a column cannot be empty. */
  readonly keptByCategories?: true;
}

/** What the drill knows about the tables, written by hand and apart from the data map that Lethe reads. */
export const TABLES: readonly TableMap[] = [
  {
    system: 'app',
    table: 'app.users',
    id: 'user_id',
    core: 'user_id, xng_id, external_id, email, business_unit, created_at',
    whole: 'user_id, xng_id, external_id, email, business_unit, created_at, name',
    hidden: 'deleted_at IS NOT NULL',
    cleared: 'name IS NULL',
    clearedBy: 'categories',
    keptByCategories: true,
  },
  { system: 'app', table: 'app.aliases', id: "alias || '>' || user_id", core: 'alias, user_id' },
  {
    system: 'app',
    table: 'app.events',
    id: 'event_id',
    core: 'event_id, user_id, occurred_at, name',
    cleared: 'ip IS NULL AND sdk IS NULL AND utm_source IS NULL',
    clearedBy: 'sources',
  },
  { system: 'app', table: 'app.orders', id: 'order_id', core: 'order_id, user_id, ordered_at' },
  { system: 'app', table: 'app.order_items', id: "order_id || '/' || line", core: 'order_id, line, sku, cents' },
  { system: 'app', table: 'app.newsletter', id: 'email', core: 'email, business_unit, subscribed_at' },
  {
    system: 'app',
    table: 'app.invoices',
    id: 'invoice_id',
    core: 'invoice_id, issued_at, cents',
    cleared: 'user_id IS NULL AND address IS NULL',
    clearedBy: 'retain',
    basis: 'tax law, 10 years',
  },
  { system: 'app', table: 'app.memberships', id: 'user_id', core: 'company_id, user_id, role' },
  { system: 'app', table: 'app.segment_members', id: 'user_id', core: 'segment, user_id' },
  { system: 'app', table: 'app.companies', id: 'company_id', core: 'company_id, domain, name, deleted_at' },
  {
    system: 'crm',
    table: 'crm.contacts',
    id: 'user_id',
    core: 'user_id',
    whole: 'user_id, phone, plan',
    hidden: 'hidden_at IS NOT NULL',
    cleared: 'phone IS NULL AND plan IS NULL',
    clearedBy: 'categories',
  },
  {
    system: 'crm',
    table: 'crm.notes',
    id: 'note_id',
    core: 'note_id, user_id, body',
    cleared: 'channel IS NULL',
    clearedBy: 'sources',
  },
  { system: 'crm', table: 'crm.tickets', id: 'ticket_id', core: 'ticket_id, user_id', refers: 'approved_by' },
  {
    system: 'crm',
    table: 'crm.payments',
    id: 'payment_id',
    core: 'payment_id, cents',
    cleared: 'user_id IS NULL AND account IS NULL',
    clearedBy: 'retain',
    basis: 'accounting law',
  },
];
