import { type SQL, sql } from 'drizzle-orm';
import type { SubjectIdentity } from '../../domain/identity.ts';
import type { SubjectState } from '../../domain/vocabulary.ts';
import type { Database } from '../client.ts';

/** Subjects per page; each has a handful of identities. */
const PAGE = 2_000;

/**
 * Every identity by which a claimed batch is to be looked for, in the order of `seq`. Left out: what somebody outside
 * the request is called too, and what a subject of the request that is not claimed is called too (held, not yet due):
 * its data goes with the last of those who share it.
 */
export const claimedIdentities = (database: Database, requestId: string, batch: number, first: number, last: number) =>
  pages(first, last, (from, to) =>
    going(database, requestId, ['claimed', 'deleted', 'partially_deleted'], {
      among: sql`batch = ${batch}`,
      from,
      to,
    }),
  );

/** The identities by which the proposed would be looked for, were they all claimed together. */
export const proposedIdentities = (database: Database, requestId: string, last: number) =>
  pages(1, last, (from, to) => going(database, requestId, ['proposed'], { among: sql`state = 'proposed'`, from, to }));

/** The identities by which those who are wanted in an export are looked for: nothing that somebody else is called too. */
export const exportedIdentities = (database: Database, requestId: string, last: number) =>
  pages(1, last, (from, to) => going(database, requestId, ['wanted'], { among: sql`state = 'wanted'`, from, to }));

/**
 * What is found under an identity goes when all those of the request who are called so are in these states. Each name is
 * asked about once per page, however many share it.
 */
const going = (
  database: Database,
  requestId: string,
  states: readonly SubjectState[],
  page: { readonly among: SQL; readonly from: number; readonly to: number },
) => database<Row[]>`
  WITH page AS MATERIALIZED (
    SELECT seq, type, value, named.digest, origin FROM lethe.subject_identities named JOIN lethe.subjects USING (request_id, seq)
    WHERE request_id = ${requestId} AND ${page.among} AND seq BETWEEN ${page.from} AND ${page.to} AND NOT shared),
  staying AS MATERIALIZED (
    SELECT digest FROM (SELECT DISTINCT digest FROM page WHERE origin <> 'key') name
    WHERE EXISTS (
      SELECT FROM lethe.subject_identities same JOIN lethe.subjects other USING (request_id, seq)
      WHERE request_id = ${requestId} AND same.digest = name.digest AND NOT other.state = ANY(${states as SubjectState[]}::text[])
      OFFSET 0))
  SELECT seq, type, value FROM page WHERE origin = 'key' OR digest NOT IN (SELECT digest FROM staying) ORDER BY seq`;

/** The identities of subjects whose visibility changed after a generation. */
export const changedIdentities = (
  database: Database,
  requestId: string,
  change: { readonly after: number; readonly hidden: boolean },
  last: number,
) =>
  pages(
    1,
    last,
    (from, to) => database<Row[]>`
    SELECT seq, type, value FROM lethe.subject_identities JOIN lethe.subjects USING (request_id, seq)
    WHERE request_id = ${requestId} AND seq BETWEEN ${from} AND ${to} AND generation > ${change.after} AND hidden = ${change.hidden}
      AND state IN ('resolved', 'soft_deleted', 'claimed', 'cancelling') AND present AND NOT shared
    ORDER BY seq`,
  );

/** The identities of subjects that the directory does not know and that have not been looked for yet. */
export const unknownIdentities = (database: Database, requestId: string, last: number) =>
  pages(
    1,
    last,
    (from, to) => database<Row[]>`
    SELECT seq, type, value FROM lethe.subject_identities JOIN lethe.subjects USING (request_id, seq)
    WHERE request_id = ${requestId} AND seq BETWEEN ${from} AND ${to} AND NOT known AND state IN ('resolved', 'wanted')
    ORDER BY seq`,
  );

interface Row {
  readonly seq: number;
  readonly type: string;
  readonly value: string[];
}

async function* pages(
  first: number,
  last: number,
  read: (from: number, to: number) => Promise<readonly Row[]>,
): AsyncIterable<readonly SubjectIdentity[]> {
  for (let from = first; from <= last; from += PAGE) {
    const rows = await read(from, Math.min(from + PAGE - 1, last));
    if (rows.length > 0) yield rows.map(({ seq, type, value }) => ({ seq, identity: { type, value } }));
  }
}
