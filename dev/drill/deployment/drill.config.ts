import { defineDeployment, env } from '../../../config/deployment.ts';
import { postgres } from '../../../connectors/postgres/index.ts';
import shipped from '../../../lethe.config.ts';

/** The shipped data map and a second system on its own server, with periods of seconds. */
export default defineDeployment({
  projects: {
    drill: {
      policy: {
        gracePeriod: '2 seconds',
        hardDeletion: {},
        settle: '1 second',
        callsPerMinute: 1_000_000,
        deadline: { gdpr: '30 days', ccpa: '45 days' },
      },
      directory: 'app',
      systems: {
        app: shipped.projects.demo.systems.app,
        crm: postgres({
          url: env('CRM_DATABASE_URL'),
          pace: { share: 1 },
          kinds: {
            user: {
              table: 'crm.contacts',
              key: 'user_id',
              softDelete: { column: 'hidden_at' },
              tables: [
                { table: 'crm.notes', subject: { column: 'user_id', match: 'key' }, sources: ['channel'] },
                { table: 'crm.tickets', subject: { column: 'user_id', match: 'key' } },
                {
                  table: 'crm.tickets',
                  subject: { column: 'approved_by', match: 'key' },
                  detach: { approved_by: null },
                },
                {
                  table: 'crm.payments',
                  subject: { column: 'user_id', match: 'key' },
                  retain: { basis: 'accounting law', blank: ['account'], unlink: 'null' },
                },
              ],
            },
          },
        }),
      },
    },
  },
});
