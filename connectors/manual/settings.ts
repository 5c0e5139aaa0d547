import { z } from 'zod';
import { type DurationText, durationMs } from '../../domain/calendar.ts';
import type { Comparison, IdentityTypes } from '../../domain/identity.ts';
import { PLACEHOLDERS, unknownPlaceholders } from '../../domain/tasks/task.ts';
import type { SubjectKind } from '../../domain/vocabulary.ts';

/** A system without an API, in which a person deletes. See docs/connectors/manual.md. */
export interface ManualSettings {
  /** What the person has to do. Can contain {project}, {system}, {request}, {subjects} and {due}. */
  readonly erase: string;
  readonly kinds: Readonly<Partial<Record<SubjectKind, ManualKind>>>;
  /** The time for a task. The deadline of its request can be earlier. */
  readonly within: DurationText;
  /** The mail address of those who do it. Without it, only webhooks tell about tasks. */
  readonly notify?: string;
  /** Subjects per task. Default: 500. */
  readonly subjectsPerTask?: number;
}
export interface ManualKind {
  /** The identities by which the person finds a subject, as the directory has them. */
  readonly identities: Readonly<Record<string, { readonly match?: Comparison; readonly parts?: number }>>;
}

export const subjectsPerTask = (settings: ManualSettings): number => settings.subjectsPerTask ?? 500;
export const withinMs = ({ within }: ManualSettings): number => durationMs(within) ?? 0;

export const identityTypes = ({ identities }: ManualKind): IdentityTypes =>
  Object.fromEntries(
    Object.entries(identities).map(([name, { match, parts }]) => [
      name,
      { comparison: match ?? 'exact', parts: parts ?? 1 },
    ]),
  );

const instruction = z
  .string('must say what the person has to do')
  .trim()
  .min(1, 'must say what the person has to do')
  .max(2_000, 'must have at most 2000 characters')
  .superRefine((text, context) => {
    for (const name of unknownPlaceholders(text))
      context.addIssue({
        code: 'custom',
        message: `has the unknown placeholder {${name}}; allowed: ${PLACEHOLDERS.map((each) => `{${each}}`).join(', ')}`,
      });
  });
const identity = z.strictObject({
  match: z
    .enum(['exact', 'caseInsensitive', 'uuid', 'integer'], {
      error: "must be 'exact', 'caseInsensitive', 'uuid' or 'integer'",
    })
    .optional(),
  parts: z.int('must be a whole number').min(1, 'must be at least 1').max(8, 'must be at most 8').optional(),
});
const kind = z.strictObject({
  identities: z
    .record(
      z
        .string()
        .regex(/^[A-Za-z][A-Za-z0-9_]*$/, 'an identity type has letters, digits and _, and begins with a letter'),
      identity,
    )
    .refine((identities) => Object.keys(identities).length > 0, 'must name at least one identity type'),
});

export const settingsSchema = z.strictObject({
  erase: instruction,
  kinds: z
    .strictObject({ user: kind.optional(), company: kind.optional() })
    .refine(
      (kinds) => kinds.user !== undefined || kinds.company !== undefined,
      'must name at least one kind of subject',
    ),
  within: z
    .string("must be a duration such as '10 days'")
    .refine((text) => (durationMs(text) ?? 0) > 0, "must be a duration such as '10 days'"),
  notify: z.email('must be a mail address').max(254, 'must have at most 254 characters').optional(),
  subjectsPerTask: z
    .int('must be a whole number')
    .min(1, 'must be at least 1')
    .max(10_000, 'must be at most 10000')
    .optional(),
});
