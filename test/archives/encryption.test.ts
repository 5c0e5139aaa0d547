import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { decrypt, encrypt, generateArchiveKey } from '../../archives/encryption.ts';
import { StorageError } from '../../archives/storage/storage.ts';
import { whole } from './packing.ts';

async function* pieces(bytes: Uint8Array, size = 10_000): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

const CHUNK = 64 * 1024;
/** What age puts before and around the first chunk; the last 16 bytes of a chunk say that it is authentic. */
const SEALED = CHUNK + 16;

const key = await generateArchiveKey();
const encrypted = (bytes: Uint8Array): Promise<Buffer> => whole(encrypt(key, pieces(bytes)));
const damaged = expect.objectContaining({ name: 'StorageError', code: 'damaged' });

test.each([0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 7])('%i bytes come back as they were', async (length) => {
  const bytes = randomBytes(length);
  const sealed = await encrypted(bytes);
  expect(await whole(decrypt(key, pieces(sealed, 777)))).toEqual(bytes);
  expect(length > 20 && sealed.includes(bytes.subarray(0, 20))).toBe(false);
});

test('another key opens nothing, and each export has another', async () => {
  const other = await generateArchiveKey();
  expect(other).not.toBe(key);
  const sealed = await encrypted(Buffer.from('of somebody'));
  await expect(whole(decrypt(other, pieces(sealed)))).rejects.toEqual(damaged);
});

const bytes = randomBytes(3 * CHUNK + 500);
const sealed = await encrypted(bytes);
const start = sealed.length - 3 * SEALED - 500 - 16;
const chunk = (index: number): Buffer => sealed.subarray(start + index * SEALED, start + (index + 1) * SEALED);
const header = sealed.subarray(0, start);

test.each<[string, Buffer]>([
  ['cut after the header', header],
  ['cut amid the header', sealed.subarray(0, 30)],
  ['empty', Buffer.alloc(0)],
  ['cut between two chunks', sealed.subarray(0, start + 2 * SEALED)],
  ['cut amid a chunk', sealed.subarray(0, start + SEALED + 99)],
  ['cut by one byte', sealed.subarray(0, -1)],
  ['longer by one byte', Buffer.concat([sealed, Buffer.from([0])])],
  ['followed by itself', Buffer.concat([sealed, sealed])],
  [
    'with two chunks in each other’s place',
    Buffer.concat([header, chunk(1), chunk(0), sealed.subarray(start + 2 * SEALED)]),
  ],
  ['with a chunk twice', Buffer.concat([header, chunk(0), chunk(0), sealed.subarray(start + SEALED)])],
  ['without its first chunk', Buffer.concat([header, sealed.subarray(start + SEALED)])],
  ['in clear', bytes],
])('an object that is %s is refused, and nothing of it is other than what was written', async (_what, object) => {
  const got: Uint8Array[] = [];
  const reading = (async () => {
    for await (const piece of decrypt(key, pieces(object))) got.push(piece);
  })();
  await expect(reading).rejects.toEqual(damaged);
  const text = Buffer.concat(got);
  expect(text).toEqual(bytes.subarray(0, text.length));
  expect(text.length).toBeLessThan(bytes.length);
});

test('whichever byte is changed, the object is refused', async () => {
  const short = await encrypted(Buffer.from('everything that is held on one person'));
  for (let at = 0; at < short.length; at += 1) {
    const changed = Buffer.from(short);
    changed[at] = (changed[at] ?? 0) ^ 1;
    await expect(whole(decrypt(key, pieces(changed))), `byte ${at}`).rejects.toEqual(damaged);
  }
});

test('what the storage cannot read is told as the storage told it, not as damage', async () => {
  const away = new StorageError('unavailable', 'away');
  const failing = async function* (): AsyncGenerator<Uint8Array> {
    yield sealed.subarray(0, start + SEALED + 5);
    throw away;
  };
  await expect(whole(decrypt(key, failing()))).rejects.toBe(away);
  const missing = async function* (): AsyncGenerator<Uint8Array> {
    yield await Promise.reject(new StorageError('missing', 'none'));
  };
  await expect(whole(decrypt(key, missing()))).rejects.toMatchObject({ code: 'missing' });
});

test('what fails before it is encrypted is told as it is', async () => {
  const reason = new Error('the system went away');
  const failing = async function* (): AsyncGenerator<Uint8Array> {
    yield randomBytes(200_000);
    throw reason;
  };
  await expect(whole(encrypt(key, failing()))).rejects.toBe(reason);
});

test.each([
  ['encrypt', encrypt, bytes],
  ['decrypt', decrypt, sealed],
  ['decrypt of something else', decrypt, randomBytes(500_000)],
] as const)('%s closes its source when its reader leaves or it fails', async (_what, verb, source) => {
  let closed = false;
  const watched = async function* (): AsyncGenerator<Uint8Array> {
    try {
      yield* pieces(source);
    } finally {
      closed = true;
    }
  };
  const reading = (async () => {
    for await (const _ of verb(key, watched())) break;
  })();
  const [ended] = await Promise.allSettled([reading]);
  expect([undefined, damaged]).toContainEqual(ended.status === 'rejected' ? ended.reason : undefined);
  await expect.poll(() => closed).toBe(true);
});
