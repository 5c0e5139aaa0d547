import { unknownKeyMessage } from '../connectors/config-messages.ts';
import type { ConfigError, Description } from '../connectors/connector.ts';

export const joinPath = (path: string, key: string): string => (path === '' ? key : `${path}.${key}`);

export const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A configuration file may be plain JavaScript, so types alone do not rule out unknown keys. */
export function checkUnknownKeys(value: unknown, known: readonly string[], path: string, errors: ConfigError[]): void {
  if (!isObject(value)) return;
  for (const key of Object.keys(value)) {
    if (!known.includes(key)) errors.push({ path: joinPath(path, key), message: unknownKeyMessage(key, known) });
  }
}

// These names become parts of workflow ids, task queues and paths.
const NAME = /^[a-z][a-z0-9_-]{0,40}$/;

/** Returns the entries of an object whose keys are names that the operator chose. Adds an error if it is empty. */
export function namedEntries<Value>(
  value: Readonly<Record<string, Value>>,
  path: string,
  errors: ConfigError[],
): [string, Value][] {
  const entries = isObject(value) ? Object.entries(value) : [];
  if (entries.length === 0) errors.push({ path, message: 'must be an object with at least one entry' });
  for (const [name] of entries) {
    if (!NAME.test(name))
      errors.push({
        path: joinPath(path, name),
        message: 'a name has at most 41 lower-case letters, digits, - and _, and begins with a letter',
      });
  }
  return entries;
}

/** Returns what contradicts itself in the abilities of a system, so that no request finds it out. */
export function abilityErrors({ actions }: Description): readonly string[] {
  const errors: string[] = [];
  if (actions.hide && !actions.restore)
    errors.push('can hide a subject but not show it again, so a cancellation could not undo it; it must not hide');
  if (actions.segments && !actions.resolve)
    errors.push('has segments but cannot resolve identities; only a directory has segments');
  if (!actions.scopes.includes('data'))
    errors.push('cannot delete all data of a subject, so no deletion could end; its scopes must contain data');
  return errors;
}
