import { defineDeployment } from '../../config/deployment.ts';
import shipped from '../../lethe.config.ts';

/** The shipped deployment in seconds instead of days, so that a person can watch a deletion from end to end. */
export default defineDeployment({
  projects: {
    demo: {
      ...shipped.projects.demo,
      policy: {
        gracePeriod: '6 seconds',
        hardDeletion: {},
        settle: '3 seconds',
        deadline: { gdpr: '30 days', ccpa: '45 days' },
      },
    },
  },
});
