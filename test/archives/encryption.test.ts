import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { decrypt, encrypt, generateArchiveKey } from '../../archives/encryption.ts';
import { StorageError } from '../../archives/storage/storage.ts';
import { readAll } from './packing.ts';

async function* pieces(bytes: Uint8Array, size = 10_000): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

const CHUNK = 64 * 1024;
/** An encrypted chunk ends with a 16-byte authentication tag. */
const ENCRYPTED_CHUNK = CHUNK + 16;

const key = await generateArchiveKey();
const encrypted = (bytes: Uint8Array): Promise<Buffer> => readAll(encrypt(key, pieces(bytes)));
const damaged = expect.objectContaining({ name: 'StorageError', code: 'damaged' });

test.each([0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 7])('decrypts %i bytes unchanged', async (length) => {
  const bytes = randomBytes(length);
  const ciphertext = await encrypted(bytes);
  expect(await readAll(decrypt(key, pieces(ciphertext, 777)))).toEqual(bytes);
  expect(length > 20 && ciphertext.includes(bytes.subarray(0, 20))).toBe(false);
});

test('rejects another key and generates a different key each time', async () => {
  const other = await generateArchiveKey();
  expect(other).not.toBe(key);
  const ciphertext = await encrypted(Buffer.from('personal data'));
  await expect(readAll(decrypt(other, pieces(ciphertext)))).rejects.toEqual(damaged);
});

const bytes = randomBytes(3 * CHUNK + 500);
const ciphertext = await encrypted(bytes);
const start = ciphertext.length - 3 * ENCRYPTED_CHUNK - 500 - 16;
const chunk = (index: number): Buffer =>
  ciphertext.subarray(start + index * ENCRYPTED_CHUNK, start + (index + 1) * ENCRYPTED_CHUNK);
const header = ciphertext.subarray(0, start);

test.each<[string, Buffer]>([
  ['truncated after the header', header],
  ['truncated within the header', ciphertext.subarray(0, 30)],
  ['empty', Buffer.alloc(0)],
  ['truncated between two chunks', ciphertext.subarray(0, start + 2 * ENCRYPTED_CHUNK)],
  ['truncated within a chunk', ciphertext.subarray(0, start + ENCRYPTED_CHUNK + 99)],
  ['shortened by one byte', ciphertext.subarray(0, -1)],
  ['extended by one byte', Buffer.concat([ciphertext, Buffer.from([0])])],
  ['appended to itself', Buffer.concat([ciphertext, ciphertext])],
  ['reordered', Buffer.concat([header, chunk(1), chunk(0), ciphertext.subarray(start + 2 * ENCRYPTED_CHUNK)])],
  [
    'changed to contain a chunk twice',
    Buffer.concat([header, chunk(0), chunk(0), ciphertext.subarray(start + ENCRYPTED_CHUNK)]),
  ],
  ['missing its first chunk', Buffer.concat([header, ciphertext.subarray(start + ENCRYPTED_CHUNK)])],
  ['not encrypted', bytes],
])('rejects an object that is %s and yields authentic bytes only', async (_what, object) => {
  const got: Uint8Array[] = [];
  const reading = (async () => {
    for await (const piece of decrypt(key, pieces(object))) got.push(piece);
  })();
  await expect(reading).rejects.toEqual(damaged);
  const text = Buffer.concat(got);
  expect(text).toEqual(bytes.subarray(0, text.length));
  expect(text.length).toBeLessThan(bytes.length);
});

test('rejects an object when any single byte is changed', async () => {
  const short = await encrypted(Buffer.from('the personal data of one user'));
  for (let at = 0; at < short.length; at += 1) {
    const changed = Buffer.from(short);
    changed[at] = (changed[at] ?? 0) ^ 1;
    await expect(readAll(decrypt(key, pieces(changed))), `byte ${at}`).rejects.toEqual(damaged);
  }
});

test('passes on an error of the storage instead of reporting damage', async () => {
  const unreachable = new StorageError('unavailable', 'unreachable');
  const failing = async function* (): AsyncGenerator<Uint8Array> {
    yield ciphertext.subarray(0, start + ENCRYPTED_CHUNK + 5);
    throw unreachable;
  };
  await expect(readAll(decrypt(key, failing()))).rejects.toBe(unreachable);
  const missing = async function* (): AsyncGenerator<Uint8Array> {
    yield await Promise.reject(new StorageError('missing', 'none'));
  };
  await expect(readAll(decrypt(key, missing()))).rejects.toMatchObject({ code: 'missing' });
});

test('passes on an error of the source during encryption', async () => {
  const reason = new Error('the system became unreachable');
  const failing = async function* (): AsyncGenerator<Uint8Array> {
    yield randomBytes(200_000);
    throw reason;
  };
  await expect(readAll(encrypt(key, failing()))).rejects.toBe(reason);
});

test.each([
  ['encrypt', encrypt, bytes],
  ['decrypt', decrypt, ciphertext],
  ['decrypt of other data', decrypt, randomBytes(500_000)],
] as const)(
  'closes the source of %s when the reader stops or the operation fails',
  async (_name, operation, source) => {
    let closed = false;
    const tracked = async function* (): AsyncGenerator<Uint8Array> {
      try {
        yield* pieces(source);
      } finally {
        closed = true;
      }
    };
    const reading = (async () => {
      for await (const _ of operation(key, tracked())) break;
    })();
    const [ended] = await Promise.allSettled([reading]);
    expect([undefined, damaged]).toContainEqual(ended.status === 'rejected' ? ended.reason : undefined);
    await expect.poll(() => closed).toBe(true);
  },
);
