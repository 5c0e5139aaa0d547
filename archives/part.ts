import { createHash } from 'node:crypto';
import type { ExportedTable } from '../connectors/connector.ts';
import type { PartFacts } from '../domain/archive.ts';
import { coalesce } from './bytes.ts';
import { deflateBlock, inflateBlock } from './deflate.ts';
import { decrypt, encrypt } from './encryption.ts';
import { decodeFrames, encodeFrame } from './frames.ts';
import { type FileHead, decodeFileHead, encodeFileHead } from './files.ts';
import { type ArchiveStorage, StorageError } from './storage/storage.ts';
import type { SubjectKeys } from './subject-keys.ts';

/** With smaller chunks, the overhead per call exceeds the cost of the encryption. */
const PIECE = 64 * 1024;
const NO_BYTES = Buffer.alloc(0);

/** The keys of an export. */
export interface ArchiveKeys {
  /** Encrypts all objects of the export. */
  readonly key: string;
  /** Encrypt the rows of each subject. */
  readonly subjects: SubjectKeys;
}

export interface PartOptions {
  readonly signal: AbortSignal;
  /** Receives the totals of the table so far. `rows` is null until the end of the table. */
  onProgress(rows: number | null, bytes: number): void;
}

/**
 * Writes a table as one object, as a stream. The rows of each subject are compressed and encrypted with the key of the
 * subject, then everything with the key of the export. Every part has an object; for `categories` it is empty.
 */
export async function writePart(
  storage: ArchiveStorage,
  { key, subjects }: ArchiveKeys,
  name: string,
  table: ExportedTable,
  options: PartOptions,
): Promise<PartFacts> {
  const hash = createHash('sha256');
  const part = partId(name);
  const total = { rows: 0, bytes: 0 };
  async function* frames(): AsyncGenerator<Uint8Array> {
    let number = 0;
    const frame = async (owners: readonly number[], rows: number, bytes: Buffer) => {
      const encrypted = subjects.apply(owners, { part, number }, await deflateBlock(bytes));
      number += 1;
      return encodeFrame({ owners, rows, length: bytes.length, bytes: encrypted });
    };
    for await (const { owners, rows, bytes, file } of table.rows) {
      if (file !== undefined) {
        total.rows += 1;
        yield* await frame(owners, 1, encodeFileHead({ ...file, number: total.rows }));
      }
      if (file !== undefined && bytes.length === 0) continue;
      hash.update(bytes);
      total.rows += file === undefined ? rows : 0;
      total.bytes += bytes.length;
      options.onProgress(null, total.bytes);
      yield* await frame(owners, file === undefined ? rows : 0, bytes);
    }
  }
  await storage.write(name, encrypt(key, coalesce(frames(), PIECE)), options.signal);
  const figures = table.figures();
  if (figures.bytes !== total.bytes || (total.bytes > 0 && figures.rows !== total.rows))
    throw new Error(`${table.table}: the connector reports other rows or bytes than it returned`);
  options.onProgress(figures.rows, figures.bytes);
  const { meaning, columns, windowed, retained, anonymised, hasFiles } = table;
  return {
    table: table.table,
    meaning,
    columns,
    windowed,
    retained,
    anonymised,
    ...(hasFiles === true && { hasFiles }),
    ...figures,
    sha256: hash.digest('hex'),
  };
}

/** The name of an object is its only UUID, so no two parts have the same. */
const partId = (name: string): Buffer => createHash('sha256').update(name).digest();

/** Whole rows of a part, once as they are and once as blocks of a DEFLATE stream. */
export interface PartBlock {
  readonly raw: Buffer;
  readonly deflated: Buffer;
  /** A file begins after this block, which is empty. */
  readonly file?: FileHead;
}
type Collected = Pick<PartFacts, 'rows' | 'bytes' | 'sha256'>;

/** Reads the rows of the subjects that are still in the archive. They are verified only if `blocks` ends without an error. */
export class PartReader {
  readonly #hash = createHash('sha256');
  #rows = 0;
  #bytes = 0;
  readonly #blocks: AsyncGenerator<PartBlock>;

  constructor(
    storage: ArchiveStorage,
    keys: ArchiveKeys,
    object: string,
    facts: Collected & Pick<PartFacts, 'hasFiles'>,
  ) {
    this.#blocks = this.#read(storage, keys, object, facts);
  }

  /** Can be read once. Throws StorageError `damaged` when the part differs from what was collected. */
  blocks(): AsyncGenerator<PartBlock> {
    return this.#blocks;
  }

  /** The figures of the rows that were read. Can be called once, after the end of `blocks`. */
  figures(): Collected {
    return { rows: this.#rows, bytes: this.#bytes, sha256: this.#hash.digest('hex') };
  }

  async *#read(
    storage: ArchiveStorage,
    keys: ArchiveKeys,
    object: string,
    facts: Collected & Pick<PartFacts, 'hasFiles'>,
  ): AsyncGenerator<PartBlock> {
    const removed = { rows: 0, bytes: 0 };
    const part = partId(object);
    let number = -1;
    for await (const { owners, rows, length, bytes } of decodeFrames(decrypt(keys.key, storage.read(object)))) {
      number += 1;
      // In a table of files, each frame with a row is the head of a file, and does not count as bytes.
      const isHead = facts.hasFiles === true && rows > 0;
      if (!keys.subjects.hasAll(owners)) {
        removed.rows += rows;
        removed.bytes += isHead ? 0 : length;
        continue;
      }
      const deflated = keys.subjects.apply(owners, { part, number }, bytes);
      const raw = await inflateBlock(deflated, length);
      if (isHead) {
        this.#rows += rows;
        yield { raw: NO_BYTES, deflated: NO_BYTES, file: decodeFileHead(raw) };
        continue;
      }
      this.#hash.update(raw);
      this.#rows += rows;
      this.#bytes += length;
      yield { raw, deflated };
    }
    // For `categories`, the rows are only counted.
    const isComplete =
      this.#bytes + removed.bytes === facts.bytes &&
      (facts.bytes === 0 || this.#rows + removed.rows === facts.rows) &&
      (removed.bytes > 0 || this.#hash.copy().digest('hex') === facts.sha256);
    if (!isComplete) throw new StorageError('damaged', 'a table differs from what was collected');
  }
}
