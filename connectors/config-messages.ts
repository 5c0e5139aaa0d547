import { z } from 'zod';
import type { ConfigError } from './connector.ts';
import { closest } from './similar-names.ts';

const TYPES: Readonly<Record<string, string>> = {
  object: 'an object',
  record: 'an object',
  array: 'a list',
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
};

/** A plain sentence for an issue whose schema has no message. Never shows the value. */
export const configMessage: z.core.$ZodErrorMap = (issue) => {
  switch (issue.code) {
    case 'invalid_type': {
      const message = `must be ${TYPES[issue.expected] ?? issue.expected}`;
      return issue.input === undefined ? `is missing; it ${message}` : message;
    }
    case 'unrecognized_keys':
      return issue.inst instanceof z.ZodObject ? Object.keys(issue.inst.shape).join(', ') : 'unknown key';
    case 'too_small':
      return `must ${sizeOf(issue.origin, 'at least', issue.minimum)}`;
    case 'too_big':
      return `must ${sizeOf(issue.origin, 'at most', issue.maximum)}`;
    case 'invalid_value':
      return `must be ${issue.values.map((value) => (typeof value === 'string' ? `'${value}'` : String(value))).join(' or ')}`;
    default:
      return 'has a form that is not allowed';
  }
};

function sizeOf(origin: string, bound: string, limit: number | bigint): string {
  if (origin === 'array' || origin === 'set') return `have ${bound} ${limit} ${limit === 1 ? 'entry' : 'entries'}`;
  return origin === 'string'
    ? `have ${bound} ${limit} ${limit === 1 ? 'character' : 'characters'}`
    : `be ${bound} ${limit}`;
}

/** Says which keys are allowed, and which of them was probably meant. */
export function unknownKeyMessage(key: string, allowed: readonly string[]): string {
  const meant = closest(key, allowed);
  return meant === null
    ? `unknown key; allowed keys: ${allowed.join(', ')}`
    : `unknown key; did you mean ${meant}? Allowed keys: ${allowed.join(', ')}`;
}

/** Checks settings against a schema and returns every config error with its path. */
export function configErrorsOf(schema: z.ZodType, settings: unknown): readonly ConfigError[] {
  const parsed = schema.safeParse(settings, { error: configMessage });
  return parsed.success ? [] : parsed.error.issues.flatMap((issue) => configErrors(issue, []));
}

function configErrors(issue: z.core.$ZodIssue, parents: readonly string[]): ConfigError[] {
  const path = [...parents, ...issue.path.map(String)];
  if (issue.code === 'unrecognized_keys') {
    const allowed = issue.message.split(', ');
    return issue.keys.map((key) => ({ path: [...path, key].join('.'), message: unknownKeyMessage(key, allowed) }));
  }
  if (issue.code === 'invalid_key')
    return issue.issues.slice(0, 1).map(({ message }) => ({ path: path.join('.'), message }));
  if (issue.code === 'invalid_union') {
    // An alternative whose keys all fit has the precise error, such as a wrong `match`.
    const alternative = issue.errors.find(
      (issues) => issues.length > 0 && issues.every((each) => each.path.length > 0),
    );
    if (alternative !== undefined) return alternative.flatMap((each) => configErrors(each, path));
  }
  return [{ path: path.join('.'), message: issue.message }];
}
