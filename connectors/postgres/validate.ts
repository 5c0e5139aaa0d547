import { z } from 'zod';
import type { ConfigError } from '../connector.ts';
import { dataMapSchema } from '../data-map/settings-schema.ts';
import { validateDataMap } from '../data-map/validate-settings.ts';
import type { PostgresSettings } from './settings.ts';

const { table, shape } = dataMapSchema({ database: 'PostgreSQL', max: 63, unit: 'bytes' });
const { ignore, ...common } = shape;

const settingsSchema = z.strictObject({
  ...common,
  materializedViews: z
    .strictObject({ refresh: z.array(table).optional(), report: z.array(table).optional() })
    .optional(),
  ignore,
});

export const validateSettings = (settings: PostgresSettings): readonly ConfigError[] =>
  validateDataMap(settingsSchema, settings);
