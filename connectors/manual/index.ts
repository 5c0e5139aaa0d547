import { createHash } from 'node:crypto';
import { SUBJECT_KINDS } from '../../domain/vocabulary.ts';
import { configErrorsOf } from '../config-messages.ts';
import type { Connector, ConnectorDefinition, Description, OpenContext } from '../connector.ts';
import { hardDelete } from './hard-delete.ts';
import { type ManualSettings, identityTypes, settingsSchema, subjectsPerTask, withinMs } from './settings.ts';

export type { ManualSettings } from './settings.ts';

/** A system without an API: Lethe opens tasks, and a person deletes and reports the result. See docs/connectors/manual.md. */
export const manual = (settings: ManualSettings): ConnectorDefinition => ({
  describe: () => describe(settings),
  validate: () => configErrorsOf(settingsSchema, settings),
  open: (context) => openManual(settings, context),
});

export const openManual = (settings: ManualSettings, { tasks }: OpenContext): Connector => ({
  // There is nothing to connect to.
  inspect: async () => [],
  hardDelete: (batch, deletion, activity) => hardDelete({ settings, tasks }, batch, deletion, activity),
  close: async () => {},
});

function describe(settings: ManualSettings): Description {
  const kinds = SUBJECT_KINDS.flatMap((kind) => {
    const map = settings.kinds[kind];
    return map === undefined ? [] : [[kind, identityTypes(map)] as const];
  });
  return {
    kinds: kinds.map(([kind]) => kind),
    identityTypes: Object.fromEntries(kinds),
    actions: {
      resolve: false,
      hide: false,
      restore: false,
      segments: false,
      export: false,
      count: false,
      suppress: false,
      scopes: ['data'],
    },
    limits: { batchSize: subjectsPerTask(settings) },
    verification: 'person',
    completesWithinMs: withinMs(settings),
    // The text is wording. What the person deletes does not depend on it as far as Lethe knows.
    dataMapHash: createHash('sha256').update(JSON.stringify(kinds)).digest('hex'),
  };
}
