import { describe } from 'vitest';
import { mariadbUrl } from '../../support/servers/mariadb.ts';
import { testConformance } from '../conformance.ts';
import { mariadb } from '../../../connectors/mariadb/index.ts';
import { MAP, fixture, user } from './fixture.ts';

const SUBJECT_KEYS = ['u-1', 'a-1', 'u-2', 'a-2'].map((name) => `'${name}'`).join(', ');

/** Conditions for the rows of all users but the first two. */
const OTHER_SUBJECTS: Record<string, string> = {
  users: `user_id NOT IN (${SUBJECT_KEYS})`,
  aliases: `user_id NOT IN (${SUBJECT_KEYS})`,
  events: `user_id NOT IN (${SUBJECT_KEYS})`,
  orders: `user_id NOT IN (${SUBJECT_KEYS})`,
  order_items: 'order_id NOT IN (1, 2)',
  newsletter: `email NOT IN ('user1@x.test', 'user2@x.test')`,
  invoices: 'invoice_id NOT IN (1, 2)',
  ratings: 'rating_id NOT IN (1, 2)',
  memberships: `user_id NOT IN (${SUBJECT_KEYS})`,
  segment_members: `user_id NOT IN (${SUBJECT_KEYS})`,
};

const server = await mariadbUrl();
const description = mariadb({ ...MAP, url: { env: 'SHOP_URL' }, database: 'shop' }).describe();

describe.skipIf(server === null)('MariaDB', () => {
  testConformance('the MariaDB connector', { description }, async () => {
    const db = await fixture(server ?? '');
    return {
      connector: db.connector(),
      subjects: [user(1), user(2)],
      unknownSubject: user('unknown'),
      isPresent: async (subject) =>
        (await db.database.rows('SELECT 1 FROM users WHERE user_id = ?', [`u-${subject + 1}`])).length > 0,
      ownTexts: ['street 1', 'street 2'],
      rowsOfOtherSubjects: () => db.state(OTHER_SUBJECTS),
      allRows: () => db.state(),
      storedForRequests: () => db.stored(),
      isHidden: async (subject) => {
        const [row] = await db.database.rows<{ hidden: number; flagged: number }>(
          `SELECT lethe_is_hidden('user', user_id) AS hidden, deleted_at IS NOT NULL AS flagged FROM users WHERE user_id = ?`,
          [`u-${subject + 1}`],
        );
        if (Number(row?.hidden) !== Number(row?.flagged))
          throw new Error('the function and the soft-delete column differ');
        return Number(row?.hidden) === 1;
      },
      insertLateRow: async () => {
        await db.database.sql.query(`INSERT INTO events (user_id) VALUES ('a-1')`);
      },
      close: async () => {},
    };
  });
});
