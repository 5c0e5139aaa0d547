import { describe, expect, test } from 'vitest';
import { objectsOf } from '../../../connectors/catalogue/files/lines.ts';
import { filesOf } from '../../../connectors/catalogue/files/zip.ts';
import { encryptedZip } from '../../support/servers/stand-ins/server/zip.ts';
import { zip } from '../../../archives/zip.ts';

/** The bytes in pieces, as a connection delivers them. */
async function* inPieces(bytes: Buffer, size: number): AsyncGenerator<Uint8Array> {
  for (let from = 0; from < bytes.length; from += size) yield bytes.subarray(from, from + size);
}

async function textsOf(bytes: Buffer, { password = 'secret', size = 7 } = {}): Promise<string[]> {
  const texts: string[] = [];
  for await (const file of filesOf(inPieces(bytes, size), password)) {
    const pieces: Uint8Array[] = [];
    for await (const piece of file) pieces.push(piece);
    texts.push(Buffer.concat(pieces).toString('utf8'));
  }
  return texts;
}

describe('filesOf', () => {
  const files = { 'a.json': 'ä'.repeat(100_000), 'empty.json': '', 'b.json': '{"b":1}\n' };

  test.each([1, 7, 65_536])(
    'decrypts and inflates each file of an encrypted ZIP that arrives in pieces of %s bytes',
    async (size) => {
      expect(await textsOf(encryptedZip(files, 'secret'), { size })).toEqual(Object.values(files));
    },
  );

  test('refuses a wrong password', async () => {
    await expect(textsOf(encryptedZip(files, 'secret'), { password: 'other' })).rejects.toMatchObject({
      retryable: false,
    });
  });

  test('throws a retryable error when the ZIP ends early', async () => {
    const whole = encryptedZip({ 'b.json': 'x'.repeat(1000) }, 'secret');
    await expect(textsOf(whole.subarray(0, 45))).rejects.toMatchObject({ retryable: true });
  });

  test('refuses a ZIP whose sizes follow the data', async () => {
    const pieces: Uint8Array[] = [];
    for await (const piece of zip([], new Date())) pieces.push(piece);
    const header = Buffer.alloc(30);
    header.writeUInt32LE(0x04_03_4b_50, 0);
    header.writeUInt16LE(8, 6);
    await expect(textsOf(Buffer.concat([header, ...pieces]))).rejects.toMatchObject({ retryable: false });
    expect(await textsOf(Buffer.concat(pieces))).toEqual([]);
  });
});

describe('objectsOf', () => {
  test('parses one object per line across pieces, and refuses other lines without their text', async () => {
    const objects = [];
    for await (const object of objectsOf(inPieces(Buffer.from('{"a":"ü"}\n\n{"b":2}'), 1))) objects.push(object);
    expect(objects).toEqual([{ a: 'ü' }, { b: 2 }]);
    const broken = objectsOf(inPieces(Buffer.from('{"a":1}\nperson@x.test'), 4));
    await broken.next();
    await expect(broken.next()).rejects.toMatchObject({ message: 'refused file_is_not_ndjson' });
  });
});
