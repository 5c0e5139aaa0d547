import { randomUUID } from 'node:crypto';
import type { ConnectorContext, Resolved, Selection, Submitted } from '../../connector.ts';
import { type Members, copyIdentities, unloadBatch, within } from '../visibility/batch-table.ts';
import { mappedTables, readCatalog } from '../data-map/catalog.ts';
import { type Context, modelOf } from '../context.ts';
import { obey, translate } from '../failure.ts';
import { keyIdentity } from '../data-map/model.ts';
import { memberRanges } from '../delete/ranges.ts';
import { matchStatements } from './matches.ts';
import { factsOfPage, keysOfPage } from './facts.ts';
import { selectionStatement } from './selection.ts';
import type { Resolving } from './types.ts';
import { openSession } from '../session.ts';
import { MEMBERS } from '../data-map/where.ts';
import type { SubjectIdentity } from '../../../domain/identity.ts';

const MAX_SEQ = 2_147_483_647;

/**
 * Everything happens in the batch table, in a constant number of statements; what is told is read from it page by
 * page, so that memory does not grow with the number of subjects. Each call has tables of its own and drops them.
 */
export async function* resolve(
  context: Context,
  selection: Selection,
  work: ConnectorContext,
): AsyncGenerator<readonly Resolved[]> {
  const model = modelOf(context, selection.kind);
  const session = await openSession(context.server, work);
  const call = `resolve-${randomUUID()}`;
  const named = (name: string): Members => [context.system, selection.requestId, `${call}-${name}`, 0, MAX_SEQ];
  try {
    const catalog = await readCatalog(session, mappedTables([model], context.settings.segments?.table));
    const all = { submitted: named('submitted'), matches: named('matches'), subjects: named('subjects') };
    const resolving = { context, session, model, catalog, ...all };
    // Joins of a few against many: one probe of an index for each, whatever the planner knows of a table just filled.
    await session.run('SET enable_hashjoin = off; SET enable_mergejoin = off; SET statement_timeout = 0');
    await selectSubjects(resolving, selection, work);
    if (selection.by === 'identities') yield* matchFacts(resolving, work);
    yield* subjectFacts(resolving, selection.by !== 'identities', work);
  } catch (error) {
    throw translate(error);
  } finally {
    for (const name of ['submitted', 'matches', 'subjects']) await unloadBatch(session, named(name)).catch(() => {});
    await session.client.end().catch(() => {});
  }
}

async function selectSubjects(resolving: Resolving, selection: Selection, work: ConnectorContext): Promise<void> {
  const { session, submitted, subjects, matches } = resolving;
  if (selection.by !== 'identities') {
    const { sql, values } = selectionStatement(resolving, selection);
    await session.run(sql, values);
    return;
  }
  await session.transaction(() => copyIdentities(session, submitted, inOrder(selection.identities(), work)));
  for (const { sql, batch } of matchStatements(resolving)) {
    obey(work.signal);
    await session.run(sql, [submitted[0], submitted[1], submitted[2], 0, MAX_SEQ, batch]);
  }
  await session.run(
    `INSERT INTO lethe_system.batch (system, request_id, batch, seq, type, value)
     SELECT $1, $2, $6, row_number() OVER (ORDER BY first_position, value), 'key', value
     FROM (SELECT value, min(seq) AS first_position FROM lethe_system.batch
           WHERE system = $1 AND request_id = $2 AND batch = $3 AND seq BETWEEN $4 AND $5 GROUP BY value) AS matched`,
    [...matches, subjects[2]],
  );
}

async function* inOrder(
  pages: AsyncIterable<readonly Submitted[]>,
  work: ConnectorContext,
): AsyncGenerator<readonly SubjectIdentity[]> {
  for await (const page of pages) {
    work.heartbeat();
    yield page.map(({ position, identity }) => ({ seq: position, identity }));
  }
}

/** By whole positions: one position's matches, an alias of many subjects, are never torn between two pages. */
async function* matchFacts(
  { context, session, model, matches }: Resolving,
  work: ConnectorContext,
): AsyncGenerator<readonly Resolved[]> {
  for (const { first, last } of await memberRanges(session, matches, context.server.tuning.page)) {
    obey(work.signal);
    work.heartbeat();
    const page = await session.rows<{ position: number; value: string[] }>(
      `SELECT DISTINCT seq AS position, value FROM lethe_system.batch WHERE ${MEMBERS} ORDER BY position, value`,
      within(matches, first, last),
    );
    yield page.map(({ position, value }) => ({ fact: 'match', position, key: keyIdentity(model, value) }));
  }
}

async function* subjectFacts(
  resolving: Resolving,
  alsoMatches: boolean,
  work: ConnectorContext,
): AsyncGenerator<readonly Resolved[]> {
  const { session, subjects } = resolving;
  const { page } = resolving.context.server.tuning;
  const [row] = await session.rows<{ count: number }>(
    `SELECT coalesce(max(seq), 0) AS count FROM lethe_system.batch
     WHERE system = $1 AND request_id = $2 AND batch = $3 AND seq BETWEEN $4 AND $5`,
    subjects,
  );
  for (let first = 1; first <= (row?.count ?? 0); first += page) {
    obey(work.signal);
    work.heartbeat();
    if (alsoMatches) yield await keysOfPage(resolving, first, first + page - 1);
    const facts = await factsOfPage(resolving, first, first + page - 1);
    if (facts.length > 0) yield facts;
  }
}
