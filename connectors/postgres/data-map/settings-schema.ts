import { z } from 'zod';

const MAX_NAME_BYTES = 63;

/** A name as in the catalog. It is quoted in every statement, so case and special characters are allowed. */
const name = z
  .string('must be a name')
  .min(1, 'must not be empty')
  .refine(
    (text) => !text.includes('\0') && Buffer.byteLength(text) <= MAX_NAME_BYTES,
    `must have at most ${MAX_NAME_BYTES} bytes, as every name in PostgreSQL`,
  );
const table = z
  .string('must be a table such as schema.table')
  .regex(/^[^.\0]+(\.[^.\0]+)?$/, 'must be a table such as schema.table');

const match = z.enum(['exact', 'caseInsensitive', 'uuid', 'integer'], {
  error: "must be 'exact', 'caseInsensitive', 'uuid' or 'integer'",
});
const column = z.union([name, z.strictObject({ column: name, match })], 'must be a column name or { column, match }');
const identity = z.union(
  [
    z.strictObject({ column: name, match: match.optional() }),
    z.strictObject({ columns: z.array(name).min(1), match: match.optional() }),
  ],
  'must be { column } or { columns }, each with an optional match',
);
const subject = z.union(
  [
    name,
    z.strictObject({ column: name, match: z.enum(['key', 'key_and_aliases'], "must be 'key' or 'key_and_aliases'") }),
    z.strictObject({ identity: z.string(), columns: z.array(name).min(1) }),
  ],
  'must be a column name, { column, match } or { identity, columns }',
);
const retain = z.strictObject({
  basis: z.string().trim().min(1, 'must state the legal basis; the receipt shows it'),
  blank: z.array(name).optional(),
  unlink: z.enum(['null', 'pseudonym'], "must be 'null' or 'pseudonym'").optional(),
});
const wording = {
  about: z.string().trim().min(1, 'must describe the table').optional(),
  columns: z.record(name, z.string().trim().min(1, 'must describe the column')).optional(),
};
const tableMap = z
  .strictObject({
    ...wording,
    table,
    time: name.optional(),
    sources: z.array(name).optional(),
    retain: retain.optional(),
    triggers: z.array(name).optional(),
    subject: subject.optional(),
    via: z
      .strictObject({
        table,
        on: z.record(name, name).refine((on) => Object.keys(on).length > 0, 'must have at least one column'),
      })
      .optional(),
  })
  .refine((map) => (map.subject === undefined) !== (map.via === undefined), 'must have either subject or via');
const kind = z.strictObject({
  ...wording,
  table,
  key: column,
  identities: z
    .record(
      z
        .string()
        .regex(/^[A-Za-z][A-Za-z0-9_]*$/, 'an identity type has letters, digits and _, and begins with a letter'),
      identity,
    )
    .optional(),
  aliases: z.strictObject({ ...wording, table, alias: name, subject: name }).optional(),
  sources: z.array(name).optional(),
  softDelete: z.strictObject({ column: name }).optional(),
  triggers: z.array(name).optional(),
  tables: z.array(tableMap).optional(),
});

export const settingsSchema = z.strictObject({
  url: z.object({ env: z.string() }, "must be env('NAME')"),
  pace: z
    .strictObject({
      share: z.number().gt(0, 'must be greater than 0').max(1, 'must be at most 1').optional(),
      subjectsPerCommit: z.int('must be a whole number').min(1, 'must be at least 1').max(10_000).optional(),
    })
    .optional(),
  kinds: z
    .strictObject({ user: kind.optional(), company: kind.optional() })
    .refine(
      (kinds) => kinds.user !== undefined || kinds.company !== undefined,
      'must map at least one kind of subject',
    ),
  segments: z.strictObject({ table, segment: name, subject: name }).optional(),
  ignore: z
    .array(z.strictObject({ table, reason: z.string().trim().min(1, 'must state why the table is not mapped') }))
    .optional(),
});
