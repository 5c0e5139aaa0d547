import { spawnSync } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { crc32 } from 'node:zlib';
import { expect } from 'vitest';
import { openPromise } from 'yauzl';
import { z } from 'zod';
import { temporaryFolder, type Service } from './service.ts';

/** Reads an archive as a caller does: downloaded by a link and opened with other software. */

const Link = z.object({ url: z.string() });
const Manifest = z.object({
  files: z.array(
    z.object({
      system: z.string(),
      table: z.string(),
      path: z.string().nullable(),
      rows: z.number(),
      sha256: z.string(),
    }),
  ),
});

export async function createDownloadUrl({ call, apiUrl }: Service, requestId: string): Promise<string> {
  const answer = await call('POST', `/v1/requests/${requestId}/links`, {});
  expect({ status: answer.status, text: answer.text }).toMatchObject({ status: 201 });
  const { url } = Link.parse(JSON.parse(answer.text));
  return `${apiUrl}${new URL(url).pathname}`;
}

export async function downloadArchive(service: Service, requestId: string): Promise<string> {
  const answer = await fetch(await createDownloadUrl(service, requestId), { method: 'POST' });
  expect(answer.status).toBe(200);
  const file = join(temporaryFolder(), 'archive.zip');
  if (answer.body === null) throw new Error('the response has no body');
  await pipeline(Readable.fromWeb(answer.body), createWriteStream(file));
  return file;
}

/** Reads the manifest from the receipt. */
export async function readManifest({ call }: Service, requestId: string) {
  return Manifest.parse(JSON.parse((await call('GET', `/v1/requests/${requestId}/receipt`)).text));
}

/** Verifies every file of the archive with other software. */
export async function verifyArchive(file: string): Promise<void> {
  const { status, stdout, error } = spawnSync('unzip', ['-tq', file], { encoding: 'utf8' });
  // Where `unzip` is not installed, only the checksums below are verified.
  if (error === undefined) expect({ status, stdout }).toMatchObject({ status: 0 });
  for (const path of await pathsIn(file)) await countLines(file, path);
}

async function pathsIn(file: string): Promise<readonly string[]> {
  const zip = await openPromise(file);
  const paths: string[] = [];
  for await (const { fileName } of zip.eachEntry()) paths.push(fileName);
  return paths;
}

/** Counts the lines of one file of the archive and verifies its checksum. */
export async function countLines(file: string, path: string): Promise<number> {
  const zip = await openPromise(file);
  for await (const entry of zip.eachEntry()) {
    if (entry.fileName !== path) continue;
    let [lines, checksum] = [0, 0];
    for await (const piece of (await zip.openReadStreamPromise(entry)) as AsyncIterable<Buffer>) {
      checksum = crc32(piece, checksum);
      for (let at = piece.indexOf(10); at >= 0; at = piece.indexOf(10, at + 1)) lines += 1;
    }
    expect({ path, checksum }).toEqual({ path, checksum: entry.crc32 });
    return lines;
  }
  throw new Error(`the archive does not contain ${path}`);
}
