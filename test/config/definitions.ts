import type { ConnectorDefinition, Description, ConfigError } from '../../connectors/connector.ts';
import type { Deployment, PolicySettings } from '../../config/settings.ts';
import { DAY_MS } from '../../domain/calendar.ts';
import { SCOPES } from '../../domain/vocabulary.ts';

export const ACTIONS: Description['actions'] = {
  resolve: true,
  hide: true,
  restore: true,
  segments: true,
  export: true,
  count: true,
  suppress: true,
  scopes: SCOPES,
};

/** A system with the given description. It cannot be opened. */
export function systemWith(
  changes: Partial<Description> = {},
  errors: readonly ConfigError[] = [],
): ConnectorDefinition {
  const description: Description = {
    kinds: ['user'],
    identityTypes: { user: { email: { comparison: 'caseInsensitive', parts: 1 } } },
    actions: ACTIONS,
    limits: { batchSize: 100 },
    verification: 'reads',
    completesWithinMs: DAY_MS,
    dataMapHash: 'hash',
    ...changes,
  };
  return {
    describe: () => description,
    validate: () => errors,
    open: () => {
      throw new Error('a configuration is read without opening a system');
    },
  };
}

/** A deployment with one valid project, `demo`, whose policy and settings are overridden by the arguments. */
export const deploymentWith = (policy: object = {}, project: object = {}): Deployment =>
  ({
    projects: {
      demo: {
        policy: { deadline: { gdpr: '30 days' }, ...policy } as PolicySettings,
        directory: 'app',
        systems: { app: systemWith() },
        ...project,
      },
    },
  }) as Deployment;
