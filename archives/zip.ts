import { PassThrough, Readable } from 'node:stream';
import { ZipFile } from 'yazl';

/** A file of the archive. `bytes` is called when the file is written. */
export interface ZipEntry {
  readonly path: string;
  bytes(): AsyncIterable<Uint8Array>;
}

/** Measured with 20 MB of events: 90 ms, compressed to 17 %. Level 6: 220 ms, 16 %. */
const LEVEL = 1;
/** Unpacked files contain personal data, so only their owner may read them. */
const MODE = 0o100600;

/** Streams a ZIP (ZIP64 where needed) without buffering it. An early return closes the entry that is being read. */
export async function* zip(entries: readonly ZipEntry[], madeAt: Date): AsyncGenerator<Uint8Array> {
  const file = new ZipFile();
  const archive = new PassThrough();
  let reading: Readable | undefined;
  for (const { path, bytes } of entries)
    file.addReadStreamLazy(
      path,
      { mtime: dayOf(madeAt), forceDosTimestamp: true, mode: MODE, compressionLevel: LEVEL },
      (read) => {
        reading = Readable.from(bytes(), { objectMode: false }).once('error', (error) => archive.destroy(error));
        read(null, reading);
      },
    );
  file.once('error', (error: Error) => archive.destroy(error));
  file.end();
  file.outputStream.pipe(archive);
  try {
    yield* archive as AsyncIterable<Uint8Array>;
  } finally {
    reading?.destroy();
  }
}

/** A ZIP stores local time. Noon of the UTC day exists in every time zone, so equal contents give equal bytes. */
const dayOf = (at: Date): Date => new Date(at.getUTCFullYear(), at.getUTCMonth(), at.getUTCDate(), 12);
