import type { z } from 'zod';
import { configErrorsOf } from '../config-messages.ts';
import type { ConfigError } from '../connector.ts';
import type { DataMap } from './data-map.ts';
import { checkReferences } from './checks/references.ts';

/** The config errors that need no connection: first the shape, then the references between its keys. */
export function validateDataMap(schema: z.ZodType, settings: DataMap): readonly ConfigError[] {
  const errors = configErrorsOf(schema, settings);
  return errors.length === 0 ? checkReferences(settings) : errors;
}
