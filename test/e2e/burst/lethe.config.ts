import { defineDeployment } from '../../../config/deployment.ts';
import { postgres } from '../../../connectors/postgres/index.ts';
import { appSettings } from '../../support/world/app-map.ts';

/** A project whose caller may send a burst of requests. */
export default defineDeployment({
  projects: {
    demo: {
      policy: { gracePeriod: '14 days', callsPerMinute: 60_000, deadline: { gdpr: '30 days' } },
      directory: 'app',
      systems: { app: postgres(appSettings(50)) },
    },
  },
});
