import { expect, test } from 'vitest';
import { type Entry, fromBufferPromise } from 'yauzl';
import { deflateBlock, storedBlock } from '../../archives/deflate.ts';
import { type ZipBlock, zip } from '../../archives/zip.ts';
import { sized } from '../support/size.ts';
import { readAll } from './packing.ts';

const stored = (raw: Uint8Array): ZipBlock => ({ raw, deflated: storedBlock(raw) });
const AT = new Date('2026-03-01T08:01:00Z');
const MIB = 1024 * 1024;
const LARGE = sized(5, 4_097);

const SIZE = sized('4 MiB', '4 GiB, as ZIP64,');

test(`packs a file of more than ${SIZE} and the entry after it`, { timeout: 180_000 }, async () => {
  const raw = Buffer.alloc(MIB, 'a');
  const piece = { raw, deflated: await deflateBlock(raw) };
  const large = async function* (): AsyncGenerator<ZipBlock> {
    for (let written = 0; written < LARGE; written += 1) yield piece;
  };
  const small = async function* (): AsyncGenerator<ZipBlock> {
    yield stored(Buffer.from('second file'));
  };
  const packed = await readAll(
    zip(
      [
        { path: 'large', blocks: large },
        { path: 'small', blocks: small },
      ],
      AT,
    ),
  );
  const reader = await fromBufferPromise(packed, { lazyEntries: true });
  const entries: Entry[] = [];
  for await (const entry of reader.eachEntry()) entries.push(entry);
  const [first, second] = entries;
  expect(first).toMatchObject({ fileName: 'large', uncompressedSize: LARGE * MIB });
  if (second === undefined) throw new Error('there are two');
  expect((await readAll(await reader.openReadStreamPromise(second))).toString()).toBe('second file');
});

test('passes on the error of an entry and does not start the next one', async () => {
  const reason = new Error('the storage became unavailable');
  let started = 0;
  const failing = async function* (): AsyncGenerator<ZipBlock> {
    started += 1;
    yield stored(Buffer.alloc(60_000, 'a'));
    throw reason;
  };
  const entries = ['first', 'second'].map((path) => ({ path, blocks: failing }));
  await expect(readAll(zip(entries, AT))).rejects.toBe(reason);
  expect(started).toBe(1);
});

test('closes the open entry when the reader stops early', async () => {
  let closed = false;
  const endless = async function* (): AsyncGenerator<ZipBlock> {
    try {
      for (;;) yield stored(crypto.getRandomValues(new Uint8Array(60_000)));
    } finally {
      closed = true;
    }
  };
  let read = 0;
  for await (const piece of zip([{ path: 'endless', blocks: endless }], AT)) if ((read += piece.length) > 60_000) break;
  await expect.poll(() => closed).toBe(true);
});

test('reads entries no faster than the archive is consumed', async () => {
  let read = 0;
  const endless = async function* (): AsyncGenerator<ZipBlock> {
    for (;;) {
      read += 60_000;
      yield stored(crypto.getRandomValues(new Uint8Array(60_000)));
    }
  };
  const archive = zip([{ path: 'endless', blocks: endless }], AT);
  await archive.next();
  await new Promise((resolve) => {
    setTimeout(resolve, 300);
  });
  expect(read).toBeLessThan(2 * MIB);
  await archive.return(undefined);
});
