import { defineDeployment, env } from '../../config/deployment.ts';
import { mixpanel, userpilot } from '../../connectors/catalogue/index.ts';
import { manual } from '../../connectors/manual/index.ts';
import demo from './demo.config.ts';

const { policy, directory, systems } = demo.projects.demo;
/** The demo starts local servers that stand in for both services. Without it, nothing answers at these addresses. */
const { DEMO_MIXPANEL_URL = 'http://127.0.0.1:8181', DEMO_USERPILOT_URL = 'http://127.0.0.1:8182' } = process.env;
const LOOPBACK = ['127.0.0.1/32'];

/** The database of the demo, two services and a person, each with another level of proof. */
export default defineDeployment({
  projects: {
    demo: {
      policy,
      directory,
      systems: {
        // Proof: read.
        app: systems.app,
        // Proof: attested. `readBack` with a service account would also read the profiles.
        mixpanel: mixpanel({
          at: DEMO_MIXPANEL_URL,
          allowPrivate: LOOPBACK,
          identity: { type: 'xng_id', match: 'uuid' },
          gdprToken: env('DEMO_MIXPANEL_TOKEN'),
          projectToken: env('DEMO_MIXPANEL_PROJECT'),
          askEvery: '2 seconds',
          // Mixpanel states 30 days, which is all that the GDPR allows.
          completesWithin: '25 days',
        }),
        // Proof: none. A plan with exports would let Lethe read.
        userpilot: userpilot({
          at: DEMO_USERPILOT_URL,
          allowPrivate: LOOPBACK,
          apiKey: env('DEMO_USERPILOT_KEY'),
          companyIdentity: { type: 'company_id', match: 'integer' },
        }),
        // Proof: a person.
        partner: manual({
          erase: 'Delete these {subjects} customers in the back office of the partner, until {due}.',
          kinds: { user: { identities: { user_id: {}, email: { match: 'caseInsensitive', parts: 2 } } } },
          within: '5 days',
        }),
      },
    },
  },
});
