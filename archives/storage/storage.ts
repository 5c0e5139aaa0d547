import { REQUEST_ID } from '../../domain/ids.ts';

/**
 * Where archives and their parts lie until they expire. Names are ours alone: `<requestId>/<uuid>`. What is written is
 * encrypted before it comes here (archives/encryption.ts). One conformance suite runs against every storage.
 */
export interface ArchiveStorage {
  /**
   * There to be read once it resolves, and after a loss of power too. What failed or was aborted is not there; where an
   * answer was lost on the way it may be, for `removeAllBut` to take. Never overwrites; holds little of it in memory.
   */
  write(name: string, bytes: AsyncIterable<Uint8Array>, signal?: AbortSignal): Promise<void>;
  /** Fails with `StorageError` before the first byte where there is no such object. */
  read(name: string): AsyncIterable<Uint8Array>;
  /** Everything of a request but these: also what an attempt left behind that was killed. None is as good as gone. */
  removeAllBut(requestId: string, kept: readonly string[]): Promise<void>;
  /** Says which storage this is, and makes it sayable at first: whoever sees another mark sees another storage. */
  mark(): Promise<string>;
}

/** The storage cannot do it now, or never. No name, no path and no text of the system in it. */
export class StorageError extends Error {
  readonly code: 'unavailable' | 'missing' | 'damaged';
  constructor(code: StorageError['code'], message: string) {
    super(message);
    this.name = 'StorageError';
    this.code = code;
  }
}

/** The object that holds the mark, in a folder and in a bucket alike: a storage that is copied whole stays the same one. */
export const MARK = '.lethe-archives';
const OBJECT = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** No name leads out of its request's place: `..`, a second slash and an empty part are refused. */
export function namesOf(name: string): { readonly requestId: string; readonly object: string } {
  const [requestId = '', object = '', ...more] = name.split('/');
  if (!OBJECT.test(object) || more.length > 0) throw new Error('an object of the archives has another name');
  return { requestId: checkedRequestId(requestId), object };
}

export function checkedRequestId(requestId: string): string {
  if (!REQUEST_ID.test(requestId)) throw new Error('archives lie by the ids of their requests');
  return requestId;
}

export function checkedMark(mark: string): string {
  if (OBJECT.test(mark)) return mark;
  throw new StorageError('damaged', `${MARK} of the archives does not say which storage this is`);
}
