import { spawnSync } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { crc32 } from 'node:zlib';
import { expect } from 'vitest';
import { openPromise } from 'yauzl';
import { z } from 'zod';
import { folder, type Service } from './service.ts';

/** An archive as whoever asked for it has it: by a link, as a file, read by other software than ours. */

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

export async function linkTo({ call, apiUrl }: Service, requestId: string): Promise<string> {
  const answer = await call('POST', `/v1/requests/${requestId}/links`, {});
  expect({ status: answer.status, text: answer.text }).toMatchObject({ status: 201 });
  const { url } = Link.parse(JSON.parse(answer.text));
  return `${apiUrl}${new URL(url).pathname}`;
}

export async function downloaded(service: Service, requestId: string): Promise<string> {
  const answer = await fetch(await linkTo(service, requestId), { method: 'POST' });
  expect(answer.status).toBe(200);
  const file = join(folder(), 'archive.zip');
  if (answer.body === null) throw new Error('an archive has a body');
  await pipeline(Readable.fromWeb(answer.body), createWriteStream(file));
  return file;
}

/** By its receipt. */
export async function manifestOf({ call }: Service, requestId: string) {
  return Manifest.parse(JSON.parse((await call('GET', `/v1/requests/${requestId}/receipt`)).text));
}

/** Every file is whole, for other software than ours. */
export async function tested(file: string): Promise<void> {
  const { status, stdout, error } = spawnSync('unzip', ['-tq', file], { encoding: 'utf8' });
  // A machine without it has ours alone, which reads every checksum too.
  if (error === undefined) expect({ status, stdout }).toMatchObject({ status: 0 });
  for (const path of await pathsIn(file)) await rowsIn(file, path);
}

async function pathsIn(file: string): Promise<readonly string[]> {
  const zip = await openPromise(file);
  const paths: string[] = [];
  for await (const { fileName } of zip.eachEntry()) paths.push(fileName);
  return paths;
}

/** Lines of one file of the archive; what does not fit its checksum is an error. */
export async function rowsIn(file: string, path: string): Promise<number> {
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
  throw new Error(`there is no ${path} in the archive`);
}
