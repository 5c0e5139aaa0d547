import { DomainError } from '../../../domain/errors.ts';

/** Bodies of the API have five levels. A parser needs stack or memory for each. */
const MAX_DEPTH = 32;
/** The bodies of the API have at most a dozen fields per object. */
const MAX_FIELDS = 100;
/** More than twice the identities of the largest list: each is an object, with one list for a composite type. */
const MAX_CONTAINERS = 600_000;
/** Longer than any number of the API, and than every number that a double can tell apart. */
const MAX_NUMBER_LENGTH = 100;

const tooComplex = (what: string): DomainError =>
  new DomainError(
    'json_too_complex',
    `The JSON of the body ${what}. Nothing was changed; send fewer or flatter values.`,
  );

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const isOpening = (byte: number): boolean => byte === 0x7b || byte === 0x5b;
const isClosing = (byte: number): boolean => byte === 0x7d || byte === 0x5d;
/** Digits, signs, points and exponents. */
const isNumeric = (byte: number): boolean =>
  (byte >= 0x30 && byte <= 0x39) || byte === 0x2b || byte === 0x2d || byte === 0x2e || byte === 0x45 || byte === 0x65;

/**
 * Returns a function that receives the bytes of a JSON text as they arrive. It throws `json_too_complex` before a parser
 * sees a text that would cost more than its size suggests. It does not tell whether the text is JSON.
 */
export function jsonLimits(): (bytes: Uint8Array) => void {
  /** The number of fields and items of each open object and list. */
  const fields: number[] = [];
  let containers = 0;
  let numberLength = 0;
  let isInString = false;
  let isEscaped = false;

  const open = () => {
    containers += 1;
    if (fields.push(0) > MAX_DEPTH) throw tooComplex(`has more than ${MAX_DEPTH} levels`);
    if (containers > MAX_CONTAINERS) throw tooComplex(`has more than ${MAX_CONTAINERS} objects and lists`);
  };
  const countField = () => {
    const count = (fields.at(-1) ?? 0) + 1;
    fields[fields.length - 1] = count;
    if (count > MAX_FIELDS) throw tooComplex(`has an object with more than ${MAX_FIELDS} fields`);
  };

  return (bytes) => {
    /** The next quote and backslash, at or after `index`. Texts, which may have megabytes, are not read byte by byte. */
    let [quote, backslash] = [-1, -1];
    const skipText = (index: number): number => {
      if (quote < index) quote = indexOf(bytes, QUOTE, index);
      if (backslash < index) backslash = indexOf(bytes, BACKSLASH, index);
      return Math.min(quote, backslash);
    };
    for (let index = 0; index < bytes.length; index += 1) {
      if (isEscaped) {
        isEscaped = false;
        continue;
      }
      if (isInString) {
        index = skipText(index);
        isEscaped = index < bytes.length && bytes[index] === BACKSLASH;
        isInString = bytes[index] !== QUOTE;
        continue;
      }
      const byte = bytes[index] ?? 0;
      numberLength = isNumeric(byte) ? numberLength + 1 : 0;
      if (numberLength > MAX_NUMBER_LENGTH) throw tooComplex(`has a number with more than ${MAX_NUMBER_LENGTH} digits`);
      if (byte === QUOTE) isInString = true;
      else if (isOpening(byte)) open();
      else if (isClosing(byte)) fields.pop();
      // Only fields of objects have a colon.
      else if (byte === 0x3a && fields.length > 0) countField();
    }
  };
}

/** The length if the byte does not occur. */
function indexOf(bytes: Uint8Array, byte: number, from: number): number {
  const found = bytes.indexOf(byte, from);
  return found < 0 ? bytes.length : found;
}
