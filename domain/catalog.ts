import type { IdentityTypes } from './identity.ts';
import type { Lanes } from './retry/pace.ts';
import type { Policy } from './policy.ts';
import type { RequestKind, Scope, SubjectKind, VerificationLevel } from './vocabulary.ts';

/** The description of a system. It contains no secrets, so that the API can use it. */
export interface SystemEntry {
  readonly name: string;
  /** The kinds of subjects that the system can hold data on. */
  readonly kinds: readonly SubjectKind[];
  /** The identity types that the system accepts, by kind of subject. */
  readonly identityTypes: Readonly<Partial<Record<SubjectKind, IdentityTypes>>>;
  /** Whether the system can soft-delete a subject. */
  readonly hides: boolean;
  /** Whether the system, as a directory, can list the subjects of a segment. */
  readonly segments: boolean;
  /** Whether the system can export the data of a subject. */
  readonly exports: boolean;
  /** Whether the system can count the rows of a subject. Otherwise it possibly holds every subject. */
  readonly counts: boolean;
  /** Whether the system can refuse to collect an identity again. */
  readonly suppresses: boolean;
  /** The scopes of the deletions that the system can carry out. */
  readonly scopes: readonly Scope[];
  readonly verification: VerificationLevel;
  /** Copies of the data that the application refreshes after a deletion. The receipt lists them. */
  readonly copies?: readonly string[];
  /** The longest time that the system needs to delete, as its connector states it. */
  readonly completesWithinMs: number;
  /** The rate limits of the system, by lane. Absent if it has none. */
  readonly lanes?: Lanes;
  /** How long the system still shows what it has deleted. Absent if it does not. */
  readonly settleMs?: number;
  /** SHA-256 of the data map. Pinned in a request when it is resolved (rule 5). */
  readonly dataMapHash: string;
}

/** A project of lethe.config.ts, after validation. */
export interface Project {
  readonly name: string;
  readonly policy: Policy;
  /** The name of the system that resolves identities. */
  readonly directory: string;
  readonly systems: readonly SystemEntry[];
}

/** How long a system needs after its deletion until its final verification. */
export const settleMsFor = (policy: Policy, { settleMs = 0 }: Pick<SystemEntry, 'settleMs'>): number =>
  settleMs + Math.max(policy.settleMs, settleMs);

/** The systems of a kind that can carry out a deletion of this scope, or any export. */
export const systemsForRequest = (
  project: Project,
  request: { readonly kind: RequestKind; readonly subjectKind: SubjectKind; readonly scope: Scope },
): readonly SystemEntry[] => {
  const without = systemsWithoutScope(project, request);
  return systemsFor(project, request.subjectKind).filter((system) => !without.includes(system));
};

/** The systems of a kind that a deletion of this scope leaves unchanged, because they can only delete all data. */
export const systemsWithoutScope = (
  project: Project,
  {
    kind,
    subjectKind,
    scope,
  }: { readonly kind: RequestKind; readonly subjectKind: SubjectKind; readonly scope: Scope },
): readonly SystemEntry[] =>
  kind === 'export' ? [] : systemsFor(project, subjectKind).filter(({ scopes }) => !scopes.includes(scope));

/** All projects, by name. */
export type Catalog = ReadonlyMap<string, Project>;

/**
 * The identity types that at least one system of the project accepts for this kind of subject. The directory decides how
 * a type compares that several systems have.
 */
export function identityTypesOf({ systems, directory }: Project, kind: SubjectKind): IdentityTypes {
  const last = systems.toSorted((a, b) => Number(a.name === directory) - Number(b.name === directory));
  return Object.assign({}, ...last.map((system) => system.identityTypes[kind] ?? {})) as IdentityTypes;
}

/** The systems that can hold data on this kind of subject. Each of them processes every subject of that kind. */
export const systemsFor = (project: Project, kind: SubjectKind): readonly SystemEntry[] =>
  project.systems.filter((system) => system.kinds.includes(kind));
