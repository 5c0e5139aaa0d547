import type { z } from 'zod';
import { configMessage, unknownKeyMessage } from '../config-messages.ts';
import type { ConfigError } from '../connector.ts';
import type { DataMap } from './data-map.ts';
import { checkReferences } from './checks/references.ts';

/** The config errors that need no connection: first the shape, then the references between its keys. */
export function validateDataMap(schema: z.ZodType, settings: DataMap): readonly ConfigError[] {
  const parsed = schema.safeParse(settings, { error: configMessage });
  return parsed.success ? checkReferences(settings) : parsed.error.issues.flatMap((issue) => configErrors(issue, []));
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
