import { and, desc, eq, getColumns, lt, type SQL, type SQLWrapper, sql } from 'drizzle-orm';
import { type SubjectKind, SUPPRESSION_STATES } from '../../domain/vocabulary.ts';
import type { Queries } from '../client.ts';
import { SUPPRESSION_STATE, suppressions, suppressionSystems } from '../schema/holds.ts';
import { kindsAndStates, textArray } from '../sql.ts';

/** A suppression as callers see it, without identity and digests. */
export interface SuppressionRow extends Readonly<
  Pick<
    typeof suppressions.$inferSelect,
    'id' | 'kind' | 'requestId' | 'identities' | 'liftedIdentities' | 'since' | 'placedBy' | 'liftedAt' | 'liftedBy'
  >
> {
  /** The configured systems that do not have the suppression. Null once it is lifted. */
  readonly missingIn: readonly string[] | null;
}

/** A system of the configuration, once for each kind of subject that it can hold. */
export interface ConfiguredSystem {
  readonly system: string;
  readonly kind: SubjectKind;
}

/** The conditions of a page of suppressions. Absent conditions exclude nothing. */
export interface SuppressionFilter {
  readonly state?: (typeof SUPPRESSION_STATES)[number] | undefined;
  readonly kind?: SubjectKind | undefined;
  readonly requestId?: string | undefined;
}

/** A page of a project's suppressions. `after` is the last suppression of the previous page. */
export interface SuppressionPage {
  readonly project: string;
  readonly systems: readonly ConfiguredSystem[];
  readonly filter: SuppressionFilter;
  readonly after: string | null;
  readonly limit: number;
}

/** Lists suppressions, newest first. IDs are in the order of creation. */
export const listSuppressions = async (queries: Queries, page: SuppressionPage): Promise<readonly SuppressionRow[]> => {
  const { systems, filter, limit } = page;
  const { state, kind, requestId } = filter;
  const conditions = [
    eq(suppressions.project, page.project),
    page.after === null ? undefined : lt(suppressions.id, page.after),
  ];
  if (requestId !== undefined)
    return queries
      .select({ ...columns, missingIn: missingIn(suppressions, systems) })
      .from(suppressions)
      .where(
        and(
          ...conditions,
          eq(suppressions.requestId, requestId),
          kind === undefined ? undefined : eq(suppressions.kind, kind),
          state === undefined ? undefined : sql`${SUPPRESSION_STATE} = ${state}`,
        ),
      )
      .orderBy(desc(suppressions.id))
      .limit(limit);
  const found = queries
    .select(columns)
    .from(suppressions)
    .where(and(...conditions, sql`${suppressions.kind} = kinds.kind`, sql`${SUPPRESSION_STATE} = states.state`))
    .orderBy(desc(suppressions.id))
    .limit(limit)
    .as('found');
  return queries
    .select({ ...getColumns(found), missingIn: missingIn(found, systems) })
    .from(kindsAndStates(filter, SUPPRESSION_STATES))
    .crossJoinLateral(found)
    .orderBy(desc(found.id))
    .limit(limit);
};

/** Reads a suppression of the project. Null if the project has no suppression with this id. */
export async function readSuppression(
  queries: Queries,
  { project, id, systems }: Pick<SuppressionPage, 'project' | 'systems'> & { readonly id: string },
): Promise<SuppressionRow | null> {
  const [row] = await queries
    .select({ ...columns, missingIn: missingIn(suppressions, systems) })
    .from(suppressions)
    .where(and(eq(suppressions.id, id), eq(suppressions.project, project)));
  return row ?? null;
}

// A select from one table names its columns without the table, so those of `configured` have other names.
const missingIn = (
  { id, kind, liftedAt }: Readonly<Record<'id' | 'kind' | 'liftedAt', SQLWrapper>>,
  systems: readonly ConfiguredSystem[],
): SQL<string[] | null> => sql`CASE WHEN ${liftedAt} IS NULL THEN ARRAY(
  SELECT name
  FROM unnest(${textArray(systems.map(({ system }) => system))}, ${textArray(systems.map((one) => one.kind))}) AS configured (name, of_kind)
  WHERE of_kind = ${kind} AND NOT EXISTS (
    SELECT FROM ${suppressionSystems} applied WHERE applied.suppression_id = ${id} AND applied.system = configured.name)
  ORDER BY name) END`;

const { id, kind, requestId, identities, liftedIdentities, since, placedBy, liftedAt, liftedBy } = suppressions;
const columns = { id, kind, requestId, identities, liftedIdentities, since, placedBy, liftedAt, liftedBy };
