import { REQUEST_ID } from '../../domain/ids.ts';

/**
 * Stores archives and their parts until they expire. Object names have the form `<requestId>/<uuid>`. The contents are
 * already encrypted (archives/encryption.ts). One conformance suite runs against every storage.
 */
export interface ArchiveStorage {
  /**
   * Writes a new object as a stream; durable once the promise resolves. A failed write leaves no object, unless the
   * response was lost; `removeExcept` removes such an object. Never overwrites.
   */
  write(name: string, bytes: AsyncIterable<Uint8Array>, signal?: AbortSignal): Promise<void>;
  /** Throws StorageError `missing` before the first byte if the object does not exist. */
  read(name: string): AsyncIterable<Uint8Array>;
  /** Removes all objects of a request except `kept`, including leftovers of killed attempts. Idempotent. */
  removeExcept(requestId: string, kept: readonly string[]): Promise<void>;
  /** Returns the ID of this storage and creates it on first use. Processes with different IDs use different storages. */
  storageId(): Promise<string>;
}

/** The message contains no object name, no path and no text of the underlying system. */
export class StorageError extends Error {
  readonly code: 'unavailable' | 'missing' | 'damaged';
  constructor(code: StorageError['code'], message: string) {
    super(message);
    this.name = 'StorageError';
    this.code = code;
  }
}

/** The object that holds the storage ID. A complete copy of a storage keeps the ID. */
export const STORAGE_ID_FILE = '.lethe-archives';
const OBJECT = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Rejects `..`, a second slash and empty segments, so that a name cannot leave the folder of its request. */
export function parseName(name: string): { readonly requestId: string; readonly object: string } {
  const [requestId = '', object = '', ...more] = name.split('/');
  if (!OBJECT.test(object) || more.length > 0)
    throw new Error('not the name of an archive object: expected <requestId>/<uuid>');
  return { requestId: checkRequestId(requestId), object };
}

export function checkRequestId(requestId: string): string {
  if (!REQUEST_ID.test(requestId)) throw new Error('not a request ID');
  return requestId;
}

export function checkStorageId(id: string): string {
  if (OBJECT.test(id)) return id;
  throw new StorageError('damaged', `${STORAGE_ID_FILE} in the archive storage does not contain a storage ID`);
}
