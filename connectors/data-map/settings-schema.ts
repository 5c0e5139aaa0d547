import { z } from 'zod';
import { columnPath } from './names.ts';

/** How long a name can be in a database. */
export interface NameLimit {
  readonly database: string;
  readonly max: number;
  readonly unit: 'bytes' | 'characters';
}

/** The keys of the settings that every database has. `table` is the schema of a table's name. */
export function dataMapSchema({ database, max, unit }: NameLimit) {
  const limit = `${max} ${unit}`;
  const lengthOf = (text: string): number => (unit === 'bytes' ? Buffer.byteLength(text) : Array.from(text).length);
  const isName = (text: string): boolean => !text.includes('\0') && lengthOf(text) <= max;
  /** A name as in the catalog. It is quoted in every statement, so case and special characters are allowed. */
  const name = z
    .string('must be a name')
    .min(1, 'must not be empty')
    .refine(isName, `must have at most ${limit}, as every name in ${database}`);
  const table = z
    .string('must be a table such as schema.table')
    .regex(/^[^.\0]+(\.[^.\0]+)?$/, 'must be a table such as schema.table');

  const match = z.enum(['exact', 'caseInsensitive', 'uuid', 'integer'], {
    error: "must be 'exact', 'caseInsensitive', 'uuid' or 'integer'",
  });
  const typeName = z
    .string()
    .regex(/^[A-Za-z][A-Za-z0-9_]*$/, 'an identity type has letters, digits and _, and begins with a letter');
  const value = z.union([z.string(), z.number(), z.boolean()], 'must be a text, a number or a boolean');
  const valueOrNull = z.union([value, z.null()], 'must be a text, a number, a boolean or null');

  /** A column, or a key inside a document: only keys of objects can be named. */
  const columnName = z
    .string('must be a column')
    .min(1, 'must not be empty')
    .refine(
      (text) => isName(columnPath(text).column),
      `must be a column of at most ${limit}, or a key of a document such as payload->>'user_id'`,
    );
  const key = z.union(
    [
      name,
      z.strictObject({ column: name, match }),
      z.strictObject({
        name: typeName,
        columns: z.array(name).min(2, 'must have at least two columns'),
        match: match.optional(),
      }),
    ],
    'must be a column name, { column, match } or { name, columns }',
  );
  const identity = z.union(
    [
      z.strictObject({ column: name, match: match.optional() }),
      z.strictObject({ columns: z.array(name).min(1), match: match.optional() }),
    ],
    'must be { column } or { columns }, each with an optional match',
  );
  const keyMatch = z.enum(['key', 'key_and_aliases'], "must be 'key' or 'key_and_aliases'");
  const subject = z.union(
    [
      columnName,
      z.strictObject({ column: columnName, match: keyMatch }),
      z.strictObject({ columns: z.array(columnName).min(1) }),
      z.strictObject({ contains: name, match: keyMatch }),
      z.strictObject({ identity: z.string(), columns: z.array(columnName).min(1) }),
    ],
    'must be a column name, { column, match }, { columns }, { contains, match } or { identity, columns }',
  );
  const retain = z
    .strictObject({
      basis: z.string().trim().min(1, 'must state the legal basis; the receipt shows it'),
      blank: z.array(name).optional(),
      unlink: z.enum(['null', 'pseudonym'], "must be 'null' or 'pseudonym'").optional(),
      reassign: z
        .union([value, z.record(columnName, value)], 'must be the key of a ghost row, or one per column')
        .optional(),
    })
    .refine(
      ({ unlink, reassign }) => unlink === undefined || reassign === undefined,
      'has unlink and reassign: the reference can become one of them',
    );
  const detach = z
    .record(
      columnName,
      z.union([valueOrNull, z.strictObject({ ghost: value })], 'must be null, a constant or { ghost: key }'),
    )
    .refine((columns) => Object.keys(columns).length > 0, 'must name at least one column');
  const anonymise = z
    .record(
      name,
      z.union(
        [valueOrNull, z.strictObject({ placeholder: z.string().min(1) }), z.strictObject({ random: z.literal(true) })],
        'must be null, a constant, { placeholder } or { random: true }',
      ),
    )
    .refine((columns) => Object.keys(columns).length > 0, 'must name at least one column');
  const where = z
    .record(
      columnName,
      z.union([valueOrNull, z.array(valueOrNull).min(1)], 'must be a constant, null, or a list of them'),
    )
    .refine((columns) => Object.keys(columns).length > 0, 'must have at least one column');
  const relation = z.strictObject({
    table,
    on: z.record(columnName, name).refine((on) => Object.keys(on).length > 0, 'must have at least one column'),
  });
  const wording = {
    about: z.string().trim().min(1, 'must describe the table').optional(),
    columns: z.record(name, z.string().trim().min(1, 'must describe the column')).optional(),
  };
  const common = {
    ...wording,
    table,
    sources: z.array(name).optional(),
    omit: z.array(name).optional(),
    approve: z.array(name).optional(),
    triggers: z.array(name).optional(),
    rules: z.array(name).optional(),
    inheritors: z.array(table).optional(),
    onDelete: z.array(z.strictObject({ table, constraint: name })).optional(),
  };
  const tableMap = z
    .strictObject({
      ...common,
      where: where.optional(),
      time: name.optional(),
      retain: retain.optional(),
      detach: detach.optional(),
      export: z.literal(false, 'must be false or absent').optional(),
      subject: subject.optional(),
      via: relation.optional(),
      referencedBy: relation.optional(),
      sharedWith: z.array(relation).optional(),
    })
    .refine(
      (map) => [map.subject, map.via, map.referencedBy].filter((each) => each !== undefined).length === 1,
      'must have exactly one of subject, via and referencedBy',
    )
    .refine((map) => map.retain === undefined || map.detach === undefined, 'must not have both retain and detach')
    .refine((map) => map.sharedWith === undefined || map.referencedBy !== undefined, 'sharedWith needs referencedBy');
  const kind = z.strictObject({
    ...common,
    key,
    identities: z.record(typeName, identity).optional(),
    aliases: z.strictObject({ ...wording, table, alias: name, subject: name }).optional(),
    softDelete: z.strictObject({ column: name }).optional(),
    anonymise: anonymise.optional(),
    tables: z.array(tableMap).optional(),
  });
  return {
    table,
    shape: {
      url: z.object({ env: z.string() }, "must be env('NAME')"),
      pace: z
        .strictObject({
          share: z.number().gt(0, 'must be greater than 0').max(1, 'must be at most 1').optional(),
          subjectsPerCommit: z
            .int('must be a whole number')
            .min(1, 'must be at least 1')
            .max(10_000, 'must be at most 10000')
            .optional(),
        })
        .optional(),
      kinds: z
        .strictObject({ user: kind.optional(), company: kind.optional() })
        .refine(
          (kinds) => kinds.user !== undefined || kinds.company !== undefined,
          'must map at least one kind of subject',
        ),
      segments: z
        .strictObject({
          table,
          segment: name,
          subject: z.union([name, z.array(name).min(1)]),
          list: z.strictObject({ table, segment: name }).optional(),
        })
        .optional(),
      ignore: z
        .array(z.strictObject({ table, reason: z.string().trim().min(1, 'must state why the table is not mapped') }))
        .optional(),
    },
  };
}
