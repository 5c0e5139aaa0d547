import { defineDeployment } from '../../../config/deployment.ts';
import { postgres } from '../../../connectors/postgres/index.ts';
import { appSettings } from '../../support/world/app-map.ts';

/** The demo's data map with periods of seconds, so that a test can run a complete deletion. */
export default defineDeployment({
  projects: {
    demo: {
      policy: {
        gracePeriod: '1 second',
        hardDeletion: {},
        settle: '1 second',
        deadline: { gdpr: '30 days' },
      },
      directory: 'app',
      systems: { app: postgres(appSettings(50)) },
    },
  },
});
