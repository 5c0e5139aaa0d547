import { spawnSync } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { expect } from 'vitest';
import { fromBufferPromise } from 'yauzl';
import { type ArchiveFigures, type StoredArchive, packArchive, readArchive } from '../../archives/archive.ts';
import { generateArchiveKey } from '../../archives/encryption.ts';
import { type ArchiveKeys, writePart } from '../../archives/part.ts';
import type { ArchiveStorage } from '../../archives/storage/storage.ts';
import { SubjectKeys } from '../../archives/subject-keys.ts';
import type { ExportedColumn, ExportedTable } from '../../connectors/connector.ts';
import type { Contents, Part } from '../../domain/archive.ts';
import { requestId } from '../connectors/fixture.ts';

export const NO_PROGRESS = { signal: new AbortController().signal, onProgress: () => {} };

export const column = (name: string, more: Partial<ExportedColumn> = {}): ExportedColumn => ({
  name,
  type: 'text',
  meaning: null,
  source: false,
  ...more,
});

/** A table as a connector returns it, with the text of its NDJSON or CSV file. All rows belong to subject 1. */
export function table(
  name: string,
  text: string,
  more: Partial<ExportedTable> & { count?: number } = {},
): ExportedTable {
  const rows = more.count ?? text.split('\n').length - 1;
  return {
    table: name,
    meaning: null,
    columns: [column('id')],
    windowed: false,
    retained: null,
    anonymised: [],
    rows: (async function* () {
      if (text !== '') yield { owners: [1], rows, bytes: Buffer.from(text) };
    })(),
    figures: () => ({ rows, bytes: Buffer.byteLength(text) }),
    ...more,
  };
}

export const lines = (...rows: readonly unknown[]): string => rows.map((row) => `${JSON.stringify(row)}\n`).join('');

export interface PackingContext {
  readonly storage: ArchiveStorage;
  readonly keys: ArchiveKeys;
  readonly requestId: string;
  newName(): string;
}

export async function packingContext(storage: ArchiveStorage): Promise<PackingContext> {
  const id = requestId();
  const keys = { key: await generateArchiveKey(), subjects: subjectKeys([0, 1, 2, 3, 4, 5, 6]) };
  return { storage, keys, requestId: id, newName: () => `${id}/${randomUUID()}` };
}

/** The same subject has the same key in every test, so that a test can leave one out. */
export const subjectKeys = (seqs: readonly number[]): SubjectKeys =>
  new SubjectKeys(seqs.map((seq) => ({ seq, key: createHash('sha256').update(`key of ${seq}`).digest() })));

/** Writes the tables of a system as parts. */
export async function collect(
  { storage, keys, newName }: PackingContext,
  tables: Iterable<ExportedTable> | AsyncIterable<ExportedTable>,
  system = 'app',
): Promise<readonly Part[]> {
  const parts: Part[] = [];
  for await (const each of tables) {
    const object = newName();
    parts.push({ system, object, facts: await writePart(storage, keys, object, each, NO_PROGRESS) });
  }
  return parts;
}

export const contents = (
  parts: readonly Part[],
  request: Partial<Contents['request']> = {},
  more: Partial<Contents> = {},
): Contents => ({
  request: {
    id: `req_${'7'.repeat(32)}`,
    project: 'demo',
    subjectKind: 'user',
    regulation: 'gdpr',
    scope: 'data',
    format: 'ndjson',
    receivedAt: new Date('2026-03-01T08:00:00Z'),
    since: null,
    subjects: 1,
    ...request,
  },
  systems: [{ system: 'app', cutOffAt: new Date('2026-03-01T08:00:05Z') }],
  parts,
  packagedAt: new Date('2026-03-01T08:01:00Z'),
  ...more,
});

export interface Packed extends ArchiveFigures {
  readonly archive: StoredArchive;
  readonly zip: Buffer;
  readonly files: ReadonlyMap<string, Buffer>;
  text(path: string): string;
}

/** Packs an archive, reads it as a download does, and unpacks all files. */
export async function pack({ storage, keys }: PackingContext, packed: Contents): Promise<Packed> {
  const figures = await packArchive(storage, keys, packed, NO_PROGRESS.signal);
  const archive = { manifest: figures.manifest, objects: packed.parts.map(({ object }) => object) };
  return { ...figures, archive, ...(await download(storage, keys, archive)) };
}

/** Reads an archive as a download does, and unpacks all files. */
export async function download(storage: ArchiveStorage, keys: ArchiveKeys, archive: StoredArchive) {
  const zip = await readAll(readArchive(storage, keys, archive));
  const files = await unpack(zip);
  const text = (path: string): string => {
    const file = files.get(path);
    if (file === undefined) throw new Error(`${path} is not in the archive`);
    return file.toString();
  };
  return { zip, files, text };
}

export async function readAll(bytes: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of bytes) pieces.push(piece);
  return Buffer.concat(pieces);
}

/** Unpacks all files and compares them with the lengths and CRCs in the archive. */
export async function unpack(zip: Buffer): Promise<ReadonlyMap<string, Buffer>> {
  const files = new Map<string, Buffer>();
  const reader = await fromBufferPromise(zip, { lazyEntries: true });
  for await (const entry of reader.eachEntry()) {
    const bytes = await readAll(await reader.openReadStreamPromise(entry));
    expect(bytes).toHaveLength(entry.uncompressedSize);
    expect(crc32(bytes)).toBe(entry.crc32);
    expect(files.has(entry.fileName)).toBe(false);
    files.set(entry.fileName, bytes);
  }
  return files;
}

/** The exit code of `unzip -t`, or null if `unzip` is not installed. */
export function unzipTest(zip: Buffer): number | null {
  const folder = mkdtempSync(join(tmpdir(), 'lethe-unzip-'));
  try {
    writeFileSync(join(folder, 'a.zip'), zip);
    return spawnSync('unzip', ['-tqq', join(folder, 'a.zip')]).status;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
