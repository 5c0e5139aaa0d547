import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { type ArchiveStorage, StorageError } from '../../../archives/storage/storage.ts';
import { newId } from '../../../domain/ids.ts';

export interface Place {
  readonly storage: ArchiveStorage;
  /** Everything that lies there, also what is unfinished: how the storage names it. */
  readonly lying: () => readonly string[];
  /** Words that an error may not hold. */
  readonly secret: readonly string[];
}

const MIB = 1 << 20;
/** A server that is hung up on tidies up a moment later. */
const PATIENCE = { timeout: 10_000 };
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
const failureOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => null,
    (error: unknown) => error,
  );

/** What every storage does; each call makes an empty one. */
export function conforms(empty: () => Promise<Place>): void {
  test.each([0, 1, 70_000, 16 * MIB, 37 * MIB + 5])('%d bytes come back as they were written', async (size) => {
    const { storage } = await empty();
    const [name, bytes] = [nameIn(requestId()), randomBytes(size)];
    await storage.write(name, chunksOf(bytes, 65_537));
    expect(sha(await bytesOf(storage, name))).toBe(sha(bytes));
  });

  test('what is not there is missing before the first byte, and reading makes nothing', async () => {
    const { storage, lying } = await empty();
    const error = await failureOf(bytesOf(storage, nameIn(requestId())));
    expect(error).toMatchObject({ name: 'StorageError', code: 'missing' });
    expect(lying()).toEqual([]);
  });

  test.each([10, 20 * MIB])(
    '%d bytes under a name that is taken are refused, and the first ones stay',
    async (size) => {
      const { storage, lying, secret } = await empty();
      const name = nameIn(requestId());
      await storage.write(name, chunksOf(Buffer.from('first'), 2));
      const error = await failureOf(storage.write(name, chunksOf(randomBytes(size), MIB)));
      expect(error).toBeInstanceOf(StorageError);
      for (const word of [...secret, name]) expect(String(error)).not.toContain(word);
      expect(String(await bytesOf(storage, name))).toBe('first');
      expect(lying()).toHaveLength(1);
    },
  );

  test('of writers of one name at once one succeeds, and its bytes are whole', async () => {
    const { storage, lying } = await empty();
    const name = nameIn(requestId());
    const texts = Array.from({ length: 8 }, (_, index) => Buffer.alloc(300_000, `${index}`));
    const results = await Promise.allSettled(texts.map((text) => storage.write(name, chunksOf(text, 1_000))));
    const winner = results.findIndex(({ status }) => status === 'fulfilled');
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(sha(await bytesOf(storage, name))).toBe(sha(texts[winner] ?? Buffer.alloc(0)));
    expect(lying()).toHaveLength(1);
  });

  test.each([1, 40])('a source that fails after %d MiB fails as itself, and nothing is left of it', async (count) => {
    const { storage, lying } = await empty();
    // As of a database that hangs up: a code like those of a disk.
    const lost = Object.assign(new Error('the source'), { code: 'ECONNRESET' });
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield* chunksOf(randomBytes(count * MIB), MIB);
      throw lost;
    }
    expect(await failureOf(storage.write(nameIn(requestId()), failing()))).toBe(lost);
    await expect.poll(lying, PATIENCE).toEqual([]);
  });

  test.each([1, 40])(
    'aborted after %d MiB it ends at once, though its source hangs, and leaves nothing',
    async (count) => {
      const { storage, lying } = await empty();
      const stop = new AbortController();
      const name = nameIn(requestId());
      async function* hanging(): AsyncGenerator<Uint8Array> {
        yield* chunksOf(randomBytes(count * MIB), MIB);
        setTimeout(() => stop.abort(new Error('cancelled')), 50);
        await new Promise(() => {});
      }
      expect(await failureOf(storage.write(name, hanging(), stop.signal))).toBe(stop.signal.reason);
      expect(await failureOf(bytesOf(storage, name))).toMatchObject({ code: 'missing' });
      await expect.poll(lying, PATIENCE).toEqual([]);
    },
  );

  test('aborted before it begins, the source is not asked', async () => {
    const { storage, lying } = await empty();
    let asked = false;
    async function* source(): AsyncGenerator<Uint8Array> {
      asked = true;
      yield await Promise.resolve(Buffer.from('x'));
    }
    const gone = AbortSignal.abort(new Error('cancelled'));
    expect(await failureOf(storage.write(nameIn(requestId()), source(), gone))).toBe(gone.reason);
    expect([asked, lying()]).toEqual([false, []]);
  });

  test('all of a request goes but what is named; others keep theirs; twice is as once', async () => {
    const { storage, lying } = await empty();
    const [request, other] = [requestId(), requestId()];
    const [kept, going, foreign] = [nameIn(request), nameIn(request), nameIn(other)];
    for (const name of [kept, going, foreign]) await storage.write(name, chunksOf(Buffer.from(name), 9));
    for (let time = 0; time < 2; time += 1) {
      await storage.removeExcept(request, [kept]);
      expect(await failureOf(bytesOf(storage, going))).toMatchObject({ code: 'missing' });
      expect(String(await bytesOf(storage, kept))).toBe(kept);
    }
    for (let time = 0; time < 2; time += 1) await storage.removeExcept(request, []);
    expect(lying()).toHaveLength(1);
    expect(String(await bytesOf(storage, foreign))).toBe(foreign);
  });

  test.each(['..', '../x', 'x/..', '/etc/passwd', '.lethe-archives'])(
    '%s is no name: nothing is read, written or removed',
    async (odd) => {
      const { storage, lying } = await empty();
      const request = requestId();
      for (const name of [odd, `${request}/${odd}`, `${odd}/${randomUUID()}`, `${request}/../${nameIn(request)}`]) {
        expect(await failureOf(storage.write(name, chunksOf(Buffer.from('x'), 1)))).toBeInstanceOf(Error);
        expect(await failureOf((async () => bytesOf(storage, name))())).toBeInstanceOf(Error);
      }
      expect(await failureOf(storage.removeExcept(odd, []))).toBeInstanceOf(Error);
      expect(lying()).toEqual([]);
    },
  );

  test('everybody who begins at once finds one mark, and it stays', async () => {
    const { storage, lying } = await empty();
    const marks = await Promise.all(Array.from({ length: 20 }, () => storage.storageId()));
    expect(new Set([...marks, await storage.storageId()]).size).toBe(1);
    expect(marks[0]).toMatch(/^[0-9a-f-]{36}$/);
    expect(lying()).toHaveLength(1);
  });

  test('a reader who goes away in the middle harms nobody', async () => {
    const { storage } = await empty();
    const [name, bytes] = [nameIn(requestId()), randomBytes(3 * MIB)];
    await storage.write(name, chunksOf(bytes, MIB));
    for await (const chunk of storage.read(name)) if (chunk.length > 0) break;
    expect(sha(await bytesOf(storage, name))).toBe(sha(bytes));
  });
}
