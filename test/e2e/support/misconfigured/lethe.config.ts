import { defineDeployment, env } from '../../../../config/deployment.ts';
import { postgres } from '../../../../connectors/postgres/index.ts';
import { appSettings } from '../../../support/world/app-map.ts';

const policy = {
  gracePeriod: '1 second',
  hardDeletion: {},
  settle: '1 second',
  deadline: { gdpr: '30 days' },
} as const;

/** One project that can be used, one with an invalid policy, and one whose variable is not set. */
export default defineDeployment({
  projects: {
    demo: { policy, directory: 'app', systems: { app: postgres(appSettings(50)) } },
    invalid: {
      policy: { ...policy, deadline: { gdpr: '1 second' } },
      directory: 'app',
      systems: { app: postgres(appSettings(50)) },
    },
    locked: {
      policy,
      directory: 'app',
      systems: { app: postgres({ ...appSettings(50), url: env('LOCKED_DATABASE_URL') }) },
    },
  },
});
