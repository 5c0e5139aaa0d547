import type { Contents, Manifest } from '../domain/archive.ts';
import { assignPaths } from './names.ts';

export function buildManifest({ request, systems, parts, packagedAt }: Contents): Manifest {
  const paths = assignPaths(parts, request.format);
  return {
    requestId: request.id,
    kind: 'export',
    project: request.project,
    subjectKind: request.subjectKind,
    regulation: request.regulation,
    scope: request.scope,
    format: request.format,
    csv: request.format === 'csv' ? 'escaped' : null,
    receivedAt: request.receivedAt.toISOString(),
    packagedAt: packagedAt.toISOString(),
    since: request.since?.toISOString() ?? null,
    subjects: request.subjects,
    removedSubjects: 0,
    systems: systems.flatMap(({ system, cutOffAt }) =>
      cutOffAt === null ? [] : [{ system, cutOffAt: cutOffAt.toISOString() }],
    ),
    notIncluded: systems.flatMap(({ system, cutOffAt }) => (cutOffAt === null ? [system] : [])),
    files: parts.map(({ system, facts }, index) => ({
      ...facts,
      system,
      path: request.scope === 'categories' ? null : (paths[index] ?? null),
    })),
  };
}
