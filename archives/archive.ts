import type { Contents, Manifest } from '../domain/archive.ts';
import { StreamMeter } from './bytes.ts';
import { decrypt, encrypt } from './encryption.ts';
import { readFirstRows } from './first-rows.ts';
import { buildManifest } from './manifest.ts';
import { renderPage } from './page/page.ts';
import { readPart } from './part.ts';
import type { ArchiveStorage } from './storage/storage.ts';
import { type ZipEntry, zip } from './zip.ts';

export interface ArchiveFigures {
  /** Size of the downloaded ZIP. */
  readonly bytes: number;
  /** SHA-256 of the downloaded ZIP, in hexadecimal. */
  readonly sha256: string;
  readonly manifest: Manifest;
}

/**
 * Packs the parts into one encrypted ZIP: `index.html` for the data subject, `manifest.json` and one file per table.
 * Throws StorageError `damaged` if a part differs from what was collected; then no archive remains in the storage.
 */
export async function writeArchive(
  storage: ArchiveStorage,
  key: string,
  name: string,
  contents: Contents,
  signal: AbortSignal,
): Promise<ArchiveFigures> {
  const manifest = buildManifest(contents);
  const meter = new StreamMeter();
  const archive = zip(entries(storage, key, contents, manifest), contents.packagedAt);
  await storage.write(name, encrypt(key, meter.observe(archive)), signal);
  return { bytes: meter.bytes, sha256: meter.sha256(), manifest };
}

/** Streams the decrypted ZIP. The download is complete only if the stream ends without an error. */
export const readArchive = (storage: ArchiveStorage, key: string, name: string): AsyncIterable<Uint8Array> =>
  decrypt(key, storage.read(name));

function entries(
  storage: ArchiveStorage,
  key: string,
  { request, parts }: Contents,
  manifest: Manifest,
): readonly ZipEntry[] {
  const showsRows = request.subjects === 1 && request.scope !== 'categories';
  const firstRowsOf = async (index: number) => {
    const part = parts[index];
    return part === undefined || !showsRows ? null : readFirstRows(storage, key, part, request.format);
  };
  const files = parts.flatMap((part, index): ZipEntry[] => {
    const path = manifest.files[index]?.path ?? null;
    return path === null ? [] : [{ path, bytes: () => readPart(storage, key, part, request.format) }];
  });
  return [
    { path: 'index.html', bytes: () => utf8(renderPage(manifest, firstRowsOf)) },
    { path: 'manifest.json', bytes: () => utf8([`${JSON.stringify(manifest, null, 2)}\n`]) },
    ...files,
  ];
}

async function* utf8(texts: Iterable<string> | AsyncIterable<string>): AsyncGenerator<Uint8Array> {
  for await (const text of texts) yield Buffer.from(text);
}
