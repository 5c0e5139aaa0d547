import type { Contents, Manifest, ManifestFile } from '../domain/archive.ts';
import { StreamMeter, coalesce, splitIntoPieces } from './bytes.ts';
import { storedBlock } from './deflate.ts';
import { readFiles } from './files.ts';
import { readFirstRows } from './page/first-rows.ts';
import { buildManifest } from './manifest.ts';
import { renderPage } from './page/page.ts';
import { type ArchiveKeys, PartReader } from './part.ts';
import type { ArchiveStorage } from './storage/storage.ts';
import { untilAborted } from './until-aborted.ts';
import { type ZipBlock, type ZipEntry, zip } from './zip.ts';

/** An archive in the storage: what it contained when it was packed, and one object for each file of the manifest. */
export interface StoredArchive {
  readonly manifest: Manifest;
  readonly objects: readonly string[];
}

export interface ArchiveFigures {
  /** Size of the downloaded ZIP. */
  readonly bytes: number;
  /** SHA-256 of the downloaded ZIP, in hexadecimal. */
  readonly sha256: string;
  readonly manifest: Manifest;
}

const PIECE = 64 * 1024;
const TEXT_PIECE = 32 * 1024;

/**
 * Reads an archive as a download does, and returns its figures. Throws StorageError `damaged` if a part differs from what
 * was collected.
 */
export async function packArchive(
  storage: ArchiveStorage,
  keys: ArchiveKeys,
  contents: Contents,
  signal: AbortSignal,
): Promise<ArchiveFigures> {
  const manifest = buildManifest(contents);
  const objects = contents.parts.map(({ object }) => object);
  const meter = new StreamMeter();
  for await (const _ of untilAborted(meter.observe(readArchive(storage, keys, { manifest, objects })), signal));
  return { bytes: meter.bytes, sha256: meter.sha256(), manifest };
}

/**
 * Streams the ZIP: one file per table, or a folder of files, `index.html` for the data subject and `manifest.json`, without rows of subjects
 * whose key is destroyed. The download is complete only if the stream ends without an error.
 */
export const readArchive = (
  storage: ArchiveStorage,
  keys: ArchiveKeys,
  archive: StoredArchive,
): AsyncGenerator<Uint8Array> =>
  coalesce(zip(entries(storage, keys, archive), new Date(archive.manifest.packagedAt)), PIECE);

/** The page and the manifest are the last files, because they describe the rows that were read before. */
async function* entries(
  storage: ArchiveStorage,
  keys: ArchiveKeys,
  { manifest, objects }: StoredArchive,
): AsyncGenerator<ZipEntry> {
  const read: ManifestFile[] = [];
  const isPersonal = manifest.subjects + manifest.removedSubjects === 1 && manifest.scope !== 'categories';
  const firstRowsOf = async (index: number) => {
    const [object, file] = [objects[index], manifest.files[index]];
    if (object === undefined || file === undefined || file.hasFiles === true || !isPersonal) return null;
    return readFirstRows(storage, keys, object, file, manifest.format);
  };
  for (const [index, file] of manifest.files.entries()) {
    const { path } = file;
    const object = objects[index];
    if (path === null || object === undefined) {
      read.push(file);
      continue;
    }
    const reader = new PartReader(storage, keys, object, file);
    const end = () => void read.push({ ...file, ...reader.figures() });
    if (file.hasFiles === true) yield* readFiles(path, reader.blocks(), end);
    else
      yield {
        path,
        blocks: async function* () {
          yield* reader.blocks();
          end();
        },
      };
  }
  const current = (): Manifest => ({ ...manifest, files: read });
  yield { path: 'index.html', blocks: () => textBlocks(renderPage(current(), firstRowsOf)) };
  yield { path: 'manifest.json', blocks: () => textBlocks([`${JSON.stringify(current(), null, 2)}\n`]) };
}

/** Uncompressed, because compression gives other bytes on other machines. */
export async function* textBlocks(texts: Iterable<string> | AsyncIterable<string>): AsyncGenerator<ZipBlock> {
  for await (const raw of splitIntoPieces(utf8(texts), TEXT_PIECE)) yield { raw, deflated: storedBlock(raw) };
}

async function* utf8(texts: Iterable<string> | AsyncIterable<string>): AsyncGenerator<Uint8Array> {
  for await (const text of texts) yield Buffer.from(text);
}
