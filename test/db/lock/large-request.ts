import { placeHold } from '../../../db/holds/holds.ts';
import { newId } from '../../../domain/ids.ts';
import type { Identity, Resolved } from '../../../domain/identity.ts';
import {
  accept,
  allKnown,
  email,
  givenHiddenInBulk,
  givenHiddenSubjects,
  identityFact,
  KEYS,
  type Ledger,
  PROJECT,
  resolve,
  START,
  user,
} from '../../support/ledger.ts';

export const LARGE = 10_000;
/** The subjects of the large request that a hold protects, and those that a deletion with a backup is attached to. */
const HELD = 500;
const OPEN_REQUESTS = 1_000;

export const people = (name: string, count: number): Identity[] =>
  Array.from({ length: count }, (_, n) => user(`${name}-${n}`));

/** The directory's answer that every identity is known and has an address, which another spelling canonicalizes. */
export const withEmails = (identities: readonly Identity[]): Resolved[] => [
  ...allKnown(identities),
  ...identities.map((key) => identityFact(key, email(`${key.value[0]}@x.test`))),
];

/**
 * A deletion of 10 000 subjects, some of them held, another deletion that is attached to some and exports first, and
 * 1 000 open deletions of one subject each.
 */
export async function givenLargeRequest(world: Ledger): Promise<void> {
  const large = people('large', LARGE);
  const requestId = await accept(world, large);
  await resolve(world, requestId, withEmails(large));
  await givenHiddenInBulk(
    world,
    Array.from({ length: OPEN_REQUESTS }, () => PROJECT),
    people('single', OPEN_REQUESTS),
  );
  await placeHold(world.database, KEYS, {
    id: newId('hold', START.getTime()),
    project: PROJECT,
    kind: 'user',
    identities: large.slice(0, HELD),
    caseRef: 'C-1',
    heldBy: 'counsel',
    actor: 'mem_1',
    at: START,
  });
  await givenHiddenSubjects(world, large.slice(-HELD), { exportFirst: true });
}

/** How the tables were last analyzed: after the large request was stored, or never. No later statement changes it. */
export type Statistics = 'of the large request' | 'never collected';

export async function setStatistics({ sql }: Ledger, statistics: Statistics): Promise<void> {
  const tables = await sql<{ name: string }[]>`
    SELECT relname AS name FROM pg_class WHERE relnamespace = 'lethe'::regnamespace AND relkind = 'r'`;
  for (const { name } of tables) await sql`ALTER TABLE ${sql(`lethe.${name}`)} SET (autovacuum_enabled = off)`;
  if (statistics === 'of the large request') {
    await sql`ANALYZE`;
    return;
  }
  await sql`DELETE FROM pg_statistic WHERE starelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'lethe'::regnamespace)`;
  await sql`UPDATE pg_class SET reltuples = -1, relpages = 0 WHERE relnamespace = 'lethe'::regnamespace`;
}
