import { createCipheriv } from 'node:crypto';

export const KEY_BYTES = 32;
const BLOCK_BYTES = 16;

/** The keys of the subjects of an export by `seq`. A subject that was removed from the archive has no key. */
export class SubjectKeys {
  readonly #keys: Buffer;
  readonly #present: Uint8Array;

  /** `keys` is in ascending order. */
  constructor(keys: readonly { readonly seq: number; readonly key: Uint8Array }[]) {
    const lastSeq = keys.at(-1)?.seq ?? 0;
    this.#keys = Buffer.alloc((lastSeq + 1) * KEY_BYTES);
    this.#present = new Uint8Array(lastSeq + 1);
    for (const { seq, key } of keys) {
      this.#keys.set(key.subarray(0, KEY_BYTES), seq * KEY_BYTES);
      this.#present[seq] = 1;
    }
  }

  hasAll(owners: readonly number[]): boolean {
    return owners.every((seq) => this.#present[seq] === 1);
  }

  /**
   * Encrypts, or decrypts, with the key of each owner in turn, so that the bytes need all of the keys (AES-256-CTR).
   * No pair of a part and a number may be used twice. The encryption of the part proves that the bytes are unchanged.
   */
  apply(owners: readonly number[], { part, number }: { part: Uint8Array; number: number }, bytes: Buffer): Buffer {
    if (!this.hasAll(owners)) throw new Error('a subject of the export has no key');
    const counter = Buffer.alloc(BLOCK_BYTES);
    counter.set(part.subarray(0, 8));
    counter.writeUInt32BE(number, 8);
    return owners.reduce((text, seq) => {
      const key = this.#keys.subarray(seq * KEY_BYTES, (seq + 1) * KEY_BYTES);
      return createCipheriv('aes-256-ctr', key, counter).update(text);
    }, bytes);
  }
}
