import type { Contents, Manifest } from '../domain/archive.ts';
import { Measure } from './bytes.ts';
import { decrypt, encrypt } from './encryption.ts';
import { firstRows } from './first-rows.ts';
import { manifestOf } from './manifest.ts';
import { page } from './page/page.ts';
import { readPart } from './part.ts';
import type { ArchiveStorage } from './storage/storage.ts';
import { type ZipEntry, zip } from './zip.ts';

export interface Written {
  /** Of the ZIP, as it is downloaded. */
  readonly bytes: number;
  /** Of the same, in hexadecimal. */
  readonly sha256: string;
  readonly manifest: Manifest;
}

/**
 * Packs what was collected into one ZIP: `index.html` for the person it is about, `manifest.json`, and a file for each
 * table. Each part is compared with what was collected while it passes: one that differs fails the whole
 * (StorageError `damaged`), and nothing is left that could be read.
 */
export async function writeArchive(
  storage: ArchiveStorage,
  key: string,
  name: string,
  contents: Contents,
  signal: AbortSignal,
): Promise<Written> {
  const manifest = manifestOf(contents);
  const measure = new Measure();
  const archive = zip(entries(storage, key, contents, manifest), contents.packagedAt);
  await storage.write(name, encrypt(key, measure.of(archive)), signal);
  return { bytes: measure.bytes, sha256: measure.sha256(), manifest };
}

/** The plain ZIP. Who does not come to the end without an error has not got it whole. */
export const readArchive = (storage: ArchiveStorage, key: string, name: string): AsyncIterable<Uint8Array> =>
  decrypt(key, storage.read(name));

function entries(
  storage: ArchiveStorage,
  key: string,
  { request, parts }: Contents,
  manifest: Manifest,
): readonly ZipEntry[] {
  const showsRows = request.subjects === 1 && request.scope !== 'categories';
  const beginning = async (index: number) => {
    const part = parts[index];
    return part === undefined || !showsRows ? null : firstRows(storage, key, part, request.format);
  };
  const files = parts.flatMap((part, index): ZipEntry[] => {
    const path = manifest.files[index]?.path ?? null;
    return path === null ? [] : [{ path, bytes: () => readPart(storage, key, part, request.format) }];
  });
  return [
    { path: 'index.html', bytes: () => utf8(page(manifest, beginning)) },
    { path: 'manifest.json', bytes: () => utf8([`${JSON.stringify(manifest, null, 2)}\n`]) },
    ...files,
  ];
}

async function* utf8(texts: Iterable<string> | AsyncIterable<string>): AsyncGenerator<Uint8Array> {
  for await (const text of texts) yield Buffer.from(text);
}
