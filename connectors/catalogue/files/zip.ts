import { refused } from '../../http/index.ts';
import { ByteReader } from './byte-reader.ts';
import { ZipDecryption } from './decrypt.ts';
import { inflated } from './inflate.ts';

const LOCAL_FILE = 0x04_03_4b_50;
const ENCRYPTED = 1;
const SIZE_FOLLOWS = 8;
const STORED = 0;
const DEFLATED = 8;
/** A header of 12 bytes before the data of an encrypted file. */
const ENCRYPTION_HEADER = 12;
const LARGE = 0xff_ff_ff_ff;

/**
 * The contents of each file of a ZIP, in order, as the bytes arrive: nothing is written to a disk, and no more than a
 * piece is in memory. Read each file to its end. Refuses a wrong password, sizes that follow the data, and ZIP64.
 */
export async function* filesOf(
  zip: AsyncIterable<Uint8Array>,
  password: string,
): AsyncGenerator<AsyncIterable<Uint8Array>> {
  const reader = new ByteReader(zip);
  while (await reader.has(30)) {
    const header = await reader.read(30);
    // The directory at the end repeats what stands before each file.
    if (header.readUInt32LE(0) !== LOCAL_FILE) break;
    const [flags, method, size] = [header.readUInt16LE(6), header.readUInt16LE(8), header.readUInt32LE(18)];
    if ((flags & SIZE_FOLLOWS) !== 0 || size === LARGE) throw refused('zip_without_sizes');
    if (method !== STORED && method !== DEFLATED) throw refused('zip_with_unknown_compression');
    await reader.read(header.readUInt16LE(26) + header.readUInt16LE(28));
    const isEncrypted = (flags & ENCRYPTED) !== 0;
    const data = isEncrypted ? decrypted(reader, size, header, password) : reader.take(size);
    yield method === STORED ? data : inflated(data);
  }
  await reader.skip();
}

async function* decrypted(reader: ByteReader, size: number, header: Buffer, password: string): AsyncGenerator<Buffer> {
  const keys = new ZipDecryption(password);
  const check = keys.decrypt(await reader.read(ENCRYPTION_HEADER)).at(-1);
  // The last byte repeats the highest one of the checksum.
  if (check !== header.readUInt32LE(14) >>> 24) throw refused('wrong_password_of_zip');
  for await (const piece of reader.take(size - ENCRYPTION_HEADER)) yield keys.decrypt(piece);
}
