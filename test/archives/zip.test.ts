import { expect, test } from 'vitest';
import { type Entry, fromBufferPromise } from 'yauzl';
import { zip } from '../../archives/zip.ts';
import { sized } from '../support/size.ts';
import { readAll } from './packing.ts';

const AT = new Date('2026-03-01T08:01:00Z');
const MIB = 1024 * 1024;
const LARGE = sized(5, 4_097);

const SIZE = sized('4 MiB', '4 GiB, as ZIP64,');

test(`packs a file of more than ${SIZE} and the entry after it`, { timeout: 180_000 }, async () => {
  const piece = Buffer.alloc(MIB, 'a');
  const large = async function* (): AsyncGenerator<Uint8Array> {
    for (let written = 0; written < LARGE; written += 1) yield piece;
  };
  const small = async function* (): AsyncGenerator<Uint8Array> {
    yield Buffer.from('second file');
  };
  const packed = await readAll(
    zip(
      [
        { path: 'large', bytes: large },
        { path: 'small', bytes: small },
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
  const failing = async function* (): AsyncGenerator<Uint8Array> {
    started += 1;
    yield Buffer.alloc(300_000, 'a');
    throw reason;
  };
  const entries = ['first', 'second'].map((path) => ({ path, bytes: failing }));
  await expect(readAll(zip(entries, AT))).rejects.toBe(reason);
  expect(started).toBe(1);
});

test('closes the open entry when the reader stops early', async () => {
  let closed = false;
  const endless = async function* (): AsyncGenerator<Uint8Array> {
    try {
      for (;;) yield crypto.getRandomValues(new Uint8Array(60_000));
    } finally {
      closed = true;
    }
  };
  for await (const _ of zip([{ path: 'endless', bytes: endless }], AT)) break;
  await expect.poll(() => closed).toBe(true);
});

test('reads entries no faster than the archive is consumed', async () => {
  let read = 0;
  const endless = async function* (): AsyncGenerator<Uint8Array> {
    for (;;) {
      read += 60_000;
      yield crypto.getRandomValues(new Uint8Array(60_000));
    }
  };
  const archive = zip([{ path: 'endless', bytes: endless }], AT);
  await archive.next();
  await new Promise((resolve) => {
    setTimeout(resolve, 300);
  });
  expect(read).toBeLessThan(2 * MIB);
  await archive.return(undefined);
});
