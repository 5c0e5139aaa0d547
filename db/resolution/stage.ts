import { and, asc, eq, isNotNull, isNull, sql } from 'drizzle-orm';
import { canonicalOrNull, spellingsOf } from '../../domain/identity-forms.ts';
import type { IdentityTypes, Resolved } from '../../domain/identity.ts';
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
  readonly types: IdentityTypes;
}

const STAGE =
  'stage (match, known, key_type, key_value, position, type, value, canonical, origin, sharers, digests, canonical_digests)';

/**
 * Copies the directory's answer into the temporary table `stage`, one fact per row. `digests` are those of the row's
 * identity, in the order of the digest keys, and `canonical_digests` those of its canonical form if that is another.
 * Only `digests` distinguish subjects and shared identities. `excluded` marks an identity that an excluded subject has too.
 *
 * Runs before the project is locked, so that a slow directory blocks no other transaction.
 */
export async function stageFacts(staging: Staging, facts: AsyncIterable<readonly Resolved[]>): Promise<void> {
  await staging.tx
    .execute(sql`CREATE TEMPORARY TABLE stage (match boolean, known boolean, key_type text, key_value text[],
    position integer, type text, value text[], canonical text[], origin text, sharers integer, digests bytea[], canonical_digests bytea[],
    excluded boolean NOT NULL DEFAULT false) ON COMMIT DROP`);
  await copyInto(
    staging.tx,
    STAGE,
    mapPages(facts, (fact) => stageRow(staging, fact, true)),
  );
}

/**
 * Stages each identity that the directory does not know as a subject. Every system is searched for all its spellings,
 * because each compares by its own rules.
 */
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
    yield unknown.flatMap((row) => unknownFacts(staging, row).map((fact) => stageRow(staging, fact, false)));
  })();
  if (unknown.length > 0) await copyInto(tx, STAGE, pages);
}

function unknownFacts(
  { types }: Staging,
  { position, type, value }: { readonly position: number; readonly type: string; readonly value: readonly string[] },
): readonly Resolved[] {
  const [common = value, ...others] = spellingsOf(types[type]?.comparison ?? 'exact', value);
  const key = { type, value: common };
  return [
    { fact: 'match', position, key },
    ...others.map((other) => ({
      fact: 'identity' as const,
      key,
      identity: { type, value: other },
      origin: 'identity' as const,
      sharers: 0,
    })),
  ];
}

function stageRow({ keys, project, kind, types }: Staging, fact: Resolved, known: boolean): Field[] {
  const match = fact.fact === 'match';
  const identity = match ? fact.key : fact.identity;
  const digests = (value: readonly string[]) =>
    digestsOf(keys, project, kind, { type: identity.type, value }).map(({ digest }) => digest);
  const canonical = canonicalOrNull(types[identity.type]?.comparison ?? 'exact', identity.value);
  return [
    match,
    known,
    fact.key.type,
    fact.key.value,
    match ? fact.position : null,
    identity.type,
    identity.value,
    canonical,
    match ? 'key' : fact.origin,
    match ? null : fact.sharers,
    digests(identity.value),
    canonical && digests(canonical),
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
