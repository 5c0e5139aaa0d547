import type { ConfigError, ConnectorContext } from '../../connector.ts';

/** What a key pattern selects for one identity: everything below a prefix, or a single object. */
export interface Target {
  readonly key: string;
  readonly isPrefix: boolean;
}

/**
 * What lies under a target. `object`: with contents. The others have none: `marker` says that the object is deleted,
 * `upload` is an upload that has not ended, `link` leads elsewhere and is not followed, `folder` is empty.
 */
export interface Entry {
  readonly kind: 'object' | 'marker' | 'upload' | 'link' | 'folder' | 'special';
  /** Below the prefix of the target, or the last name of a single object. */
  readonly path: string;
  readonly modifiedAt: Date;
  /** How the store finds it again. */
  readonly handle: Handle;
}
export type Handle =
  | { readonly in: 'folder'; readonly path: Buffer }
  | { readonly in: 'bucket'; readonly key: string; readonly version?: string; readonly upload?: string };

/** Why an object cannot be deleted. */
export type Refusal = 'object_lock' | 'immutable';

/** A folder or a bucket. Throws `ConnectorError` without names of objects. */
export interface Store {
  /** Begins a verb. Throws when the store cannot be reached, so that its absence is never taken for an empty one. */
  begin(activity: ConnectorContext): Promise<Session>;
  /** The config errors that only the store knows. Throws a retryable error when it cannot be reached. */
  inspect(): Promise<readonly ConfigError[]>;
  close(): void;
}
/** A store during one verb. */
export interface Session {
  /** Yields pages of at most 1 000 entries. */
  list(target: Target): AsyncIterable<readonly Entry[]>;
  /** Streams the contents of an object. Yields nothing for one that is gone. */
  read(entry: Entry): AsyncIterable<Uint8Array>;
  /** Deletes at most 1 000 entries and returns those that cannot be deleted. An entry that is gone is no error. */
  remove(entries: readonly Entry[]): Promise<readonly Refused[]>;
  /** Removes what names the subject and is empty now, such as its folder. */
  prune(target: Target): Promise<void>;
}
export interface Refused {
  readonly entry: Entry;
  readonly reason: Refusal;
}

/** The largest number of entries of a page, and of a call that deletes. */
export const PAGE_SIZE = 1_000;

/** Throws the reason of the cancellation, between two steps. */
export function proceed({ signal, heartbeat }: Pick<ConnectorContext, 'signal' | 'heartbeat'>): void {
  signal.throwIfAborted();
  heartbeat();
}
