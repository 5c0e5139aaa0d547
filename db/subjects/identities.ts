import { and, between, eq, gt, isNotNull, isNull, type SQL, sql } from 'drizzle-orm';
import type { Identity, SubjectIdentity } from '../../domain/identity.ts';
import type { RequestKey } from '../../domain/ids.ts';
import type { SubjectState } from '../../domain/vocabulary.ts';
import type { Database, Queries } from '../client.ts';
import { exceptedIdentities, subjectIdentities, subjects, submittedIdentities } from '../schema/subjects.ts';
import { intArray, textArray } from '../sql.ts';
import { IS_PROPOSED, IS_SELECTED, IS_UNKNOWN, isChanged, isClaimedIn, type VisibilityChange } from './selected.ts';

/** The number of subjects per page. A subject has a few identities. */
const SUBJECTS_PAGE = 2_000;
const SUBMITTED_PAGE = 5_000;
/** The states of subjects that a claim took. */
const CLAIMED: readonly SubjectState[] = ['claimed', 'deleted', 'partially_deleted'];

/**
 * The identities by which systems delete a claimed batch, in the order of `seq`. Leaves out identities that also belong
 * to a subject outside the request, or to one of its subjects that is not claimed yet. The last claim deletes by them.
 */
export const claimedIdentities = (
  database: Database,
  { requestId, batch, firstSeq, lastSeq }: Readonly<Record<'batch' | 'firstSeq' | 'lastSeq', number>> & RequestKey,
  except: readonly number[],
) =>
  pages(firstSeq, lastSeq, (from, to) =>
    selectIdentities(database, requestId, CLAIMED, {
      condition: isClaimedIn(batch, except),
      from,
      to,
    }),
  );

/** The same identities of some subjects of a claimed batch, for the person who deletes them. */
export async function identitiesInBatch(
  queries: Queries,
  { requestId, batch }: RequestKey & { readonly batch: number },
  seqs: readonly number[],
): Promise<readonly SubjectIdentity[]> {
  const [from = 0, to = from] = [seqs[0], seqs.at(-1)];
  const condition = sql`${isClaimedIn(batch, [])} AND ${subjects.seq} = ANY (${intArray(seqs)})`;
  const rows = await selectIdentities(queries, requestId, CLAIMED, { condition, from, to });
  return rows.flatMap(toSubjectIdentity);
}

/** The identities by which systems count the proposed subjects, as if all of them were claimed in one batch. */
export const proposedIdentities = (database: Database, requestId: string, last: number) =>
  pages(1, last, (from, to) =>
    selectIdentities(database, requestId, ['proposed'], {
      condition: IS_PROPOSED,
      from,
      to,
    }),
  );

/** The identities by which systems export subjects. Leaves out identities that other subjects have too. */
export const exportedIdentities = (database: Database, requestId: string, last: number) =>
  pages(1, last, (from, to) =>
    selectIdentities(database, requestId, ['selected'], { condition: IS_SELECTED, from, to }),
  );

/**
 * Selects the keys of the page's subjects, and their other identities if every subject of the request with the same
 * identity is in one of `states`. Probes each identity once per page.
 */
const selectIdentities = (
  database: Queries,
  requestId: string,
  states: readonly SubjectState[],
  page: { readonly condition: SQL; readonly from: number; readonly to: number },
) =>
  database.execute<IdentityRow>(sql`
    WITH page AS MATERIALIZED (
      SELECT seq, type, value, identity.digest, origin FROM ${subjectIdentities} identity JOIN ${subjects} USING (request_id, seq)
      WHERE request_id = ${requestId} AND ${page.condition} AND seq BETWEEN ${page.from} AND ${page.to} AND NOT shared AND value IS NOT NULL),
    left_out AS MATERIALIZED (
      SELECT digest FROM (SELECT DISTINCT digest FROM page WHERE origin <> 'key') candidate
      WHERE EXISTS (
        SELECT FROM ${subjectIdentities} same JOIN ${subjects} other USING (request_id, seq)
        WHERE request_id = ${requestId} AND same.digest = candidate.digest AND NOT other.state = ANY(${textArray(states)})
        OFFSET 0))
    SELECT seq, type, value FROM page WHERE origin = 'key' OR digest NOT IN (SELECT digest FROM left_out) ORDER BY seq`);

