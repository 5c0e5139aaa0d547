import type { SystemStatement, RequestStatus } from '../../../db/requests/read.ts';
import { type Project, systemsFor, systemsWithoutScope } from '../../../domain/catalog.ts';
import { SUBJECT_STATES, type SubjectState } from '../../../domain/vocabulary.ts';
import { attentionResponse } from './attention.ts';
import { confirmationResponse } from './confirm.ts';
import { linksOf } from './fields.ts';

/** The response about a request. `project` is undefined if lethe.config.ts no longer contains it. */
export function statusResponse(status: RequestStatus, project: Project | undefined) {
  const { archive, format } = status;
  const ended = status.concludedAt !== null;
  const states = Object.fromEntries(SUBJECT_STATES.map((state) => [state, status.states[state] ?? 0]));
  return {
    id: status.id,
    status: status.status,
    kind: status.kind,
    project: status.project,
    subjectKind: status.subjectKind,
    regulation: status.regulation,
    scope: status.scope,
    selection: status.selection,
    suppress: status.suppress,
    expedite: status.expedite,
    exportFirst: status.exportFirst,
    format,
    backupOf: status.backupOf,
    receivedAt: status.receivedAt,
    resolvedAt: status.resolvedAt,
    dueAt: status.dueAt,
    hardDeleteAt: status.hardDeleteAt,
    cancellableUntil: status.nextClaimAt ?? (ended || status.resolvedAt !== null ? null : status.hardDeleteAt),
    estimatedCompletionAt: status.estimatedCompletionAt,
    atRisk: status.atRisk,
    concludedAt: status.concludedAt,
    failure: status.failure,
    subjects: {
      submitted: status.submitted,
      resolved: status.subjectCount,
      states: states as Record<SubjectState, number>,
    },
    confirmation: confirmationResponse(status),
    heldSubjects: status.heldSubjects,
    attention: status.attention.map(attentionResponse),
    waits: status.waits.map(({ since, until, ...wait }) => ({
      ...wait,
      since: new Date(since),
      until: until === null ? null : new Date(until),
    })),
    unverified: unverifiedSystems(status, project),
    notHiddenIn: status.resolvedAt === null ? systemsWithoutHiding(status, project) : status.notHiddenIn,
    notCoveredIn: project === undefined ? [] : systemsWithoutScope(project, status).map(({ name }) => name),
    skipped: status.skipped.map((skip) => ({ ...skip, at: new Date(skip.at) })),
    suppression: status.suppression && { ...status.suppression, missingIn: [...status.suppression.missingIn] },
    archive: archive === null || format === null ? null : { ...archive, format },
    backups: status.backups,
    links: linksOf(status.id),
  };
}

/** Systems that have reported, and systems that cannot be verified by reading and have not reported yet. */
function unverifiedSystems(status: RequestStatus, project: Project | undefined) {
  if (status.kind === 'export') return [];
  const expected = projectSystems(status, project).flatMap(({ name, verification }): SystemStatement[] =>
    verification === 'reads' || status.statements.some((statement) => statement.system === name)
      ? []
      : [{ system: name, level: verification, saidAt: null }],
  );
  return [...status.statements, ...expected].map(({ system, level, saidAt }) => ({
    system,
    level,
    saidAt: saidAt === null ? null : new Date(saidAt),
  }));
}

/** Part deletions and exports hide no subject (rule 16). */
const systemsWithoutHiding = (status: RequestStatus, project: Project | undefined): readonly string[] =>
  status.kind === 'export' || status.scope !== 'data'
    ? []
    : projectSystems(status, project).flatMap((system) => (system.hides ? [] : [system.name]));

/** A resolved request keeps the systems that it pinned (rule 5), independent of later configuration. */
function projectSystems(status: RequestStatus, project: Project | undefined) {
  const configured = project === undefined ? [] : systemsFor(project, status.subjectKind);
  const pinned = status.systems;
  return pinned === null ? configured : configured.filter(({ name }) => Object.hasOwn(pinned, name));
}
