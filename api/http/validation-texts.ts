import type { z } from 'zod';

// The texts of zod itself can quote what the caller sent. Every other message comes from a schema of the API.
const ZOD_TEXT = /^(Invalid|Too|Unrecognized)\b/;

/** What is wrong with a value, as the predicate of a sentence. */
export function validationText(issue: z.core.$ZodIssue, isMissing: boolean): string {
  if (!ZOD_TEXT.test(issue.message)) return issue.message;
  if (isMissing) return 'is required';
  switch (issue.code) {
    case 'invalid_type':
      return TYPES[issue.expected] ?? WRONG_TYPE;
    case 'invalid_value':
      return `must be ${listAlternatives(issue.values)}`;
    case 'invalid_format':
      return FORMATS[issue.format] ?? 'does not have the required format';
    case 'too_small':
      return limitText(issue.origin, 'least', Number(issue.minimum));
    case 'too_big':
      return limitText(issue.origin, 'most', Number(issue.maximum));
    case 'unrecognized_keys':
      return 'contains unknown fields';
    case 'invalid_union':
      return unionText(issue.errors);
    default:
      return 'is invalid';
  }
}

const WRONG_TYPE = 'has the wrong type';
const TYPES: Readonly<Record<string, string>> = {
  string: 'must be text',
  number: 'must be a number',
  int: 'must be a whole number',
  boolean: 'must be true or false',
  array: 'must be a list',
  object: 'must be an object',
};
const FORMATS: Readonly<Record<string, string>> = {
  email: 'must be an email address',
  datetime: 'must be a timestamp in UTC such as 2026-11-23T10:00:00Z',
};

function limitText(origin: string, bound: 'least' | 'most', limit: number): string {
  if (origin === 'string')
    return bound === 'least' && limit === 1 ? 'must not be empty' : lengthText(bound, limit, 'character');
  return origin === 'array' ? lengthText(bound, limit, 'item') : `must be at ${bound} ${limit}`;
}

const lengthText = (bound: string, limit: number, unit: string): string =>
  `must have at ${bound} ${limit} ${unit}${limit === 1 ? '' : 's'}`;

/** One text for all branches of a union. A branch that failed on an item of a list describes that item. */
function unionText(branches: readonly (readonly z.core.$ZodIssue[])[]): string {
  const texts = branches.flatMap(([first]) => (first === undefined ? [] : validationText(first, false)));
  const [first = WRONG_TYPE, ...others] = new Set(texts);
  return [first, ...others.map((text) => text.replace(/^must (be )?/, ''))].join(' or ');
}

/** `one, two or three`; the values come from the schema. */
function listAlternatives(values: readonly unknown[]): string {
  const texts = values.map((value) => (/^\w+$/.test(String(value)) ? String(value) : `"${String(value)}"`));
  return texts.length < 2 ? texts.join('') : `${texts.slice(0, -1).join(', ')} or ${texts.at(-1)}`;
}
