import { and, asc, eq, isNotNull, isNull, sql } from 'drizzle-orm';
import type { Resolved } from '../../domain/identity.ts';
import type { SubjectKind } from '../../domain/vocabulary.ts';
import type { Database, Transaction } from '../client.ts';
import { copyInto, type Field } from '../copy.ts';
import { type DigestKeys, digestsOf } from '../digests.ts';
import { identityDigests, matches, subjectIdentities, subjects, submittedIdentities } from '../schema/subjects.ts';

/** The context of a resolution: its transaction and the request whose facts are staged. */
export interface Staging {
  readonly tx: Transaction;
  readonly keys: DigestKeys;
  readonly requestId: string;
  readonly project: string;
  readonly kind: SubjectKind;
}

const STAGE = 'stage (match, known, key_type, key_value, position, type, value, origin, sharers, digests)';

/**
 * Copies the directory's answer into the temporary table `stage`, one fact per row. `digests` are those of the row's
 * identity, in the order of the digest keys. `excluded` marks an identity that an excluded subject has too.
 *
 * Runs before the project is locked, so that a slow directory blocks no other transaction.
 */
export async function stageFacts(staging: Staging, facts: AsyncIterable<readonly Resolved[]>): Promise<void> {
  await staging.tx
    .execute(sql`CREATE TEMPORARY TABLE stage (match boolean, known boolean, key_type text, key_value text[],
    position integer, type text, value text[], origin text, sharers integer, digests bytea[],
    excluded boolean NOT NULL DEFAULT false) ON COMMIT DROP`);
  await copyInto(
    staging.tx,
    STAGE,
    mapPages(facts, (fact) => stageRow(staging, fact, true)),
  );
}

/** Stages each identity that the directory does not know as a subject. Every system is searched for it. */
export async function stageUnknown(staging: Staging): Promise<void> {
  const { tx, requestId } = staging;
  const { position, type, value, outcome, withdrawnAt } = submittedIdentities;
  const unknown = await tx
    .select({ position, type, value: sql<string[]>`${value}` })
    .from(submittedIdentities)
    .where(
      and(
        eq(submittedIdentities.requestId, requestId),
        isNull(outcome),
        isNull(withdrawnAt),
        isNotNull(value),
        sql`NOT EXISTS (SELECT FROM stage WHERE stage.match AND stage.position = ${position})`,
      ),
    )
    .orderBy(asc(position));
  const pages = (async function* () {
    yield unknown.map(({ position: at, ...key }) => stageRow(staging, { fact: 'match', position: at, key }, false));
  })();
  if (unknown.length > 0) await copyInto(tx, STAGE, pages);
}

function stageRow({ keys, project, kind }: Staging, fact: Resolved, known: boolean): Field[] {
  const match = fact.fact === 'match';
  const identity = match ? fact.key : fact.identity;
  const digests = digestsOf(keys, project, kind, identity).map(({ digest }) => digest);
  return [
    match,
    known,
    fact.key.type,
    fact.key.value,
    match ? fact.position : null,
    identity.type,
    identity.value,
    match ? 'key' : fact.origin,
    match ? null : fact.sharers,
    digests,
  ];
}

async function* mapPages<From, To>(
  pages: AsyncIterable<readonly From[]>,
  each: (from: From) => To,
): AsyncIterable<To[]> {
  for await (const page of pages) yield page.map(each);
}

/** Creates indexes and statistics of the stage. Skipped for few rows, which are read faster than analyzed. */
export async function analyzeStage({ tx }: Staging): Promise<void> {
  const [{ isLarge } = { isLarge: false }] = await tx.execute<{ isLarge: boolean }>(
    sql`SELECT count(*) > ${ANALYZE_THRESHOLD} AS is_large FROM stage`,
  );
  if (!isLarge) return;
  await tx.execute(sql`CREATE INDEX ON stage (position) WHERE match`);
  await tx.execute(sql`CREATE INDEX ON stage (key_type, key_value) WHERE match`);
  await tx.execute(sql`ANALYZE stage`);
}

/** Updates the statistics of the subjects' tables after many rows were added, before autovacuum does. */
export async function analyzeTables(database: Database, added: number): Promise<void> {
  if (added <= ANALYZE_THRESHOLD) return;
  await database.execute(
    sql`ANALYZE ${subjects}, ${matches}, ${subjectIdentities}, ${identityDigests}, ${submittedIdentities}`,
  );
}

/** The number of rows above which statistics are worth their cost. */
const ANALYZE_THRESHOLD = 1_000;
