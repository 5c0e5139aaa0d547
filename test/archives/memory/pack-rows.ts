import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packArchive } from '../../../archives/archive.ts';
import { generateArchiveKey } from '../../../archives/encryption.ts';
import { folderStorage } from '../../../archives/storage/folder.ts';
import { writePart } from '../../../archives/part.ts';
import { SubjectKeys } from '../../../archives/subject-keys.ts';
import type { OwnedRows } from '../../../connectors/connector.ts';

/** Started by memory.test.ts. Collects and packs the given number of rows and prints the peak memory of the process. */
const ROWS = Number(process.argv[2]);
const ROWS_PER_PIECE = 1_000;

const pieces = Array.from({ length: 10 }, (_, piece) =>
  Buffer.from(
    Array.from(
      { length: ROWS_PER_PIECE },
      (_row, row) =>
        `{"event_id":${piece * ROWS_PER_PIECE + row},"note":"${randomUUID()} of a page view in the demo"}\n`,
    ).join(''),
  ),
);
let bytes = 0;
async function* rows(): AsyncGenerator<OwnedRows> {
  for (let row = 0; row < ROWS; row += ROWS_PER_PIECE) {
    const piece = pieces[(row / ROWS_PER_PIECE) % pieces.length] ?? Buffer.alloc(0);
    bytes += piece.length;
    yield { owners: [1], rows: ROWS_PER_PIECE, bytes: piece };
  }
}

const folder = mkdtempSync(join(tmpdir(), 'lethe-memory-'));
try {
  const storage = folderStorage(folder);
  const subjects = new SubjectKeys([{ seq: 1, key: randomBytes(32) }]);
  const keys = { key: await generateArchiveKey(), subjects };
  const requestId = `req_${'0'.repeat(32)}`;
  const options = { signal: new AbortController().signal, onProgress: () => {} };
  const object = `${requestId}/${randomUUID()}`;
  const facts = await writePart(
    storage,
    keys,
    object,
    {
      table: 'app.events',
      meaning: null,
      columns: [],
      windowed: false,
      retained: null,
      anonymised: [],
      rows: rows(),
      figures: () => ({ rows: ROWS, bytes }),
    },
    options,
  );
  const request = {
    id: requestId,
    project: 'demo',
    subjectKind: 'user',
    regulation: 'gdpr',
    scope: 'data',
    format: 'ndjson',
    receivedAt: new Date(0),
    since: null,
    subjects: 2,
  } as const;
  const parts = [{ system: 'app', object, facts }];
  const contents = { request, systems: [], parts, packagedAt: new Date(0) };
  const packed = await packArchive(storage, keys, contents, options.signal);
  process.stdout.write(
    JSON.stringify({ rows: facts.rows, bytes: packed.bytes, peak: process.resourceUsage().maxRSS * 1024 }),
  );
} finally {
  rmSync(folder, { recursive: true });
}
