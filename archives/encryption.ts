import { Decrypter, Encrypter, generateIdentity, identityToRecipient } from 'age-encryption';
import { StorageError } from './storage/storage.ts';

/** An age identity, made for one export: what it opens is unreadable once nobody has it any more. */
export const newKey = (): Promise<string> => generateIdentity();

/** Piece by piece: 64 KiB at once are in memory, whatever the length. */
export async function* encrypt(key: string, bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const age = new Encrypter();
  age.addRecipient(await identityToRecipient(key));
  yield* await age.encrypt(ReadableStream.from(bytes));
}

/**
 * Whatever it hands over is authentic. What is damaged, cut, put in another order or of another key ends with
 * StorageError `damaged`, after the authentic beginning: only who comes to the end without an error has the whole.
 */
export async function* decrypt(key: string, bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const source = { failed: false };
  const watched = watch(bytes, source);
  try {
    const age = new Decrypter();
    age.addIdentity(key);
    for await (const piece of await age.decrypt(ReadableStream.from(watched))) if (piece.length > 0) yield piece;
  } catch (error) {
    throw source.failed ? error : new StorageError('damaged', 'an object is not what was stored');
  } finally {
    // A header that cannot be read leaves its stream open.
    await watched.return(undefined);
  }
}

/** Tells what the storage could not read from what was read and is wrong. */
async function* watch(bytes: AsyncIterable<Uint8Array>, source: { failed: boolean }): AsyncGenerator<Uint8Array> {
  try {
    yield* bytes;
  } catch (error) {
    source.failed = true;
    throw error;
  }
}
