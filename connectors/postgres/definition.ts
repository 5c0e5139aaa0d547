import type { ConfigError } from '../connector.ts';
import type { PostgresSettings } from './data-map/data-map.ts';
import { checkReferences } from './data-map/references.ts';
import { settingsShape } from './data-map/shape.ts';

/** What can be seen without connecting: the shape first, then what its names refer to. */
export function validateSettings(settings: PostgresSettings): readonly ConfigError[] {
  const parsed = settingsShape.safeParse(settings);
  if (parsed.success) return checkReferences(settings);
  return parsed.error.issues.flatMap((issue) => {
    const path = issue.path.map(String);
    if (issue.code === 'unrecognized_keys')
      return issue.keys.map((key) => ({ path: [...path, key].join('.'), message: 'is not a setting' }));
    return [{ path: path.join('.'), message: issue.message }];
  });
}
