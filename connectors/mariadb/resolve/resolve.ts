import { CallbackError, throwIfCancelled } from '../../callbacks.ts';
import type { ConnectorContext, Resolved, Selection, Submitted } from '../../connector.ts';
import { mappedTables } from '../../data-map/catalog.ts';
import { keyIdentity } from '../../data-map/model.ts';
import type { SubjectIdentity } from '../../../domain/identity.ts';
import { otherForms } from '../../../domain/identity-forms.ts';
import { createIdentities, insertIdentities } from '../batch/identities.ts';
import { readCatalog } from '../catalog/read-catalog.ts';
import { type Context, modelOf } from '../context.ts';
import { toStreamError } from '../failure.ts';
import { openSession } from '../session.ts';
import { factsOfPage, keysOfPage } from './facts.ts';
import { keyNames, matchStatements } from './matches.ts';
import { MATCHES, RESOLVE_TABLES, type Resolution, SPELLED, SUBJECTS, SUBMITTED } from './resolution.ts';
import { requireSegment, selectionStatement } from './selection.ts';

/**
 * Matches inside the database with a constant number of statements, and yields the facts page by page, so that memory does
 * not grow with the number of subjects. Its tables end with the connection.
 */
export async function* resolve(
  context: Context,
  selection: Selection,
  activity: ConnectorContext,
): AsyncGenerator<readonly Resolved[]> {
  const model = modelOf(context, selection.kind);
  const session = await openSession(context.server, activity);
  try {
    const catalog = await readCatalog(session, mappedTables([model], context.settings.segments));
    const parts = Math.max(1, ...Object.values(model.types).map((type) => type.parts));
    const resolution: Resolution = { context, session, model, catalog, parts };
    await session.limitStatements(0);
    for (const table of RESOLVE_TABLES) await createIdentities(session, table, parts);
    await selectSubjects(resolution, selection, activity);
    if (selection.by === 'identities') yield* matchFacts(resolution, activity);
    yield* subjectFacts(resolution, selection.by !== 'identities', activity);
  } catch (error) {
    throw toStreamError(error, activity.signal);
  } finally {
    await session.client.end().catch(() => {});
  }
}

async function selectSubjects(resolution: Resolution, selection: Selection, activity: ConnectorContext): Promise<void> {
  const { session, model, parts } = resolution;
  if (selection.by !== 'identities') {
    const { sql, values } = selectionStatement(resolution, selection);
    await requireSegment(resolution, selection);
    await session.run(sql, values);
    return;
  }
  const forms: SubjectIdentity[] = [];
  const pages = numberByPosition(selection.identities(), forms);
  await insertIdentities(session, SUBMITTED, parts, new Set(), pages, activity);
  await match(resolution, SUBMITTED, activity);
  if (forms.length > 0) await matchOtherForms(resolution, forms, activity);
  const names = keyNames(model).join(', ');
  await session.run(
    `INSERT INTO ${SUBJECTS} (seq, type, ${names})
     SELECT ROW_NUMBER() OVER (ORDER BY first_position, ${names}), 'key', ${names}
     FROM (SELECT ${names}, MIN(seq) AS first_position FROM ${MATCHES} GROUP BY ${names}) AS matched`,
  );
}

async function match(resolution: Resolution, from: string, activity: ConnectorContext): Promise<void> {
  for (const sql of matchStatements(resolution, from, MATCHES)) {
    throwIfCancelled(activity.signal);
    activity.heartbeat();
    await resolution.session.run(sql);
  }
}

/**
 * Matches the submitted identities without a match in their other Unicode forms. An identity whose own form matches
 * never reaches a subject that has only another form.
 */
async function matchOtherForms(
  resolution: Resolution,
  forms: readonly SubjectIdentity[],
  activity: ConnectorContext,
): Promise<void> {
  const { session, parts } = resolution;
  const pages = (async function* () {
    yield forms;
  })();
  await insertIdentities(session, SPELLED, parts, new Set(), pages, activity);
  await session.run(`DELETE FROM ${SPELLED} WHERE seq IN (SELECT seq FROM ${MATCHES})`);
  await match(resolution, SPELLED, activity);
  await session.run(`DELETE FROM ${SPELLED}`);
}

/** Adds the other Unicode forms of the identities to `forms`. */
async function* numberByPosition(
  pages: AsyncIterable<readonly Submitted[]>,
  forms: SubjectIdentity[],
): AsyncGenerator<readonly SubjectIdentity[]> {
  for await (const page of pages) {
    yield page.map(({ position, identity }) => ({ seq: position, identity }));
    for (const { position, identity } of page)
      for (const value of otherForms(identity.value)) forms.push({ seq: position, identity: { ...identity, value } });
  }
}

/** A page contains all matches of its positions, also when an alias matches many subjects. */
async function* matchFacts(
  { context, session, model }: Resolution,
  activity: ConnectorContext,
): AsyncGenerator<readonly Resolved[]> {
  const { pageSize } = context.server.tuning;
  const names = keyNames(model);
  const [bounds] = await session.rows<{ last: number | null }>(`SELECT MAX(seq) AS last FROM ${MATCHES}`);
  for (let first = 0; first <= Number(bounds?.last ?? -1); first += pageSize) {
    throwIfCancelled(activity.signal);
    activity.heartbeat();
    const page = await session.rows<Readonly<Record<string, string | number>>>(
      `SELECT DISTINCT seq, ${names.join(', ')} FROM ${MATCHES}
       WHERE seq BETWEEN ${first} AND ${first + pageSize - 1} ORDER BY seq, ${names.join(', ')}`,
    );
    if (page.length === 0) continue;
    yield page.map((row) => ({
      fact: 'match',
      position: Number(row['seq']),
      key: keyIdentity(
        model,
        names.map((name) => String(row[name] ?? '')),
      ),
    }));
  }
}

async function* subjectFacts(
  resolution: Resolution,
  includeMatches: boolean,
  activity: ConnectorContext,
): AsyncGenerator<readonly Resolved[]> {
  const { pageSize } = resolution.context.server.tuning;
  const [row] = await resolution.session.rows<{ count: number | null }>(`SELECT MAX(seq) AS count FROM ${SUBJECTS}`);
  for (let first = 1; first <= Number(row?.count ?? 0); first += pageSize) {
    if (activity.signal.aborted) throw new CallbackError(activity.signal.reason);
    activity.heartbeat();
    const page = { first, last: first + pageSize - 1 };
    if (includeMatches) yield await keysOfPage(resolution, page);
    const facts = await factsOfPage(resolution, page);
    if (facts.length > 0) yield facts;
  }
}
