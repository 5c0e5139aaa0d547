import type { Contents, Manifest } from '../domain/archive.ts';
import { pathsOf } from './names.ts';

export function manifestOf({ request, processors, parts, packagedAt }: Contents): Manifest {
  const paths = pathsOf(parts, request.format);
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
    processors: processors.flatMap(({ processor, cutOffAt }) =>
      cutOffAt === null ? [] : [{ processor, cutOffAt: cutOffAt.toISOString() }],
    ),
    notIncluded: processors.flatMap(({ processor, cutOffAt }) => (cutOffAt === null ? [processor] : [])),
    files: parts.map(({ processor, facts }, index) => ({
      ...facts,
      processor,
      path: request.scope === 'categories' ? null : (paths[index] ?? null),
    })),
  };
}
