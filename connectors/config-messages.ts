import { z } from 'zod';
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
