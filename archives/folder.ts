import { createReadStream } from 'node:fs';
import { link, mkdir, open, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { type ArchiveStorage, StorageError } from './storage.ts';

/** A folder that every process of the deployment sees, such as a mounted volume. Only its owner can read it. */
export function folderStorage(root: string): ArchiveStorage {
  return {
    async write(name, bytes, signal) {
      const [request = '', object = ''] = name.split('/');
      const folder = join(root, request);
      const unfinished = join(folder, `${object}.part`);
      await guarded(async () => {
        await mkdir(folder, { recursive: true, mode: 0o700 });
        try {
          await using file = await open(unfinished, 'wx', 0o600);
          await pipeline(bytes, file.createWriteStream({ autoClose: false }), { ...(signal && { signal }) });
          await file.sync();
          // Unlike a rename it refuses to take the place of another.
          await link(unfinished, join(folder, object));
        } finally {
          await rm(unfinished, { force: true });
        }
      });
    },

    async *read(name) {
      const stream = createReadStream(join(root, name), { highWaterMark: 1 << 18 });
      try {
        yield* stream as AsyncIterable<Uint8Array>;
      } catch (error) {
        throw storageError(error);
      } finally {
        stream.destroy();
      }
    },

    async removeAllBut(requestId, kept) {
      const folder = join(root, requestId);
      await guarded(async () => {
        if (kept.length === 0) return rm(folder, { recursive: true, force: true });
        const names = await readdir(folder).catch(noneWhereAbsent);
        const going = names.filter((name) => !kept.includes(`${requestId}/${name}`));
        for (const name of going) await rm(join(folder, name), { force: true });
      });
    },

    async mark() {
      const file = join(root, '.lethe-archives');
      return guarded(async () => {
        await mkdir(root, { recursive: true, mode: 0o700 });
        const made = await open(file, 'wx', 0o600).catch(noneWhereThere);
        if (made !== null) {
          await made.writeFile(crypto.randomUUID());
          await made.close();
        }
        return (await readFile(file, 'utf8')).trim();
      });
    },
  };
}

async function guarded<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw storageError(error);
  }
}

/** What went wrong before the storage, such as a source that failed or an abort, stays what it is. */
function storageError(error: unknown): unknown {
  const code = codeOf(error);
  if (code === 'ENOENT') return new StorageError('missing', 'there is no such object');
  return code !== null && /^E[A-Z]+$/.test(code)
    ? new StorageError('unavailable', `the folder of the archives cannot be used (${code})`)
    : error;
}

const codeOf = (error: unknown): string | null =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : null;

function noneWhereAbsent(error: unknown): readonly string[] {
  if (codeOf(error) === 'ENOENT') return [];
  throw error;
}

function noneWhereThere(error: unknown): null {
  if (codeOf(error) === 'EEXIST') return null;
  throw error;
}
