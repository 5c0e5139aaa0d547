import { defineDeployment } from '../../config/deployment.ts';
import shipped from '../../lethe.config.ts';

/**
 * The shipped deployment with short periods: one hour to hold, cancel or expedite a request, and a receipt within
 * seconds after the deletion.
 */
export default defineDeployment({
  projects: {
    demo: {
      ...shipped.projects.demo,
      policy: {
        gracePeriod: '1 hour',
        hardDeletion: {},
        settle: '3 seconds',
        deadline: { gdpr: '30 days', ccpa: '45 days' },
      },
    },
  },
});
