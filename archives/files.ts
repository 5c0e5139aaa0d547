import { StorageError } from './storage/storage.ts';
import type { ZipBlock, ZipEntry } from './zip.ts';

/** What precedes the contents of a file in a part. `number` counts the files of the part from 1. */
export interface FileHead {
  readonly path: string;
  readonly number: number;
}

export const encodeFileHead = (head: FileHead): Buffer => Buffer.from(JSON.stringify(head));

export function decodeFileHead(bytes: Buffer): FileHead {
  const head = parse(bytes.toString());
  if (typeof head === 'object' && head !== null && 'path' in head && 'number' in head)
    if (typeof head.path === 'string' && typeof head.number === 'number')
      return { path: head.path, number: head.number };
  throw new StorageError('damaged', 'an object does not contain files');
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null;
  }
}

/**
 * Reads the files of a part, one after the other. Each has a folder of its own, because two files can have names that are
 * the same on some systems. `end` is called after the last file.
 */
export async function* readFiles(
  folder: string,
  blocks: AsyncGenerator<ZipBlock & { readonly file?: FileHead }>,
  end: () => void,
): AsyncGenerator<ZipEntry> {
  try {
    let next = await blocks.next();
    async function* contents(): AsyncGenerator<ZipBlock> {
      for (next = await blocks.next(); next.done !== true && next.value.file === undefined; next = await blocks.next())
        yield next.value;
    }
    while (next.done !== true) {
      const { file } = next.value;
      if (file === undefined) throw new StorageError('damaged', 'an object does not begin with a file');
      yield { path: `${folder}${file.number}/${safePath(file.path)}`, blocks: contents };
    }
    end();
  } finally {
    await blocks.return(undefined);
  }
}

const MAX_LENGTH = 120;
/** Windows refuses these characters, and reserves names for devices. */
const REFUSED = /[<>:"|?*\\\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;
const DEVICE = /^(con|prn|aux|nul|conin\$|conout\$|com\d|lpt\d)(\.|$)/i;

/** A path that is safe to unpack on any system: relative, without `..`, device names, and characters that one refuses. */
export function safePath(path: string): string {
  const names = path
    .normalize('NFC')
    .split('/')
    .flatMap((name) => (name === '' || name === '.' ? [] : [safeName(name)]));
  return names.length === 0 ? '_' : names.join('/');
}

function safeName(name: string): string {
  const plain = shorten(name.replaceAll(REFUSED, '_').replace(/^[ ]+/, '')).replace(/[. ]+$/, '');
  return plain === '' || DEVICE.test(plain) ? `_${plain}` : plain;
}

/** Keeps the extension. Does not split a surrogate pair. */
function shorten(name: string): string {
  const letters = Array.from(name);
  if (letters.length <= MAX_LENGTH) return name;
  const extension = /\.\w{1,10}$/.exec(name)?.[0] ?? '';
  return `${letters.slice(0, MAX_LENGTH - extension.length).join('')}${extension}`;
}
