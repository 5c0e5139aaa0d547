import { expect, test } from 'vitest';
import { fixture } from '../fixture.ts';
import { inspectErrors } from '../inspect-errors.ts';

test.each([
  [
    'an identity',
    `CREATE COLLATION app.ci (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
     ALTER TABLE app.users ALTER email TYPE text COLLATE app.ci`,
    /^kinds\.user\.identities\.email.*: email has the nondeterministic collation app\.ci/,
  ],
  [
    'a reference to an exact key',
    'CREATE EXTENSION citext; ALTER TABLE app.segment_members ALTER user_id TYPE citext',
    /^kinds\.user\.tables\.7\.subject: user_id is .*citext; set match: 'caseInsensitive'/,
  ],
])('rejects %s in a column that finds texts equal which its identity tells apart', async (_, change, expected) => {
  const db = await fixture(3);
  expect(await inspectErrors(db, change)).toContainEqual(expect.stringMatching(expected));
  await db.close();
});
