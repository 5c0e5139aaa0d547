import { readFileSync, readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type postgres from 'postgres';
import { CANARY, UUID_CANARY } from './people.ts';
import type { Stack } from './stack.ts';

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

/** Everything that Lethe and Temporal have stored or written, except the rows of the applications. */
export async function findCanaries(stack: Stack): Promise<readonly string[]> {
  const needles = needlesOf([CANARY, UUID_CANARY]);
  const found: string[] = [];
  for (const [database, schema] of [
    ['ledger', 'lethe'],
    ['app', 'lethe_system'],
    ['crm', 'lethe_system'],
  ] as const) {
    for (const { table, text } of await readSchema(stack.sql[database], schema))
      found.push(...search(`${database}: ${schema}.${table}`, text, needles));
  }
  for (const file of [...stack.logs, ...filesIn(stack.archives)])
    found.push(...search(basename(file), readFileSync(file), needles));
  for (const { name, bytes } of readDatabaseFiles(stack.temporalFile)) found.push(...search(name, bytes, needles));
  return found;
}

async function readSchema(sql: postgres.Sql, schema: string): Promise<readonly { table: string; text: string }[]> {
  const tables = await sql<{ table: string }[]>`
    SELECT relname AS "table" FROM pg_class
    WHERE relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = ${schema}) AND relkind IN ('r', 'm', 'p')`;
  return Promise.all(
    tables.map(async ({ table }) => {
      const rows = await sql.unsafe<{ row: string }[]>(
        `SELECT concat(t::text, to_jsonb(t)::text) AS row FROM ${schema}."${table}" AS t`,
      );
      return { table, text: rows.map(({ row }) => row).join('\n') };
    }),
  );
}

const filesIn = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));

/** Reads the database file and the files with the same prefix: the write-ahead log and the server's log. */
export function readDatabaseFiles(dbFile: string): readonly { readonly name: string; readonly bytes: Buffer }[] {
  const names = readdirSync(dirname(dbFile)).filter((name) => name.startsWith(basename(dbFile)));
  return names.flatMap((name) => {
    try {
      return [{ name, bytes: readFileSync(join(dirname(dbFile), name)) }];
    } catch (error) {
      // SQLite removes the journal of a transaction when it ends.
      if (name.endsWith('-journal') && error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
      throw error;
    }
  });
}
