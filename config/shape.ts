import type { ConfigError } from '../connectors/connector.ts';

/** A configuration file may be plain JavaScript, so its whole shape is checked, and every error has its path. */
export const at = (path: string, key: string): string => (path === '' ? key : `${path}.${key}`);

export const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export function unknownKeys(value: unknown, known: readonly string[], path: string, errors: ConfigError[]): void {
  if (!isObject(value)) return;
  for (const key of Object.keys(value)) {
    if (!known.includes(key))
      errors.push({ path: at(path, key), message: `is not a setting; known here: ${known.join(', ')}` });
  }
}

// These names go into workflow ids, task queues and paths.
const NAME = /^[a-z][a-z0-9_-]{0,40}$/;

/** The entries of a map from names that the user chose; it must have at least one. */
export function mapOf<Value>(
  value: Readonly<Record<string, Value>>,
  path: string,
  errors: ConfigError[],
): [string, Value][] {
  const entries = isObject(value) ? Object.entries(value) : [];
  if (entries.length === 0) errors.push({ path, message: 'must be an object with at least one entry' });
  for (const [name] of entries) {
    if (!NAME.test(name))
      errors.push({
        path: at(path, name),
        message: 'a name has small letters, digits, - and _, and begins with a letter',
      });
  }
  return entries;
}
