import { testConformance } from '../conformance.ts';
import { postgres } from '../../../connectors/postgres/index.ts';
import { fixture, SETTINGS, user } from '../fixture.ts';

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

testConformance('the PostgreSQL connector', { description: postgres(SETTINGS).describe() }, async () => {
  const db = await fixture();
  return {
    connector: db.connector(),
    subjects: [user(1), user(2)],
    unknownSubject: user('unknown'),
    ownTexts: ['street 1', 'street 2'],
    isPresent: async (subject) =>
      (await db.sql`SELECT FROM app.users WHERE user_id = ${`u-${subject + 1}`}`).length > 0,
    rowsOfOtherSubjects: () => db.state(OTHER_SUBJECTS),
    allRows: () => db.state(),
    storedForRequests: async () => {
      const stored: unknown[] = [];
      for (const table of ['batch', 'batches', 'ranges', 'tombstones'])
        stored.push(...(await db.sql.unsafe(`SELECT '${table}' FROM lethe_system.${table}`)));
      return stored;
    },
    isHidden: async (subject) => {
      const [row] = await db.sql<{ hidden: boolean; flagged: boolean }[]>`
        SELECT lethe_system.is_hidden('user', user_id) AS hidden, deleted_at IS NOT NULL AS flagged
        FROM app.users WHERE user_id = ${`u-${subject + 1}`}`;
      if (row?.hidden !== row?.flagged) throw new Error('is_hidden() and the soft-delete column differ');
      return row?.hidden === true;
    },
    isSuppressed: async (subject) => {
      const [row] = await db.sql<{ suppressed: boolean }[]>`
        SELECT lethe_system.is_suppressed('user', 'user_id', ${`u-${subject + 1}`}) AS suppressed`;
      return row?.suppressed === true;
    },
    insertLateRow: async () => {
      await db.sql`INSERT INTO app.events (user_id) VALUES ('a-1')`;
    },
    close: () => db.close(),
  };
});
