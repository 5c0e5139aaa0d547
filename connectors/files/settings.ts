import { z } from 'zod';
import { type DurationText, DAY_MS, durationMs } from '../../domain/calendar.ts';
import type { Comparison } from '../../domain/identity.ts';
import type { SubjectKind } from '../../domain/vocabulary.ts';
import type { EnvName } from '../connector.ts';

/** Objects in a folder or a bucket as a system. See docs/connectors/files.md. */
export interface FilesSettings {
  /** `file:///srv/uploads`, `s3://bucket/prefix?region=eu-central-1`, or the variable with such a URL. */
  readonly at: string | EnvName;
  /** For a bucket. Without them, the worker's own credentials: the AWS_ variables or a role. */
  readonly credentials?: {
    readonly accessKeyId: EnvName;
    readonly secretAccessKey: EnvName;
    readonly sessionToken?: EnvName;
  };
  readonly kinds: Readonly<Partial<Record<SubjectKind, FilesKind>>>;
  /** Copies that the owner refreshes or that expire, such as a CDN or a replica. The receipt lists them. */
  readonly copies?: readonly string[];
  /** Subjects per range. Default: 100. */
  readonly batchSize?: number;
  /** The longest time that a deletion takes. Default: 1 day. */
  readonly completesWithin?: DurationText;
}

/** The objects of one kind of subject. */
export interface FilesKind {
  /** The identity types that occur in keys, as the directory has them. */
  readonly identities: Readonly<Record<string, FilesIdentity>>;
  /** Names for the receipt and the archive, each with the keys of its objects. */
  readonly objects: Readonly<Record<string, FilesObjects>>;
}
export interface FilesIdentity {
  /** Default: exact. */
  readonly match?: Comparison;
  /** The number of values of a composite type. Default: 1. */
  readonly parts?: number;
}
export interface FilesObjects {
  /** `avatars/{user_id}/` selects everything below, `invoices/{user_id}.pdf` one object. One or several. */
  readonly keys: string | readonly string[];
  /** `percent`: the application writes the identity with `encodeURIComponent`. Default: as it is. */
  readonly encode?: 'percent';
  /** What the objects are, for the person. */
  readonly about?: string;
}

export const batchSizeOf = ({ batchSize }: FilesSettings): number => batchSize ?? 100;
export const completesWithinMs = ({ completesWithin }: FilesSettings): number =>
  (completesWithin === undefined ? null : durationMs(completesWithin)) ?? DAY_MS;

export const keysOf = ({ keys }: FilesObjects): readonly string[] => (typeof keys === 'string' ? [keys] : keys);

const variable = z.strictObject({ env: z.string() }, "must be env('NAME')");
const typeName = z
  .string()
  .regex(/^[A-Za-z][A-Za-z0-9_]*$/, 'an identity type has letters, digits and _, and begins with a letter');
const objectsName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/, 'a name of objects has at most 63 letters, digits, _ and -');
const key = z.string('must be a key such as avatars/{user_id}/');

const kind = z.strictObject({
  identities: z.record(
    typeName,
    z.strictObject({
      match: z
        .enum(['exact', 'caseInsensitive', 'uuid', 'integer'], {
          error: "must be 'exact', 'caseInsensitive', 'uuid' or 'integer'",
        })
        .optional(),
      parts: z.int('must be a whole number').min(1, 'must be at least 1').max(8, 'must be at most 8').optional(),
    }),
  ),
  objects: z
    .record(
      objectsName,
      z.strictObject({
        keys: z.union([key, z.array(key).min(1, 'must have at least one key')], 'must be a key or a list of keys'),
        encode: z.literal('percent', "must be 'percent' or absent").optional(),
        about: z.string().trim().min(1, 'must describe the objects').optional(),
      }),
    )
    .refine((objects) => Object.keys(objects).length > 0, 'must name at least one kind of object'),
});

export const settingsSchema = z.strictObject({
  at: z.union([z.string(), variable], "must be a URL such as file:///srv/uploads or s3://bucket, or env('NAME')"),
  credentials: z
    .strictObject({ accessKeyId: variable, secretAccessKey: variable, sessionToken: variable.optional() })
    .optional(),
  kinds: z
    .strictObject({ user: kind.optional(), company: kind.optional() })
    .refine(
      (kinds) => kinds.user !== undefined || kinds.company !== undefined,
      'must map at least one kind of subject',
    ),
  copies: z.array(z.string().trim().min(1, 'must name the copy')).optional(),
  batchSize: z
    .int('must be a whole number')
    .min(1, 'must be at least 1')
    .max(10_000, 'must be at most 10000')
    .optional(),
  completesWithin: z
    .string("must be a duration such as '1 day'")
    .refine((text) => durationMs(text) !== null, "must be a duration such as '1 day'")
    .optional(),
});
