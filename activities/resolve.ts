import type { ConnectorContext, Resolved, Selection } from '../connectors/connector.ts';
import { ConnectorError } from '../connectors/connector.ts';
import { transaction } from '../db/transaction.ts';
import { raiseAttention } from '../db/attention/raise.ts';
import { readRequestRow, type RequestRow } from '../db/requests/row.ts';
import { failUnresolved, type ResolutionEnd, startResolving, storeResolution } from '../db/resolution/resolve.ts';
import { readExcepted, readSubmitted } from '../db/subjects/identities.ts';
import { identityTypesOf, type Project, systemsForRequest } from '../domain/catalog.ts';
import type { AsOf, AttentionKey, SystemKey } from '../domain/ids.ts';
import { type ActivityDeps, projectOf } from './deps.ts';
import { withAttention, withConnectorContext } from './connector-context.ts';

export interface ResolveEnd {
  /** `grew`: more subjects joined than allowed without an operator's approval. `closed`: cancelled or ended meanwhile. */
  readonly end: 'resolved' | 'grew' | 'closed';
  readonly unresolved: number;
  readonly requestsToSignal: readonly string[];
}

/** Asks the project's directory for the subjects and updates the request's subjects to its answer. */
export const resolveActivities = (deps: ActivityDeps) => ({
  async resolveSubjects(input: SystemKey & AsOf): Promise<ResolveEnd> {
    const { requestId, asOf, system } = input;
    const project = projectOf(deps, input.project);
    const key = { project: project.name, requestId, system, step: 'resolve', batch: 0 } satisfies AttentionKey;
    const at = new Date(asOf);
    return withAttention(deps, key, asOf, async () => {
      await startResolving(deps.database, requestId, at);
      const request = await readRequestRow(deps.database, requestId);
      if (request.concludedAt !== null) return { end: 'closed', unresolved: 0, requestsToSignal: [] };
      const end = await storeAnswer(deps, project, request, input);
      if (end.end === 'grew') {
        await transaction(deps.database, (tx) =>
          raiseAttention(tx, { ...key, step: 'inspect' }, { code: 'resolution_grew', at, retryAt: null }),
        );
      }
      return end.end === 'resolved'
        ? { end: end.end, unresolved: end.unresolved, requestsToSignal: end.wake }
        : { end: end.end, unresolved: 0, requestsToSignal: [] };
    });
  },
});

/** Stores the directory's answer. A segment that the directory does not know fails the request. */
async function storeAnswer(
  deps: ActivityDeps,
  project: Project,
  request: RequestRow,
  input: SystemKey & AsOf,
): Promise<ResolutionEnd> {
  const at = new Date(input.asOf);
  try {
    return await withConnectorContext(deps, input, (context) =>
      storeResolution(deps.database, deps.keys, {
        request,
        facts: resolveSelection(deps, project, request, context),
        ...resolveExceptions(deps, project, request, context),
        systems: systemsForRequest(project, request),
        policy: project.policy,
        types: identityTypesOf(project, request.subjectKind),
        at,
        limit: request.selection === 'segment' ? project.policy.subjectsPerSegment : null,
        growth: (resolved) => Math.max(1, resolved * project.policy.growth),
      }),
    );
  } catch (error) {
    if (!(error instanceof ConnectorError && error.code === 'unknown_segment')) throw error;
    await failUnresolved(deps.database, request, error.code, at);
    return { end: 'closed' };
  }
}

type Facts = AsyncIterable<readonly Resolved[]>;

function resolveSelection(deps: ActivityDeps, project: Project, request: RequestRow, context: ConnectorContext): Facts {
  return askDirectory(deps, project, selection(), context);

  function selection(): Selection {
    const { id: requestId, subjectKind: kind } = request;
    const isResolved = request.resolvedAt !== null;
    if (request.selection === 'segment' && !isResolved)
      return { requestId, kind, by: 'segment', segment: request.segment ?? '' };
    if (request.selection === 'everyone' && !isResolved) return { requestId, kind, by: 'everyone' };
    return { requestId, kind, by: 'identities', identities: () => readSubmitted(deps.reading, requestId) };
  }
}

/** Exceptions are resolved once, in the first resolution of everyone. */
function resolveExceptions(
  deps: ActivityDeps,
  project: Project,
  request: RequestRow,
  context: ConnectorContext,
): { excepted?: Facts } {
  const { id: requestId, subjectKind: kind, selection, resolvedAt } = request;
  if (selection !== 'everyone' || resolvedAt !== null) return {};
  const identities = () => readExcepted(deps.reading, requestId);
  return { excepted: askDirectory(deps, project, { requestId, kind, by: 'identities', identities }, context) };
}

function askDirectory(
  { connector }: ActivityDeps,
  project: Project,
  selection: Selection,
  context: ConnectorContext,
): Facts {
  const directory = connector(project.name, project.directory);
  if (directory.resolve === undefined)
    throw new ConnectorError('refused', 'the directory cannot resolve', { retryable: false });
  return directory.resolve(selection, context);
}
