import { DAY_MS } from '../../domain/calendar.ts';
import { SCOPES } from '../../domain/vocabulary.ts';
import type { Description } from '../connector.ts';
import { paceOf } from './context.ts';
import { dataMapHash } from '../data-map/data-map-hash.ts';
import type { PostgresSettings } from './settings.ts';
import { buildModels } from '../data-map/build-models.ts';
import { qualifiedName } from '../data-map/names.ts';

/** Describes the system without connecting to it. */
export function describe(settings: PostgresSettings): Description {
  const models = buildModels(settings);
  return {
    kinds: models.map(({ kind }) => kind),
    identityTypes: Object.fromEntries(models.map(({ kind, types }) => [kind, types])),
    actions: {
      resolve: true,
      hide: true,
      restore: true,
      segments: settings.segments !== undefined,
      export: true,
      count: true,
      suppress: true,
      scopes: SCOPES,
    },
    limits: { batchSize: paceOf(settings).subjectsPerCommit },
    verification: 'reads',
    copies: (settings.materializedViews?.report ?? []).map(qualifiedName),
    completesWithinMs: DAY_MS,
    dataMapHash: dataMapHash(settings),
  };
}
