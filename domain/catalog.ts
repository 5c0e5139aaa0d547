import type { IdentityTypes } from './identity.ts';
import type { Policy } from './policy.ts';
import type { SubjectKind, VerificationLevel } from './vocabulary.ts';

/** What is known of a processor without speaking to it: enough for the API, which never needs its secrets. */
export interface ProcessorEntry {
  readonly name: string;
  readonly kinds: readonly SubjectKind[];
  readonly identityTypes: Readonly<Partial<Record<SubjectKind, IdentityTypes>>>;
  readonly hides: boolean;
  readonly segments: boolean;
  readonly exports: boolean;
  readonly verification: VerificationLevel;
  /** The longest that the processor takes to delete, by its own word. */
  readonly completesWithinMs: number;
  /** Least time between two calls, where the processor has a rate limit. */
  readonly spacingMs?: number;
  /** SHA-256 of the data map: frozen into a request when it is resolved (rule 5). */
  readonly dataMapHash: string;
}

/** A project as lethe.config.ts declares it, checked. */
export interface Project {
  readonly name: string;
  readonly policy: Policy;
  /** The processor that knows which identities exist. */
  readonly directory: string;
  readonly processors: readonly ProcessorEntry[];
}

export type Catalog = ReadonlyMap<string, Project>;

/** Every identity type that some processor of the project understands for this kind of subject. */
export const identityTypesOf = (project: Project, kind: SubjectKind): IdentityTypes =>
  Object.assign({}, ...project.processors.map((processor) => processor.identityTypes[kind] ?? {})) as IdentityTypes;

/** The processors that can hold data on this kind of subject: each is asked about every subject of that kind. */
export const processorsFor = (project: Project, kind: SubjectKind): readonly ProcessorEntry[] =>
  project.processors.filter((processor) => processor.kinds.includes(kind));
