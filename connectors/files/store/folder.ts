import { type Dirent, type Stats, constants } from 'node:fs';
import { access, lstat, open, opendir, rmdir, unlink } from 'node:fs/promises';
import type { ConfigError, ConnectorContext } from '../../connector.ts';
import { folderError, isCode, orNull } from './failure.ts';
import { type Entry, type Refused, type Session, type Store, type Target, PAGE_SIZE, proceed } from './store.ts';

const READ_BYTES = 1 << 16;
const SLASH = Buffer.from('/');
/** The names of a folder are bytes, which need not be text. */
const BYTES = { encoding: 'buffer' } as const;
const GONE = ['ENOENT', 'ENOTDIR', 'ENAMETOOLONG'];
/** Something else is there now. The next listing finds it. */
const CHANGED = ['EISDIR', 'ENOTEMPTY', 'EEXIST'];

/** An empty file that shows that the folder is there. Without it, a volume that is not mounted would look empty. */
export const MARKER = '.lethe-files';

/** A folder on a file system that the worker can write. Links below it are never followed. */
export const folderStore = (root: string): Store => ({
  async begin(activity) {
    await guarded(() => lstat(`${root}/${MARKER}`));
    return openSession(root, activity);
  },
  inspect: () => inspectFolder(root),
  close: () => {},
});

const openSession = (root: string, activity: ConnectorContext): Session => ({
  async *list(target) {
    try {
      yield* pages(entriesOf(await reach(root, target), activity));
    } catch (error) {
      throw activity.signal.aborted ? activity.signal.reason : folderError(error);
    }
  },

  async *read({ handle }) {
    if (handle.in !== 'folder') return;
    const file = await guarded(() =>
      orNull(GONE, () => open(handle.path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)),
    );
    if (file === null) return;
    await using opened = file;
    while (true) {
      proceed(activity);
      const { bytesRead, buffer } = await guarded(() => opened.read(Buffer.allocUnsafe(READ_BYTES)));
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
    }
  },

  async remove(entries) {
    const refused: Refused[] = [];
    for (const entry of entries) {
      proceed(activity);
      const { handle, kind } = entry;
      if (handle.in !== 'folder') continue;
      const remove = () => (kind === 'folder' ? rmdir(handle.path) : unlink(handle.path));
      // An immutable file, or one of another owner in a folder with the sticky bit.
      const isRemoved = await guarded(() =>
        orNull(['EPERM'], async () => {
          await orNull([...GONE, ...CHANGED], remove);
          return true;
        }),
      );
      if (isRemoved === null) refused.push({ entry, reason: 'immutable' });
    }
    return refused;
  },

  async prune(target) {
    const start = await reach(root, target);
    if (start?.isFolder === true) await removeEmptyFolders(start.path, activity);
  },
});

async function* entriesOf(start: Start | null, activity: ConnectorContext): AsyncGenerator<Entry> {
  if (start?.isFolder === true) yield* walk(start.path, start.path.length + 1, activity);
  else if (start !== null) yield start.entry;
}

async function* pages(entries: AsyncIterable<Entry>): AsyncGenerator<readonly Entry[]> {
  let page: Entry[] = [];
  for await (const entry of entries) {
    page.push(entry);
    if (page.length < PAGE_SIZE) continue;
    yield page;
    page = [];
  }
  if (page.length > 0) yield page;
}

type Start =
  | { readonly isFolder: true; readonly path: Buffer }
  | { readonly isFolder: false; readonly path: Buffer; readonly entry: Entry };

/** Goes from folder to folder to the target, without following a link. Null if nothing is there. */
async function reach(root: string, { key, isPrefix }: Target): Promise<Start | null> {
  const names = key.split('/').filter((name) => name !== '');
  let path = Buffer.from(root);
  for (const [index, name] of names.entries()) {
    path = join(path, Buffer.from(name));
    const found = await guarded(() => orNull(GONE, () => lstat(path)));
    if (found === null) return null;
    if (index < names.length - 1) {
      if (found.isSymbolicLink()) throw folderError('LINK');
      if (!found.isDirectory()) return null;
    } else if (found.isDirectory()) return isPrefix ? { isFolder: true, path } : null;
    // A link in place of the subject's folder belongs to the subject.
    else if (!isPrefix || found.isSymbolicLink())
      return { isFolder: false, path, entry: entryOf(path, path.length - Buffer.byteLength(name), found) };
  }
  return null;
}

/** Yields what is below a folder, in the order of the file system. An empty folder is an entry of its own. */
async function* walk(folder: Buffer, start: number, activity: ConnectorContext): AsyncGenerator<Entry> {
  proceed(activity);
  const opened = await guarded(() => orNull(GONE, () => openFolder(folder)));
  if (opened === null) return;
  let isEmpty = true;
  for await (const child of opened) {
    isEmpty = false;
    const path = join(folder, child.name);
    const found = await guarded(() => orNull(GONE, () => lstat(path)));
    if (found === null) continue;
    if (found.isDirectory()) yield* walk(path, start, activity);
    else yield entryOf(path, start, found);
  }
  if (!isEmpty) return;
  const found = await guarded(() => orNull(GONE, () => lstat(folder)));
  if (found !== null) yield entryOf(folder, Math.min(start, folder.length), found);
}

/** The types of Node.js know only names that are text. */
const openFolder = async (path: Buffer): Promise<AsyncIterable<Dirent<Buffer>>> =>
  (await opendir(path, BYTES as never)) as unknown as AsyncIterable<Dirent<Buffer>>;

const entryOf = (path: Buffer, start: number, found: Stats): Entry => ({
  kind: kindOf(found),
  path: path.subarray(start).toString(),
  modifiedAt: found.mtime,
  handle: { in: 'folder', path },
});

function kindOf(found: Stats): Entry['kind'] {
  if (found.isFile()) return 'object';
  if (found.isSymbolicLink()) return 'link';
  return found.isDirectory() ? 'folder' : 'special';
}

/** Removes the folder of a subject with the folders in it, as far as they are empty. */
async function removeEmptyFolders(folder: Buffer, activity: ConnectorContext): Promise<void> {
  proceed(activity);
  const opened = await guarded(() => orNull(GONE, () => openFolder(folder)));
  if (opened === null) return;
  for await (const child of opened)
    if (child.isDirectory()) await removeEmptyFolders(join(folder, child.name), activity);
  await guarded(() => orNull([...GONE, 'ENOTEMPTY', 'EEXIST', 'EPERM'], () => rmdir(folder)));
}

async function inspectFolder(root: string): Promise<readonly ConfigError[]> {
  try {
    if (!(await lstat(`${root}/`)).isDirectory()) return [{ path: 'at', message: 'is not a folder' }];
    await access(root, constants.R_OK | constants.W_OK | constants.X_OK);
    if ((await orNull(['ENOENT'], () => lstat(`${root}/${MARKER}`))) !== null) return [];
    const message = `must contain an empty file ${MARKER}, which shows that the volume is mounted; create it once`;
    return [{ path: 'at', message }];
  } catch (error) {
    if (isCode(error, ['EACCES', 'EROFS', 'EPERM']))
      return [{ path: 'at', message: 'is a folder that the worker cannot read and write' }];
    throw folderError(error);
  }
}

const join = (folder: Buffer, name: Buffer): Buffer<ArrayBuffer> => Buffer.concat([folder, SLASH, name]);

async function guarded<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw folderError(error);
  }
}