/** The identities of subjects whose desired visibility changed after a generation. */
export const changedIdentities = (database: Database, requestId: string, change: VisibilityChange, last: number) =>
  pages(1, last, (from, to) =>
    identitiesOf(database, requestId, from, to, [isChanged(change), eq(subjectIdentities.shared, false)]),
  );

/** The identities of subjects that the directory does not know and that systems have not been searched for. */
export const unknownIdentities = (database: Database, requestId: string, last: number) =>
  pages(1, last, (from, to) => identitiesOf(database, requestId, from, to, [IS_UNKNOWN]));

const { seq, type, value } = subjectIdentities;
type IdentityRow = Pick<typeof subjectIdentities.$inferSelect, 'seq' | 'type' | 'value'>;

const identitiesOf = (
  database: Database,
  requestId: string,
  from: number,
  to: number,
  conditions: readonly (SQL | undefined)[],
): Promise<readonly IdentityRow[]> =>
  database
    .select({ seq, type, value })
    .from(subjectIdentities)
    .innerJoin(subjects, and(eq(subjects.requestId, subjectIdentities.requestId), eq(subjects.seq, seq)))
    .where(and(eq(subjectIdentities.requestId, requestId), between(seq, from, to), ...conditions))
    .orderBy(seq);

async function* pages(
  first: number,
  last: number,
  read: (from: number, to: number) => Promise<readonly IdentityRow[]>,
): AsyncIterable<readonly SubjectIdentity[]> {
  for (let from = first; from <= last; from += SUBJECTS_PAGE) {
    const rows = await read(from, Math.min(from + SUBJECTS_PAGE - 1, last));
    if (rows.length > 0) yield rows.flatMap(toSubjectIdentity);
  }
}

const toSubjectIdentity = (row: IdentityRow): SubjectIdentity[] =>
  row.value === null ? [] : [{ seq: row.seq, identity: { type: row.type, value: row.value } }];

type SubmittedPages = AsyncIterable<readonly { readonly position: number; readonly identity: Identity }[]>;

/** Reads the submitted identities that are valid and not cancelled, page by page. */
export async function* readSubmitted(database: Database, requestId: string): SubmittedPages {
  const submitted = submittedIdentities;
  for (let after = 0; ;) {
    const page = await database
      .select({ position: submitted.position, type: submitted.type, value: submitted.value })
      .from(submitted)
      .where(
        and(
          eq(submitted.requestId, requestId),
          gt(submitted.position, after),
          isNotNull(submitted.value),
          isNull(submitted.withdrawnAt),
          sql`(${submitted.outcome} IS NULL OR ${submitted.outcome} IN ('matched', 'attached', 'duplicate'))`,
        ),
      )
      .orderBy(submitted.position)
      .limit(SUBMITTED_PAGE);
    if (page.length > 0) yield page.flatMap(identityAt);
    const last = page.at(-1);
    if (last === undefined || page.length < SUBMITTED_PAGE) return;
    after = last.position;
  }
}

/** Reads the exceptions of the request in one page, because their number is limited. */
export async function* readExcepted(database: Database, requestId: string): SubmittedPages {
  const excepted = exceptedIdentities;
  const rows = await database
    .select({ position: excepted.number, type: excepted.type, value: excepted.value })
    .from(excepted)
    .where(and(eq(excepted.requestId, requestId), isNotNull(excepted.value)))
    .orderBy(excepted.number);
  if (rows.length > 0) yield rows.flatMap(identityAt);
}

const identityAt = (row: { position: number; type: string; value: string[] | null }) =>
  row.value === null ? [] : [{ position: row.position, identity: { type: row.type, value: row.value } }];
