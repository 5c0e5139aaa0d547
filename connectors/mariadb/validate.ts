import { z } from 'zod';
import { configErrorsOf } from '../config-messages.ts';
import type { ConfigError } from '../connector.ts';
import type { KindMap, TableMap } from '../data-map/data-map.ts';
import { dataMapSchema } from '../data-map/settings-schema.ts';
import { validateDataMap } from '../data-map/validate-settings.ts';
import { type MariadbSettings, withDatabases } from './settings.ts';

const { shape } = dataMapSchema({ database: 'MariaDB', max: 64, unit: 'characters' });
const secret = z.object({ env: z.string() }, "must be env('NAME')");

const settingsSchema = z.strictObject({
  ...shape,
  database: z
    .string('must be the name of a database')
    .regex(/^[^.\0]{1,64}$/, 'must be the name of a database, of at most 64 characters and without a dot'),
  tls: z.strictObject({ ca: secret.optional(), cert: secret.optional(), key: secret.optional() }).optional(),
});

/** The config errors that need no connection. */
export function validateSettings(settings: MariadbSettings): readonly ConfigError[] {
  const shapeErrors = configErrorsOf(settingsSchema, settings);
  if (shapeErrors.length > 0) return shapeErrors;
  const found = (['user', 'company'] as const).flatMap((kind) => {
    const map = settings.kinds[kind];
    return map === undefined ? [] : checkKind(map, `kinds.${kind}`);
  });
  const { tls } = settings;
  const pair =
    (tls?.cert === undefined) === (tls?.key === undefined)
      ? []
      : [{ path: 'tls', message: 'needs both cert and key, or neither' }];
  return [...found, ...pair, ...validateDataMap(settingsSchema, withDatabases(settings))];
}

/** Keys of the data map for what MariaDB does not have, or changes without a count. */
const UNSUPPORTED = {
  rules: 'MariaDB has no rewrite rules; remove it',
  inheritors: 'MariaDB has no inheritance between tables; remove it',
  onDelete:
    'the server does not say which rows an ON DELETE action changes; map the table, whose rows Lethe then deletes first',
} as const;

function checkKind(map: KindMap, path: string): ConfigError[] {
  return [
    ...checkKeys(map, path),
    ...(map.tables ?? []).flatMap((table, index) => checkTable(table, `${path}.tables.${index}`)),
  ];
}

function checkKeys(map: KindMap | TableMap, path: string): ConfigError[] {
  return (['rules', 'inheritors', 'onDelete'] as const)
    .filter((key) => (map[key] ?? []).length > 0)
    .map((key) => ({ path: `${path}.${key}`, message: UNSUPPORTED[key] }));
}

function checkTable(map: TableMap, path: string): ConfigError[] {
  const isArray = typeof map.subject === 'object' && 'contains' in map.subject;
  const contains = {
    path: `${path}.subject.contains`,
    message: 'MariaDB has no arrays; map a table of pairs',
  };
  return [...checkKeys(map, path), ...(isArray ? [contains] : [])];
}
