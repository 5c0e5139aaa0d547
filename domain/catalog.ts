import type { IdentityTypes } from './identity.ts';
import type { Policy } from './policy.ts';
import type { SubjectKind, VerificationLevel } from './vocabulary.ts';

/** What is known of a system without speaking to it: enough for the API, which never needs its secrets. */
export interface SystemEntry {
  readonly name: string;
  readonly kinds: readonly SubjectKind[];
  readonly identityTypes: Readonly<Partial<Record<SubjectKind, IdentityTypes>>>;
  readonly hides: boolean;
  readonly segments: boolean;
  readonly exports: boolean;
  readonly verification: VerificationLevel;
  /** The longest that the system takes to delete, by its own word. */
  readonly completesWithinMs: number;
  /** Least time between two calls, where the system has a rate limit. */
  readonly spacingMs?: number;
  /** SHA-256 of the data map: frozen into a request when it is resolved (rule 5). */
  readonly dataMapHash: string;
}

/** A project as lethe.config.ts declares it, checked. */
export interface Project {
  readonly name: string;
  readonly policy: Policy;
  /** The system that knows which identities exist. */
  readonly directory: string;
  readonly systems: readonly SystemEntry[];
}

export type Catalog = ReadonlyMap<string, Project>;

/** Every identity type that some system of the project understands for this kind of subject. */
export const identityTypesOf = (project: Project, kind: SubjectKind): IdentityTypes =>
  Object.assign({}, ...project.systems.map((system) => system.identityTypes[kind] ?? {})) as IdentityTypes;

/** The systems that can hold data on this kind of subject: each is asked about every subject of that kind. */
export const systemsFor = (project: Project, kind: SubjectKind): readonly SystemEntry[] =>
  project.systems.filter((system) => system.kinds.includes(kind));
