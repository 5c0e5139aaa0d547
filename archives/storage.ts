/**
 * Where archives and their parts lie until they expire. Names are ours alone: `<requestId>/<uuid>`. What is written is
 * encrypted before it comes here (archives/encryption.ts).
 */
export interface ArchiveStorage {
  /** There to be read once it resolves; of what failed or was aborted nothing is left that can be read. Never overwrites. */
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
