import { defineDeployment } from '../../../../config/deployment.ts';
import { postgres } from '../../../../connectors/postgres/index.ts';
import { appSettings } from '../../../support/world/app-map.ts';

/** A rate limit that a test can reach. */
export default defineDeployment({
  projects: {
    demo: {
      policy: { deadline: { gdpr: '30 days' }, callsPerMinute: 6 },
      directory: 'app',
      systems: { app: postgres(appSettings(50)) },
    },
  },
});
