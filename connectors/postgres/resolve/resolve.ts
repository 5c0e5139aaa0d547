import { randomUUID } from 'node:crypto';
import {
  ConnectorError,
  type ConnectorContext,
  type Resolved,
  type Selection,
  type Submitted,
} from '../../connector.ts';
import { type Members, copyIdentities, unloadBatch, membersInRange } from '../visibility/batch-table.ts';
import { mappedTables } from '../../data-map/catalog.ts';
import { readCatalog } from '../data-map/catalog.ts';
import { type Context, modelOf } from '../context.ts';
import { throwIfCancelled } from '../../callbacks.ts';
import { toConnectorError } from '../failure.ts';
import { keyIdentity } from '../../data-map/model.ts';
import { memberRanges } from '../delete/ranges.ts';
import { matchStatements } from './matches.ts';
import { factsOfPage, keysOfPage } from './facts.ts';
import { segmentQuery, selectionStatement } from './selection.ts';
import type { Resolution } from './resolution.ts';
import { matchOtherForms } from './spellings.ts';
import { openSession } from '../session.ts';
import { MEMBERS } from '../rows/where.ts';
import type { SubjectIdentity } from '../../../domain/identity.ts';
import { otherForms } from '../../../domain/identity-forms.ts';

const MAX_SEQ = 2_147_483_647;

/**
 * Matches inside the batch table with a constant number of statements, and yields the facts page by page, so that memory
 * does not grow with the number of subjects. Deletes its rows at the end.
 */
export async function* resolve(
  context: Context,
  selection: Selection,
  activity: ConnectorContext,
): AsyncGenerator<readonly Resolved[]> {
  const model = modelOf(context, selection.kind);
  const session = await openSession(context.server, activity);
  const call = `resolve-${randomUUID()}`;
  const membersNamed = (name: string): Members => [context.system, selection.requestId, `${call}-${name}`, 0, MAX_SEQ];
  try {
    const catalog = await readCatalog(session, mappedTables([model], context.settings.segments));
    const batches = {
      submitted: membersNamed('submitted'),
      matches: membersNamed('matches'),
      subjects: membersNamed('subjects'),
      spelled: membersNamed('spelled'),
      sharing: membersNamed('sharing'),
    };
    const resolution = { context, session, model, catalog, ...batches };
    // The batch table was just filled, so the planner has no statistics: force nested loops over the indexes.
    await session.run('SET enable_hashjoin = off; SET enable_mergejoin = off; SET statement_timeout = 0');
    await selectSubjects(resolution, selection, activity);
    if (selection.by === 'identities') yield* matchFacts(resolution, activity);
    yield* subjectFacts(resolution, selection.by !== 'identities', activity);
  } catch (error) {
    throw toConnectorError(error);
  } finally {
    for (const name of ['submitted', 'matches', 'subjects', 'spelled', 'sharing'])
      await unloadBatch(session, membersNamed(name)).catch(() => {});
    await session.client.end().catch(() => {});
  }
}

async function selectSubjects(resolution: Resolution, selection: Selection, activity: ConnectorContext): Promise<void> {
  const { session, submitted, subjects, matches } = resolution;
  if (selection.by !== 'identities') {
    const { sql, values } = selectionStatement(resolution, selection);
    await requireSegment(resolution, selection);
    await session.run(sql, values);
    return;
  }
  const forms: SubjectIdentity[] = [];
  await session.transaction(() =>
    copyIdentities(session, submitted, numberByPosition(selection.identities(), forms, activity)),
  );
  for (const sql of matchStatements(resolution)) {
    throwIfCancelled(activity.signal);
    await session.run(sql, [...submitted, matches[2]]);
  }
  await matchOtherForms(resolution, forms);
  await session.run(
    `INSERT INTO lethe_system.batch (system, request_id, batch, seq, type, value)
     SELECT $1, $2, $6, row_number() OVER (ORDER BY first_position, value), 'key', value
     FROM (SELECT value, min(seq) AS first_position FROM lethe_system.batch
           WHERE system = $1 AND request_id = $2 AND batch = $3 AND seq BETWEEN $4 AND $5 GROUP BY value) AS matched`,
    [...matches, subjects[2]],
  );
}

/** A misspelled segment is an error, never an empty segment. */
async function requireSegment(resolution: Resolution, selection: Selection): Promise<void> {
  const query = segmentQuery(resolution, selection);
  if (query === null) return;
  const [row] = await resolution.session.rows<{ exists: boolean }>(query.sql, query.values);
  if (row?.exists !== true)
    throw new ConnectorError('unknown_segment', 'the directory has no segment of this name', { retryable: false });
}

/** Adds the other Unicode forms of the identities to `forms`. */
async function* numberByPosition(
  pages: AsyncIterable<readonly Submitted[]>,
  forms: SubjectIdentity[],
  activity: ConnectorContext,
): AsyncGenerator<readonly SubjectIdentity[]> {
  for await (const page of pages) {
    activity.heartbeat();
    yield page.map(({ position, identity }) => ({ seq: position, identity }));
    for (const { position, identity } of page)
      for (const value of otherForms(identity.value)) forms.push({ seq: position, identity: { ...identity, value } });
  }
}

/** A page contains all matches of its positions, also when an alias matches many subjects. */
async function* matchFacts(
  { context, session, model, matches }: Resolution,
  activity: ConnectorContext,
): AsyncGenerator<readonly Resolved[]> {
  for (const { first, last } of await memberRanges(session, matches, context.server.tuning.pageSize)) {
    throwIfCancelled(activity.signal);
    activity.heartbeat();
    const page = await session.rows<{ position: number; value: string[] }>(
      `SELECT DISTINCT seq AS position, value FROM lethe_system.batch WHERE ${MEMBERS} ORDER BY position, value`,
      membersInRange(matches, first, last),
    );
    yield page.map(({ position, value }) => ({ fact: 'match', position, key: keyIdentity(model, value) }));
  }
}

async function* subjectFacts(
  resolution: Resolution,
  includeMatches: boolean,
  activity: ConnectorContext,
): AsyncGenerator<readonly Resolved[]> {
  const { session, subjects } = resolution;
  const { pageSize } = resolution.context.server.tuning;
  const [row] = await session.rows<{ count: number }>(
    `SELECT coalesce(max(seq), 0) AS count FROM lethe_system.batch
     WHERE system = $1 AND request_id = $2 AND batch = $3 AND seq BETWEEN $4 AND $5`,
    subjects,
  );
  for (let first = 1; first <= (row?.count ?? 0); first += pageSize) {
    throwIfCancelled(activity.signal);
    activity.heartbeat();
    if (includeMatches) yield await keysOfPage(resolution, first, first + pageSize - 1);
    const facts = await factsOfPage(resolution, first, first + pageSize - 1);
    if (facts.length > 0) yield facts;
  }
}
