import { randomBytes } from 'node:crypto';
import { crc32, deflateRawSync } from 'node:zlib';

/** Writes a ZIP whose entries are encrypted with the traditional method of PKWARE, as Mixpanel's retrievals are. */
export function encryptedZip(files: Readonly<Record<string, string>>, password: string): Buffer {
  const locals: Buffer[] = [];
  const centrals: Buffer[] = [];
  let offset = 0;
  for (const [name, text] of Object.entries(files)) {
    const raw = Buffer.from(text);
    const crc = crc32(raw);
    const check = Buffer.concat([randomBytes(11), Buffer.from([crc >>> 24])]);
    const data = encrypt(Buffer.concat([check, deflateRawSync(raw)]), password);
    const fields = header(crc, data.length, raw.length, Buffer.byteLength(name));
    const local = Buffer.concat([u32(0x04_03_4b_50), fields, Buffer.from(name), data]);
    centrals.push(
      Buffer.concat([u32(0x02_01_4b_50), u16(20), fields, u16(0, 0, 0), u32(0, offset), Buffer.from(name)]),
    );
    locals.push(local);
    offset += local.length;
  }
  const central = Buffer.concat(centrals);
  const end = [u32(0x06_05_4b_50), u16(0, 0, locals.length, locals.length), u32(central.length, offset), u16(0)];
  return Buffer.concat([...locals, central, ...end]);
}

const ENCRYPTED = 1;
const DEFLATE = 8;
/** Version, flags, method, time and date, checksum, sizes, and the lengths of name and extra field. */
const header = (crc: number, size: number, rawSize: number, nameLength: number): Buffer =>
  Buffer.concat([u16(20, ENCRYPTED, DEFLATE, 0, 0), u32(crc, size, rawSize), u16(nameLength, 0)]);

function encrypt(data: Buffer, password: string): Buffer {
  const keys = [0x12_34_56_78, 0x23_45_67_89, 0x34_56_78_90];
  const update = (byte: number): void => {
    const [a = 0, b = 0, c = 0] = keys;
    const first = crcStep(a, byte);
    const second = (Math.imul(b + (first & 0xff), 134_775_813) + 1) >>> 0;
    keys.splice(0, 3, first, second, crcStep(c, second >>> 24));
  };
  for (const byte of Buffer.from(password)) update(byte);
  return Buffer.from(
    data.map((byte) => {
      const mix = ((keys[2] ?? 0) & 0xff_ff) | 2;
      const mask = (Math.imul(mix, mix ^ 1) >>> 8) & 0xff;
      update(byte);
      return byte ^ mask;
    }),
  );
}

const TABLE = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0xed_b8_83_20 : value >>> 1;
  return value;
});
const crcStep = (crc: number, byte: number): number => ((crc >>> 8) ^ (TABLE[(crc ^ byte) & 0xff] ?? 0)) >>> 0;

function u16(...values: number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 2);
  values.forEach((value, index) => bytes.writeUInt16LE(value, index * 2));
  return bytes;
}
function u32(...values: number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4);
  values.forEach((value, index) => bytes.writeUInt32LE(value, index * 4));
  return bytes;
}
