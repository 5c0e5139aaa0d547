import type { Connector } from '../../../connectors/connector.ts';
import type { KindMap, TableMap } from '../../../connectors/data-map/data-map.ts';
import { type MariadbSettings, openMariadb, systemSql } from '../../../connectors/mariadb/index.ts';
import type { Tuning } from '../../../connectors/mariadb/tuning.ts';
import type { Identity } from '../../../domain/identity.ts';
import { type MariadbDatabase, createMariadb } from '../../support/servers/mariadb.ts';

export const SYSTEM = 'app';

/** One table of every kind that a data map can have. Keys are compared as bytes, and addresses without case. */
const SCHEMA = `
  CREATE TABLE users (user_id VARCHAR(40) COLLATE utf8mb4_bin PRIMARY KEY, ext BINARY(16) UNIQUE, email VARCHAR(100), unit VARCHAR(40),
    name TEXT, deleted_at DATETIME(3), changed_at TIMESTAMP NOT NULL DEFAULT '2026-01-01' ON UPDATE CURRENT_TIMESTAMP, KEY (email, unit));
  CREATE TABLE aliases (alias VARCHAR(40) COLLATE utf8mb4_bin, user_id VARCHAR(40) COLLATE utf8mb4_bin, PRIMARY KEY (alias, user_id), KEY (user_id));
  CREATE TABLE events (event_id BIGINT AUTO_INCREMENT PRIMARY KEY, user_id VARCHAR(40) COLLATE utf8mb4_bin NOT NULL,
    at DATETIME NOT NULL DEFAULT '2026-01-01', note TEXT, KEY (user_id, at));
  CREATE TABLE orders (order_id BIGINT AUTO_INCREMENT PRIMARY KEY, user_id VARCHAR(40) COLLATE utf8mb4_bin NOT NULL, FOREIGN KEY (user_id) REFERENCES users (user_id));
  CREATE TABLE order_items (order_id BIGINT, line INT, sku VARCHAR(20), PRIMARY KEY (order_id, line), FOREIGN KEY (order_id) REFERENCES orders (order_id));
  CREATE TABLE newsletter (email VARCHAR(100), unit VARCHAR(40), PRIMARY KEY (email, unit));
  CREATE TABLE invoices (invoice_id BIGINT AUTO_INCREMENT PRIMARY KEY, user_id VARCHAR(40) COLLATE utf8mb4_bin, address TEXT, cents INT,
    FOREIGN KEY (user_id) REFERENCES users (user_id));
  CREATE TABLE ratings (rating_id BIGINT AUTO_INCREMENT PRIMARY KEY, user_id VARCHAR(60) COLLATE utf8mb4_bin NOT NULL, stars INT, comment TEXT, KEY (user_id));
  CREATE TABLE companies (company_id BIGINT PRIMARY KEY, domain VARCHAR(100) UNIQUE, hidden BOOLEAN NOT NULL DEFAULT false);
  CREATE TABLE memberships (company_id BIGINT, user_id VARCHAR(40) COLLATE utf8mb4_bin, PRIMARY KEY (company_id, user_id),
    FOREIGN KEY (company_id) REFERENCES companies (company_id), FOREIGN KEY (user_id) REFERENCES users (user_id));
  CREATE TABLE segment_members (segment VARCHAR(40), user_id VARCHAR(40) COLLATE utf8mb4_bin, PRIMARY KEY (segment, user_id), KEY (user_id));
  CREATE TABLE offices (office VARCHAR(40) PRIMARY KEY, contact_email VARCHAR(100))`;

const seed = (users: number): string => {
  const numbers = `(SELECT seq AS n FROM seq_1_to_${users}) AS s`;
  return `
  INSERT INTO users (user_id, ext, email, unit, name) SELECT CONCAT('u-', n), UNHEX(MD5(CONCAT('ext', n))), CONCAT('User', n, '@x.test'), 'berlin', CONCAT('name ', n) FROM ${numbers};
  INSERT INTO aliases SELECT CONCAT('a-', n), CONCAT('u-', n) FROM ${numbers};
  INSERT INTO events (user_id, note) SELECT CONCAT(p, n), 'note' FROM ${numbers} JOIN (SELECT 'u-' AS p UNION SELECT 'a-') AS p ORDER BY n, p;
  INSERT INTO orders SELECT n, CONCAT('u-', n) FROM ${numbers};
  INSERT INTO order_items SELECT n, line, 'sku' FROM ${numbers} JOIN (SELECT 1 AS line UNION SELECT 2) AS line;
  INSERT INTO newsletter SELECT CONCAT('user', n, '@x.test'), 'Berlin' FROM ${numbers};
  INSERT INTO invoices (user_id, address, cents) SELECT CONCAT('u-', n), CONCAT('street ', n), n FROM ${numbers} ORDER BY n;
  INSERT INTO ratings (user_id, stars, comment) SELECT CONCAT('u-', n), 5, 'nice' FROM ${numbers} ORDER BY n;
  INSERT INTO companies (company_id, domain) SELECT n, CONCAT('Firm', n, '.test') FROM ${numbers} WHERE n <= 5;
  INSERT INTO memberships SELECT 1 + n % 5, CONCAT('u-', n) FROM ${numbers};
  INSERT INTO segment_members SELECT 'odd', CONCAT('u-', n) FROM ${numbers} WHERE n % 2 = 1`;
};

