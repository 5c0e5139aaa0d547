import { conformance } from '../conformance.ts';
import { fixture, user } from '../fixture.ts';

const OURS = ['u-1', 'a-1', 'u-2', 'a-2'].map((name) => `'${name}'`).join(', ');

/** Rows of everybody but the first two users. */
const OTHERS: Record<string, string> = {
  users: `user_id NOT IN (${OURS})`,
  aliases: `user_id NOT IN (${OURS})`,
  events: `user_id NOT IN (${OURS})`,
  orders: `user_id NOT IN (${OURS})`,
  order_items: 'order_id NOT IN (1, 2)',
  newsletter: `email NOT IN ('user1@x.test', 'user2@x.test')`,
  invoices: 'invoice_id NOT IN (1, 2)',
  ratings: 'rating_id NOT IN (1, 2)',
  memberships: `user_id NOT IN (${OURS})`,
  segment_members: `user_id NOT IN (${OURS})`,
};

conformance('the PostgreSQL connector', async () => {
  const made = await fixture();
  return {
    connector: made.connector(),
    subjects: [user(1), user(2)],
    stranger: user('nobody'),
    marks: ['street 1', 'street 2'],
    others: () => made.state(OTHERS),
    all: () => made.state(),
    kept: async () => {
      const kept: unknown[] = [];
      for (const table of ['batch', 'batches', 'ranges', 'tombstones'])
        kept.push(...(await made.sql.unsafe(`SELECT '${table}' FROM lethe_system.${table}`)));
      return kept;
    },
    isHidden: async (subject) => {
      const [row] = await made.sql<{ hidden: boolean; flagged: boolean }[]>`
        SELECT lethe_system.is_hidden('user', user_id) AS hidden, deleted_at IS NOT NULL AS flagged
        FROM app.users WHERE user_id = ${`u-${subject + 1}`}`;
      if (row?.hidden !== row?.flagged) throw new Error('the function and the column disagree');
      return row?.hidden === true;
    },
    arriveLate: async () => {
      await made.sql`INSERT INTO app.events (user_id) VALUES ('a-1')`;
    },
    close: () => made.close(),
  };
});
