/** Searches bytes for texts in every encoding that a program may have used. */

export interface Needle {
  readonly of: string;
  readonly form: string;
  readonly bytes: Buffer;
}

export const needlesOf = (texts: readonly string[]): readonly Needle[] =>
  texts.flatMap((of) => {
    const utf8 = Buffer.from(of);
    const forms: [string, Buffer][] = [
      ['utf-8', utf8],
      ['utf-16', Buffer.from(of, 'utf16le')],
      ['utf-16, big-endian', Buffer.from(of, 'utf16le').swap16()],
      ['hexadecimal', Buffer.from(utf8.toString('hex'))],
      ...[0, 1, 2].map((shift): [string, Buffer] => [`base64, shifted by ${shift}`, base64(utf8, shift)]),
    ];
    if (UUID.test(of)) {
      const digits = of.replaceAll('-', '');
      forms.push(['without dashes', Buffer.from(digits)], ['in 16 bytes', Buffer.from(digits, 'hex')]);
    }
    return forms.map(([form, bytes]) => ({ of, form, bytes }));
  });

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** The part of the encoding that does not depend on the adjacent bytes, at the given offset. */
function base64(text: Buffer, shift: number): Buffer {
  const encoded = Buffer.concat([Buffer.alloc(shift), text])
    .toString('base64')
    .replaceAll('=', '');
  const whole = Math.floor(((shift + text.length) * 8) / 6);
  return Buffer.from(encoded.slice(Math.ceil((shift * 8) / 6), whole));
}

/** Returns every match with its context. Ignores case. */
export function search(place: string, haystack: Buffer | string, needles: readonly Needle[]): string[] {
  const bytes = typeof haystack === 'string' ? Buffer.from(haystack) : haystack;
  const lower = Buffer.from(bytes.toString('latin1').toLowerCase(), 'latin1');
  return needles.flatMap(({ of, form, bytes: needle }) => {
    // Case is significant in base64 and in raw bytes.
    const at = /base64|bytes/.test(form) ? bytes.indexOf(needle) : lower.indexOf(needle);
    if (at < 0) return [];
    const around = bytes.subarray(Math.max(0, at - 60), at + needle.length + 60).toString('latin1');
    return [`${of} in ${place}, ${form}: …${around.replaceAll(/[^ -~]/g, '.')}…`];
  });
}
