import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { link, lstat, mkdir, open, readdir, readFile, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { untilAborted } from '../until-aborted.ts';
import {
  type ArchiveStorage,
  checkStorageId,
  checkRequestId,
  STORAGE_ID_FILE,
  parseName,
  StorageError,
} from './storage.ts';

const READ_BYTES = 1 << 18;

/**
 * A folder that all processes of the deployment share, such as a mounted volume. Its file system must support hard
 * links, as local disks and NFS do. Only the owner can read the files.
 */
export function folderStorage(root: string): ArchiveStorage {
  return {
    async write(name, bytes, signal) {
      const { requestId, object } = parseName(name);
      const folder = join(root, requestId);
      await withStorageErrors(async () => {
        await makeFolder(folder);
        await requireRealFolder(folder);
      });
      const isNew = await writeFileOnce(join(folder, object), untilAborted(bytes, signal));
      if (!isNew) throw new StorageError('unavailable', 'an archive object with that name already exists');
    },

    async *read(name) {
      const { requestId, object } = parseName(name);
      const path = join(root, requestId, object);
      await using file = await withStorageErrors(() =>
        nullOnCode('ENOENT', () => open(path, constants.O_RDONLY | constants.O_NOFOLLOW)),
      );
      if (file === null) throw new StorageError('missing', 'the archive object does not exist');
      while (true) {
        const { bytesRead, buffer } = await withStorageErrors(() => file.read(new Uint8Array(READ_BYTES)));
        if (bytesRead === 0) return;
        yield buffer.subarray(0, bytesRead);
      }
    },

    async removeExcept(requestId, kept) {
      const folder = join(root, checkRequestId(requestId));
      const keptNames = new Set(kept);
      await withStorageErrors(async () => {
        if (!(await requireRealFolder(folder))) return;
        const names = await readdir(folder);
        const removed = names.filter((name) => !keptNames.has(`${requestId}/${name}`));
        for (const name of removed) await rm(join(folder, name), { recursive: true, force: true });
        if (removed.length < names.length) return syncFolder(folder);
        await rm(folder, { recursive: true, force: true });
        await syncFolder(root);
      });
    },

    async storageId() {
      const file = join(root, STORAGE_ID_FILE);
      await withStorageErrors(() => makeFolder(root));
      const read = () => withStorageErrors(() => nullOnCode('ENOENT', () => readFile(file, 'utf8')));
      const existing = await read();
      if (existing !== null) return checkStorageId(existing);
      // If two processes start at the same time, both use the ID that was written first.
      await writeFileOnce(file, [Buffer.from(randomUUID())]);
      return checkStorageId((await read()) ?? '');
    },
  };
}

/** Writes a file atomically. Returns false and changes nothing if the name is in use. */
async function writeFileOnce(path: string, bytes: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<boolean> {
  // Each attempt writes under its own name, so that concurrent attempts do not interfere.
  const unfinished = `${path}.${randomUUID()}.part`;
  try {
    await writeAndSync(unfinished, bytes);
    // Unlike `rename`, `link` does not replace an existing file.
    const linked = await withStorageErrors(() =>
      nullOnCode('EEXIST', async () => (await link(unfinished, path), true)),
    );
    if (linked === null) return false;
  } finally {
    await withStorageErrors(() => rm(unfinished, { force: true }));
  }
  await withStorageErrors(() => syncFolder(dirname(path)));
  return true;
}

async function writeAndSync(path: string, bytes: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<void> {
  const file = await withStorageErrors(() => open(path, 'wx', 0o600));
  try {
    // Errors of the source pass unchanged; only errors of the file system become StorageErrors.
    for await (const chunk of bytes) await withStorageErrors(() => file.writeFile(chunk));
    await withStorageErrors(() => file.sync());
  } finally {
    await file.close().catch(() => {});
  }
}

async function makeFolder(folder: string): Promise<void> {
  const made = await mkdir(folder, { recursive: true, mode: 0o700 });
  if (made !== undefined) await syncFolder(dirname(made));
}

/** Returns whether the folder exists. Throws if it is a link, which could lead out of the archives. */
async function requireRealFolder(folder: string): Promise<boolean> {
  const found = await nullOnCode('ENOENT', () => lstat(folder));
  if (found !== null && !found.isDirectory())
    throw new StorageError('damaged', 'the archive folder of a request is not a folder');
  return found !== null;
}

/** Makes created and removed names durable. */
async function syncFolder(folder: string): Promise<void> {
  await using opened = await open(folder, constants.O_RDONLY);
  await opened.sync();
}

async function withStorageErrors<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const code = codeOf(error);
    throw code === null
      ? error
      : new StorageError('unavailable', `LETHE_ARCHIVES: the archive folder cannot be used (${code})`);
  }
}

async function nullOnCode<T>(code: string, work: () => Promise<T>): Promise<T | null> {
  try {
    return await work();
  } catch (error) {
    if (codeOf(error) === code) return null;
    throw error;
  }
}

/** The error code of the operating system. The error's message would contain paths. */
const codeOf = (error: unknown): string | null =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' && /^E[A-Z0-9]+$/.test(error.code)
    ? error.code
    : null;
