import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { type ArchiveStorage, StorageError } from '../../../archives/storage/storage.ts';
import { newId } from '../../../domain/ids.ts';

export interface TestStorage {
  readonly storage: ArchiveStorage;
  /** All files of the storage, including unfinished ones. */
  readonly storedFiles: () => readonly string[];
  /** Words that errors must not contain. */
  readonly secret: readonly string[];
}

const MIB = 1 << 20;
/** A server cleans up shortly after a connection closes. */
const POLL_OPTIONS = { timeout: 10_000 };
export const requestId = (): string => newId('request', Date.now());
export const nameIn = (request: string): string => `${request}/${randomUUID()}`;
export async function* chunksOf(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield await Promise.resolve(bytes.subarray(at, at + size));
}
export async function bytesOf(storage: ArchiveStorage, name: string): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of storage.read(name)) chunks.push(chunk);
  return Buffer.concat(chunks);
}
const sha = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const errorOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => null,
    (error: unknown) => error,
  );

/** Runs the tests that every storage must pass. `createStorage` returns an empty storage. */
export function testConformance(createStorage: () => Promise<TestStorage>): void {
  test.each([0, 1, 70_000, 16 * MIB, 37 * MIB + 5])('returns %d bytes unchanged', async (size) => {
    const { storage } = await createStorage();
    const [name, bytes] = [nameIn(requestId()), randomBytes(size)];
    await storage.write(name, chunksOf(bytes, 65_537));
    expect(sha(await bytesOf(storage, name))).toBe(sha(bytes));
  });

  test('throws `missing` before the first byte when the object does not exist', async () => {
    const { storage, storedFiles } = await createStorage();
    const error = await errorOf(bytesOf(storage, nameIn(requestId())));
    expect(error).toMatchObject({ name: 'StorageError', code: 'missing' });
    expect(storedFiles()).toEqual([]);
  });

  test.each([10, 20 * MIB])(
    'rejects a write of %d bytes and keeps the first object when the name is in use',
    async (size) => {
      const { storage, storedFiles, secret } = await createStorage();
      const name = nameIn(requestId());
      await storage.write(name, chunksOf(Buffer.from('first'), 2));
      const error = await errorOf(storage.write(name, chunksOf(randomBytes(size), MIB)));
      expect(error).toBeInstanceOf(StorageError);
      for (const word of [...secret, name]) expect(String(error)).not.toContain(word);
      expect(String(await bytesOf(storage, name))).toBe('first');
      expect(storedFiles()).toHaveLength(1);
    },
  );

  test('lets exactly one of several concurrent writers of a name succeed', async () => {
    const { storage, storedFiles } = await createStorage();
    const name = nameIn(requestId());
    const texts = Array.from({ length: 8 }, (_, index) => Buffer.alloc(300_000, `${index}`));
    const results = await Promise.allSettled(texts.map((text) => storage.write(name, chunksOf(text, 1_000))));
    const winner = results.findIndex(({ status }) => status === 'fulfilled');
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(sha(await bytesOf(storage, name))).toBe(sha(texts[winner] ?? Buffer.alloc(0)));
    expect(storedFiles()).toHaveLength(1);
  });

  test.each([1, 40])(
    'passes on the error of the source and stores nothing when the source fails after %d MiB',
    async (count) => {
      const { storage, storedFiles } = await createStorage();
      // The code of a lost database connection looks like an error code of the file system.
      const lost = Object.assign(new Error('the source'), { code: 'ECONNRESET' });
      async function* failing(): AsyncGenerator<Uint8Array> {
        yield* chunksOf(randomBytes(count * MIB), MIB);
        throw lost;
      }
      expect(await errorOf(storage.write(nameIn(requestId()), failing()))).toBe(lost);
      await expect.poll(storedFiles, POLL_OPTIONS).toEqual([]);
    },
  );

  test.each([1, 40])(
    'stops at once and stores nothing when aborted after %d MiB while the source hangs',
    async (count) => {
      const { storage, storedFiles } = await createStorage();
      const stop = new AbortController();
      const name = nameIn(requestId());
      async function* hanging(): AsyncGenerator<Uint8Array> {
        yield* chunksOf(randomBytes(count * MIB), MIB);
        setTimeout(() => stop.abort(new Error('cancelled')), 50);
        await new Promise(() => {});
      }
      expect(await errorOf(storage.write(name, hanging(), stop.signal))).toBe(stop.signal.reason);
      expect(await errorOf(bytesOf(storage, name))).toMatchObject({ code: 'missing' });
      await expect.poll(storedFiles, POLL_OPTIONS).toEqual([]);
    },
  );

  test('does not read the source when the signal is already aborted', async () => {
    const { storage, storedFiles } = await createStorage();
    let started = false;
    async function* source(): AsyncGenerator<Uint8Array> {
      started = true;
      yield await Promise.resolve(Buffer.from('x'));
    }
    const aborted = AbortSignal.abort(new Error('cancelled'));
    expect(await errorOf(storage.write(nameIn(requestId()), source(), aborted))).toBe(aborted.reason);
    expect([started, storedFiles()]).toEqual([false, []]);
  });

  test('removes all objects of a request except the kept ones, and is idempotent', async () => {
    const { storage, storedFiles } = await createStorage();
    const [request, other] = [requestId(), requestId()];
    const [kept, removed, foreign] = [nameIn(request), nameIn(request), nameIn(other)];
    for (const name of [kept, removed, foreign]) await storage.write(name, chunksOf(Buffer.from(name), 9));
    for (let time = 0; time < 2; time += 1) {
      await storage.removeExcept(request, [kept]);
      expect(await errorOf(bytesOf(storage, removed))).toMatchObject({ code: 'missing' });
      expect(String(await bytesOf(storage, kept))).toBe(kept);
    }
    for (let time = 0; time < 2; time += 1) await storage.removeExcept(request, []);
    expect(storedFiles()).toHaveLength(1);
    expect(String(await bytesOf(storage, foreign))).toBe(foreign);
  });

  test.each(['..', '../x', 'x/..', '/etc/passwd', '.lethe-archives'])(
    'rejects the object name %s and changes nothing',
    async (odd) => {
      const { storage, storedFiles } = await createStorage();
      const request = requestId();
      for (const name of [odd, `${request}/${odd}`, `${odd}/${randomUUID()}`, `${request}/../${nameIn(request)}`]) {
        expect(await errorOf(storage.write(name, chunksOf(Buffer.from('x'), 1)))).toBeInstanceOf(Error);
        expect(await errorOf((async () => bytesOf(storage, name))())).toBeInstanceOf(Error);
      }
      expect(await errorOf(storage.removeExcept(odd, []))).toBeInstanceOf(Error);
      expect(storedFiles()).toEqual([]);
    },
  );

  test('returns the same storage ID to concurrent and later callers', async () => {
    const { storage, storedFiles } = await createStorage();
    const ids = await Promise.all(Array.from({ length: 20 }, () => storage.storageId()));
    expect(new Set([...ids, await storage.storageId()]).size).toBe(1);
    expect(ids[0]).toMatch(/^[0-9a-f-]{36}$/);
    expect(storedFiles()).toHaveLength(1);
  });

  test('returns the whole object after an earlier reader has stopped early', async () => {
    const { storage } = await createStorage();
    const [name, bytes] = [nameIn(requestId()), randomBytes(3 * MIB)];
    await storage.write(name, chunksOf(bytes, MIB));
    for await (const chunk of storage.read(name)) if (chunk.length > 0) break;
    expect(sha(await bytesOf(storage, name))).toBe(sha(bytes));
  });
}
