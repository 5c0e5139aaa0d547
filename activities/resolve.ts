import type { Resolved, Selection, Work } from '../connectors/connector.ts';
import { ConnectorError } from '../connectors/connector.ts';
import { beginResolving } from '../db/deletion/check-processors.ts';
import { transaction } from '../db/transaction.ts';
import { raiseAttention } from '../db/attention/raise.ts';
import { readRequestRow, type RequestRow } from '../db/requests/row.ts';
import { storeResolution } from '../db/resolution/resolve.ts';
import { exceptedIdentities, submittedIdentities } from '../db/subjects/submitted.ts';
import { type Project, processorsFor } from '../domain/catalog.ts';
import { type ActivityDeps, projectOf } from './deps.ts';
import type { StepAt } from './ledger.ts';
import { attended, withWork } from './connector-context.ts';

export interface ResolveEnd {
  /** `grew`: more joined than may without an operator's word; `closed`: cancelled or ended meanwhile. */
  readonly end: 'resolved' | 'grew' | 'closed';
  readonly unknown: number;
  readonly wake: readonly string[];
}

/** Asks the project's directory who is meant, and brings the request's subjects up to its answer. */
export const resolveActivities = (deps: ActivityDeps) => ({
  async resolveSubjects(input: StepAt): Promise<ResolveEnd> {
    const { requestId, asOf, processor } = input;
    const project = projectOf(deps, input.project);
    const key = { project: project.name, requestId, processor, step: 'resolve', batch: 0 } as const;
    const at = new Date(asOf);
    return attended(deps, key, asOf, async () => {
      await beginResolving(deps.database, requestId, at);
      const request = await readRequestRow(deps.database, requestId);
      const end = await withWork(deps, input, (work) =>
        storeResolution(deps.database, deps.keys, {
          request,
          facts: facts(deps, project, request, work),
          ...exceptions(deps, project, request, work),
          processors: processorsFor(project, request.subjectKind),
          policy: project.policy,
          at,
          limit: request.selection === 'segment' ? project.policy.subjectsPerSegment : null,
          growth: (resolved) => Math.max(1, resolved * project.policy.growth),
        }),
      );
      if (end.end === 'grew') {
        await transaction(deps.database, (tx) =>
          raiseAttention(tx, { ...key, step: 'inspect' }, { code: 'resolution_grew', at, retryAt: null }),
        );
      }
      return end.end === 'resolved'
        ? { end: end.end, unknown: end.unknown, wake: end.wake }
        : { end: end.end, unknown: 0, wake: [] };
    });
  },
});

type Facts = AsyncIterable<readonly Resolved[]>;

function facts(deps: ActivityDeps, project: Project, request: RequestRow, work: Work): Facts {
  return ask(deps, project, selection(), work);

  function selection(): Selection {
    const { id: requestId, subjectKind: kind } = request;
    const frozen = request.resolvedAt !== null;
    if (request.selection === 'segment' && !frozen)
      return { requestId, kind, by: 'segment', segment: request.segment ?? '' };
    if (request.selection === 'everyone' && !frozen) return { requestId, kind, by: 'everyone' };
    return { requestId, kind, by: 'identities', identities: () => submittedIdentities(deps.reading, requestId) };
  }
}

/** Who is to be spared is asked about once, together with who everyone is. */
function exceptions(deps: ActivityDeps, project: Project, request: RequestRow, work: Work): { excepted?: Facts } {
  const { id: requestId, subjectKind: kind, selection, resolvedAt } = request;
  if (selection !== 'everyone' || resolvedAt !== null) return {};
  const identities = () => exceptedIdentities(deps.reading, requestId);
  return { excepted: ask(deps, project, { requestId, kind, by: 'identities', identities }, work) };
}

function ask({ connector }: ActivityDeps, project: Project, selection: Selection, work: Work): Facts {
  const directory = connector(project.name, project.directory);
  if (directory.resolve === undefined)
    throw new ConnectorError('refused', 'the directory cannot resolve', { retryable: false });
  return directory.resolve(selection, work);
}
