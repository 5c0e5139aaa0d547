import { expect, test } from 'vitest';
import { type Entry, fromBufferPromise } from 'yauzl';
import { zip } from '../../archives/zip.ts';
import { sized } from '../support/size.ts';
import { whole } from './packing.ts';

const AT = new Date('2026-03-01T08:01:00Z');
const MIB = 1024 * 1024;
const LARGE = sized(5, 4_097);

const MORE = sized('4 MiB is packed', '4 GiB is packed as ZIP64');

test(`a file of more than ${MORE}, and what follows it is found`, { timeout: 180_000 }, async () => {
  const piece = Buffer.alloc(MIB, 'a');
  const large = async function* (): AsyncGenerator<Uint8Array> {
    for (let written = 0; written < LARGE; written += 1) yield piece;
  };
  const small = async function* (): AsyncGenerator<Uint8Array> {
    yield Buffer.from('behind it');
  };
  const packed = await whole(
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
  expect((await whole(await reader.openReadStreamPromise(second))).toString()).toBe('behind it');
});

test('an entry that fails fails the archive with its own reason, and the next is not begun', async () => {
  const reason = new Error('the storage went away');
  let begun = 0;
  const failing = async function* (): AsyncGenerator<Uint8Array> {
    begun += 1;
    yield Buffer.alloc(300_000, 'a');
    throw reason;
  };
  const entries = ['first', 'second'].map((path) => ({ path, bytes: failing }));
  await expect(whole(zip(entries, AT))).rejects.toBe(reason);
  expect(begun).toBe(1);
});

test('whoever leaves early closes the file that is being read', async () => {
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

test('it is read no faster than it is written', async () => {
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
