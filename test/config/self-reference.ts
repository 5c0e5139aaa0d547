import { userpilot } from 'lethe/catalogue';
import { defineDeployment, env, postgres } from 'lethe/config';

/** A configuration that imports the package by its name, as one outside of this repository does. */
const deployment = defineDeployment({
  projects: {
    shop: {
      policy: { deadline: { gdpr: '30 days' } },
      directory: 'app',
      systems: {
        app: postgres({ url: env('SHOP_URL'), kinds: { user: { table: 'app.users', key: 'user_id' } } }),
        tours: userpilot({ apiKey: env('USERPILOT_API_KEY') }),
      },
    },
  },
});
console.log(Object.keys(deployment.projects).join());
