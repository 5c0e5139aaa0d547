import { Decrypter, Encrypter, generateIdentity, identityToRecipient } from 'age-encryption';
import { StorageError } from './storage/storage.ts';

/** An age identity for one export. Destroying the key makes everything encrypted with it unreadable. */
export const generateArchiveKey = (): Promise<string> => generateIdentity();

/** Encrypts in chunks of 64 KiB, so memory use does not depend on the length. */
export async function* encrypt(key: string, bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const age = new Encrypter();
  age.addRecipient(await identityToRecipient(key));
  yield* await age.encrypt(ReadableStream.from(bytes));
}

/**
 * Yields authenticated bytes only. Throws StorageError `damaged` where the data is damaged, truncated, reordered or
 * encrypted with another key. The data is complete only if the stream ends without an error.
 */
export async function* decrypt(key: string, bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const source = { failed: false };
  const tracked = trackFailure(bytes, source);
  try {
    const age = new Decrypter();
    age.addIdentity(key);
    for await (const piece of await age.decrypt(ReadableStream.from(tracked))) if (piece.length > 0) yield piece;
  } catch (error) {
    throw source.failed ? error : new StorageError('damaged', 'an object differs from what was stored');
  } finally {
    // After an unreadable header, `age` leaves the stream open.
    await tracked.return(undefined);
  }
}

/** Sets `source.failed` for a read error of the storage, to distinguish it from damaged data. */
async function* trackFailure(
  bytes: AsyncIterable<Uint8Array>,
  source: { failed: boolean },
): AsyncGenerator<Uint8Array> {
  try {
    yield* bytes;
  } catch (error) {
    source.failed = true;
    throw error;
  }
}
