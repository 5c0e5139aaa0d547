import type { Connector, Description } from '../../../connectors/connector.ts';
import type { Identity } from '../../../domain/identity.ts';
import type { SubjectKind } from '../../../domain/vocabulary.ts';

/**
 * A system with data, and the connector under test. `description` decides which tests run, so a member that belongs to an
 * ability, such as `ownTexts` to an export, is only needed with it.
 *
 *     testConformance('the X connector', { description: x(settings).describe() }, async () => {
 *       const server = await startServer(people);
 *       return { connector, subjects, unknownSubject, allRows, rowsOfOtherSubjects, settle, failCall, close };
 *     });
 */
export interface Candidate {
  readonly connector: Connector;
  /** Two subjects of which the system has data. */
  readonly subjects: readonly (readonly Identity[])[];
  /** A subject of which it has none. */
  readonly unknownSubject: readonly Identity[];
  /** All data, to compare two states. */
  allRows(): Promise<unknown>;
  /** All data of other subjects than the two. There is some. */
  rowsOfOtherSubjects(): Promise<unknown>;
  /** Whether the system has data of one of the two subjects, by its index. */
  isPresent(subject: number): Promise<boolean>;
  /** Lets the system finish what it has accepted: it deletes asynchronously, or shows what it has deleted for a while. */
  settle?(): Promise<void>;
  /** For `actions.export`: per subject, a text that only data of this subject contain. */
  readonly ownTexts?: readonly string[];
  /** For `actions.hide`. */
  isHidden?(subject: number): Promise<boolean>;
  /** For `actions.suppress`: whether the system refuses to collect one of the two subjects. */
  isSuppressed?(subject: number): Promise<boolean>;
  /** Adds one row of the first subject, after its deletion. */
  insertLateRow?(): Promise<void>;
  /** What the connector stores in the system for its requests. Empty after `conclude`. */
  storedForRequests?(): Promise<readonly unknown[]>;
  /**
   * Makes the call to the system fail that comes after `calls` more: before the system has done the work, or after it
   * without an answer. Returns whether that call was reached, which is asked after the run.
   */
  failCall?(calls: number, when: 'before' | 'after'): { wasReached(): boolean };
  /** Texts, beside the identities, that no error may contain: secrets, and ids of the system. */
  readonly confidential?: readonly string[];
  close(): Promise<void>;
}

/** A way in which the system answers wrongly, such as with status 500, with garbage or not at all. */
export interface Fault {
  readonly name: string;
  /** From now on every call, or the next one, is answered wrongly. */
  inject(candidate: Candidate): void | Promise<void>;
  end(candidate: Candidate): void | Promise<void>;
  /** Whether Lethe may repeat the call soon. */
  readonly retryable: boolean;
}

/** What the suite knows about a connector before a system is there. */
export interface Conformance {
  readonly description: Description;
  readonly kind: SubjectKind;
  /** Whether the system itself keeps the newest visibility generation. */
  readonly ordersVisibility: boolean;
  readonly faults: readonly Fault[];
  candidate(): Candidate;
  /** A second system with the same data, for tests that need several. */
  another(): Promise<Candidate>;
}
