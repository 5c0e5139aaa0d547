import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeArchive } from '../../../archives/archive.ts';
import { generateArchiveKey } from '../../../archives/encryption.ts';
import { folderStorage } from '../../../archives/storage/folder.ts';
import { writePart } from '../../../archives/part.ts';

/** Started by memory.test.ts: collects and packs so many generated rows, and tells the most memory that this process had. */
const ROWS = Number(process.argv[2]);
const AT_ONCE = 1_000;

const pieces = Array.from({ length: 10 }, (_, piece) =>
  Buffer.from(
    Array.from(
      { length: AT_ONCE },
      (_row, row) => `{"event_id":${piece * AT_ONCE + row},"note":"${randomUUID()} of a page that was looked at"}\n`,
    ).join(''),
  ),
);
let bytes = 0;
async function* rows(): AsyncGenerator<Buffer> {
  for (let row = 0; row < ROWS; row += AT_ONCE) {
    const piece = pieces[(row / AT_ONCE) % pieces.length] ?? Buffer.alloc(0);
    bytes += piece.length;
    yield piece;
  }
}

const folder = mkdtempSync(join(tmpdir(), 'lethe-memory-'));
try {
  const storage = folderStorage(folder);
  const key = await generateArchiveKey();
  const requestId = `req_${'0'.repeat(32)}`;
  const work = { signal: new AbortController().signal, onProgress: () => {} };
  const object = `${requestId}/${randomUUID()}`;
  const facts = await writePart(
    storage,
    key,
    object,
    {
      table: 'app.events',
      meaning: null,
      columns: [],
      windowed: false,
      retained: null,
      rows: rows(),
      figures: () => ({ rows: ROWS, bytes }),
    },
    work,
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
  const packed = await writeArchive(storage, key, `${requestId}/${randomUUID()}`, contents, work.signal);
  process.stdout.write(
    JSON.stringify({ rows: facts.rows, bytes: packed.bytes, peak: process.resourceUsage().maxRSS * 1024 }),
  );
} finally {
  rmSync(folder, { recursive: true });
}
