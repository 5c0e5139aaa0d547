import { crc32 } from 'node:zlib';

/** The traditional encryption of ZIP files (PKWARE). It protects nothing from an attacker; the vendor's files have it. */
export class ZipDecryption {
  #first = 0x12_34_56_78;
  #second = 0x23_45_67_89;
  #third = 0x34_56_78_90;

  constructor(password: string) {
    for (const byte of Buffer.from(password)) this.#update(byte);
  }

  decrypt(bytes: Uint8Array): Buffer {
    const plain = Buffer.from(bytes);
    for (const [index, byte] of bytes.entries()) {
      const mix = (this.#third & 0xff_ff) | 2;
      const value = byte ^ ((Math.imul(mix, mix ^ 1) >>> 8) & 0xff);
      this.#update(value);
      plain[index] = value;
    }
    return plain;
  }

  #update(byte: number): void {
    this.#first = step(this.#first, byte);
    this.#second = (Math.imul(this.#second + (this.#first & 0xff), 134_775_813) + 1) >>> 0;
    this.#third = step(this.#third, this.#second >>> 24);
  }
}

/** CRC-32 of one byte after a state. The library's function inverts the state before and after. */
const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => (~crc32(Buffer.from([byte]), 0xff_ff_ff_ff) >>> 0) >>> 0);
const step = (state: number, byte: number): number => ((state >>> 8) ^ (TABLE[(state ^ byte) & 0xff] ?? 0)) >>> 0;
