import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { link, lstat, mkdir, open, readdir, readFile, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { untilAborted } from '../source.ts';
import { type ArchiveStorage, checkedMark, checkedRequestId, MARK, namesOf, StorageError } from './storage.ts';

const READ_AT_ONCE = 1 << 18;

/**
 * A folder that every process of the deployment sees, such as a mounted volume. Only its owner can read what Lethe
 * makes in it. It needs hard links, which local disks and NFS have.
 */
export function folderStorage(root: string): ArchiveStorage {
  return {
    async write(name, bytes, signal) {
      const { requestId, object } = namesOf(name);
      const folder = join(root, requestId);
      await guarded(async () => {
        await makeFolder(folder);
        await requireNoDetour(folder);
      });
      const placed = await place(join(folder, object), untilAborted(bytes, signal));
      if (!placed) throw new StorageError('unavailable', 'an object of that name lies in the archives already');
    },

    async *read(name) {
      const { requestId, object } = namesOf(name);
      const path = join(root, requestId, object);
      await using file = await guarded(() =>
        unlessCode('ENOENT', () => open(path, constants.O_RDONLY | constants.O_NOFOLLOW)),
      );
      if (file === null) throw new StorageError('missing', 'there is no such object in the archives');
      while (true) {
        const { bytesRead, buffer } = await guarded(() => file.read(new Uint8Array(READ_AT_ONCE)));
        if (bytesRead === 0) return;
        yield buffer.subarray(0, bytesRead);
      }
    },

    async removeAllBut(requestId, kept) {
      const folder = join(root, checkedRequestId(requestId));
      const staying = new Set(kept);
      await guarded(async () => {
        if (!(await requireNoDetour(folder))) return;
        const names = await readdir(folder);
        const going = names.filter((name) => !staying.has(`${requestId}/${name}`));
        for (const name of going) await rm(join(folder, name), { recursive: true, force: true });
        if (going.length < names.length) return settle(folder);
        await rm(folder, { recursive: true, force: true });
        await settle(root);
      });
    },

    async mark() {
      const file = join(root, MARK);
      await guarded(() => makeFolder(root));
      const read = () => guarded(() => unlessCode('ENOENT', () => readFile(file, 'utf8')));
      const known = await read();
      if (known !== null) return checkedMark(known);
      // Of two processes that begin at once, one finds the other's.
      await place(file, [Buffer.from(randomUUID())]);
      return checkedMark((await read()) ?? '');
    },
  };
}

/** Whole under its own name or not at all; false: something has that name already, and stays. */
async function place(path: string, bytes: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<boolean> {
  // A name of its own for each attempt, so that none touches what another is writing.
  const unfinished = `${path}.${randomUUID()}.part`;
  try {
    await fill(unfinished, bytes);
    // Unlike a rename it refuses to take the place of another.
    const linked = await guarded(() => unlessCode('EEXIST', async () => (await link(unfinished, path), true)));
    if (linked === null) return false;
  } finally {
    await guarded(() => rm(unfinished, { force: true }));
  }
  await guarded(() => settle(dirname(path)));
  return true;
}

async function fill(path: string, bytes: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<void> {
  const file = await guarded(() => open(path, 'wx', 0o600));
  try {
    // What fails before the disk stays what it is: only the disk's part is guarded.
    for await (const chunk of bytes) await guarded(() => file.writeFile(chunk));
    await guarded(() => file.sync());
  } finally {
    await file.close().catch(() => {});
  }
}

async function makeFolder(folder: string): Promise<void> {
  const made = await mkdir(folder, { recursive: true, mode: 0o700 });
  if (made !== undefined) await settle(dirname(made));
}

/** Whether the folder is there; a link in its place would lead out of the archives. */
async function requireNoDetour(folder: string): Promise<boolean> {
  const found = await unlessCode('ENOENT', () => lstat(folder));
  if (found !== null && !found.isDirectory())
    throw new StorageError('damaged', 'in the archives something else has the place of a folder');
  return found !== null;
}

/** Names that came and went outlast a loss of power. */
async function settle(folder: string): Promise<void> {
  await using opened = await open(folder, constants.O_RDONLY);
  await opened.sync();
}

async function guarded<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const code = codeOf(error);
    throw code === null
      ? error
      : new StorageError('unavailable', `the folder of the archives cannot be used (${code})`);
  }
}

async function unlessCode<T>(code: string, work: () => Promise<T>): Promise<T | null> {
  try {
    return await work();
  } catch (error) {
    if (codeOf(error) === code) return null;
    throw error;
  }
}

/** The system's closed code; its text would tell paths. */
const codeOf = (error: unknown): string | null =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' && /^E[A-Z0-9]+$/.test(error.code)
    ? error.code
    : null;