export const USER: KindMap = {
  table: 'users',
  key: 'user_id',
  identities: {
    ext: { column: 'ext', match: 'uuid' },
    email: { columns: ['email', 'unit'], match: 'caseInsensitive' },
  },
  aliases: { table: 'aliases', alias: 'alias', subject: 'user_id' },
  softDelete: { column: 'deleted_at' },
  tables: [
    {
      table: 'events',
      subject: 'user_id',
      time: 'at',
      about: 'What was done and when.',
      columns: { note: 'A remark.' },
    },
    { table: 'orders', subject: 'user_id' },
    { table: 'order_items', via: { table: 'orders', on: { order_id: 'order_id' } }, sources: ['sku'] },
    { table: 'newsletter', subject: { identity: 'email', columns: ['email', 'unit'] } },
    { table: 'invoices', subject: 'user_id', retain: { basis: 'tax law', blank: ['address'], unlink: 'null' } },
    { table: 'ratings', subject: 'user_id', retain: { basis: 'statistics', blank: ['comment'], unlink: 'pseudonym' } },
    { table: 'memberships', subject: { column: 'user_id', match: 'key' } },
    { table: 'segment_members', subject: 'user_id' },
  ],
};

const COMPANY: KindMap = {
  table: 'companies',
  key: { column: 'company_id', match: 'integer' },
  identities: { domain: { column: 'domain', match: 'caseInsensitive' } },
  softDelete: { column: 'hidden' },
  tables: [{ table: 'memberships', subject: { column: 'company_id', match: 'key' } }],
};

export type Map = Omit<MariadbSettings, 'url' | 'database'>;

export const MAP: Map = {
  pace: { share: 1, subjectsPerCommit: 10 },
  kinds: { user: USER, company: COMPANY },
  segments: { table: 'segment_members', segment: 'segment', subject: 'user_id' },
  ignore: [{ table: 'offices', reason: 'addresses of departments, not of persons' }],
};

export const withTables = (...tables: TableMap[]): Map => ({
  ...MAP,
  kinds: { ...MAP.kinds, user: { ...USER, tables: [...(USER.tables ?? []), ...tables] } },
});

export interface Fixture {
  readonly database: MariadbDatabase;
  readonly settings: MariadbSettings;
  /** The statements of all verbs. A test can empty it. */
  readonly statements: string[];
  connector(tuning?: Partial<Tuning>, url?: string): Required<Connector>;
  /** Every row of every table as text, in order. `condition` restricts the rows of a table. */
  state(condition?: Readonly<Record<string, string>>): Promise<Record<string, string[]>>;
  /** What Lethe keeps for requests. */
  stored(): Promise<readonly unknown[]>;
}

/** A database with a schema, rows and Lethe's own tables. */
export async function createFixture(server: string, map: Map, schema: string): Promise<Fixture> {
  const database = await createMariadb(server, 'CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci');
  const settings = { ...map, url: { env: 'SHOP_URL' }, database: database.name };
  await database.sql.query(schema);
  await database.sql.query(systemSql(settings, { system: SYSTEM }));
  const statements: string[] = [];
  return {
    database,
    settings,
    statements,
    connector: (tuning = {}, url = database.url) =>
      openMariadb(
        settings,
        { system: SYSTEM, secret: () => url },
        { observe: (text) => statements.push(text), backoffMs: 1, ...tuning },
      ) as Required<Connector>,
    state: (condition = {}) => stateOf(database, condition),
    stored: async () => {
      const stored: unknown[] = [];
      for (const table of ['lethe_batches', 'lethe_collected', 'lethe_tombstones', 'lethe_ranges'])
        stored.push(...(await database.rows(`SELECT '${table}' AS name FROM ${table}`)));
      return stored;
    },
  };
}

/** The schema above with `users` users: two events each, one under an alias, an order of two items, an invoice, a rating. */
export const fixture = (server: string, users = 30, map: Map = MAP): Promise<Fixture> =>
  createFixture(server, map, `${SCHEMA};${seed(users)}`);

async function stateOf(
  { name, rows }: MariadbDatabase,
  condition: Readonly<Record<string, string>>,
): Promise<Record<string, string[]>> {
  const tables = await rows<{ table: string }>(
    `SELECT table_name AS \`table\` FROM information_schema.tables WHERE table_schema = ? AND table_name NOT LIKE 'lethe%' ORDER BY 1`,
    [name],
  );
  const state: Record<string, string[]> = {};
  for (const { table } of tables) {
    const found = await rows(`SELECT * FROM ${name}.${table} WHERE ${condition[table] ?? 'true'}`);
    state[table] = found.map((row) => JSON.stringify(row)).toSorted();
  }
  return state;
}

/** The identities of a user of the fixture. */
export const user = (n: number | string): Identity[] => [
  { type: 'user_id', value: [`u-${n}`] },
  { type: 'email', value: [`user${n}@x.test`, 'berlin'] },
  { type: 'alias', value: [`a-${n}`] },
];
