import { defineDeployment, env } from './config/deployment.ts';
import { postgres } from './connectors/postgres/index.ts';

/** The deployment that ships: the demo project. Edit it, or let LETHE_CONFIG name another file. */
export default defineDeployment({
  projects: {
    demo: {
      policy: {
        gracePeriod: '14 days',
        hardDeletion: { dailyAt: '02:00', quotaPerRun: 10_000 },
        settle: '24 hours',
        subjectsPerRequest: 2_000,
        subjectsPerUpload: 10_000,
        subjectsPerSegment: 50_000,
        deadline: { gdpr: '30 days', ccpa: '45 days' },
      },
      directory: 'app',
      processors: {
        app: postgres({
          url: env('DEMO_DATABASE_URL'),
          pace: { share: 0.2 },
          kinds: {
            user: {
              table: 'app.users',
              key: 'user_id',
              identities: {
                xng_id: { column: 'xng_id', match: 'uuid' },
                external_id: { column: 'external_id' },
                email: { columns: ['email', 'business_unit'], match: 'caseInsensitive' },
              },
              aliases: { table: 'app.aliases', alias: 'alias', subject: 'user_id' },
              softDelete: { column: 'deleted_at' },
              tables: [
                { table: 'app.events', subject: 'user_id', time: 'occurred_at', sources: ['ip', 'sdk', 'utm_source'] },
                { table: 'app.orders', subject: 'user_id', time: 'ordered_at' },
                { table: 'app.order_items', via: { table: 'app.orders', on: { order_id: 'order_id' } } },
                { table: 'app.newsletter', subject: { identity: 'email', columns: ['email', 'business_unit'] } },
                { table: 'app.memberships', subject: { column: 'user_id', match: 'key' } },
                { table: 'app.segment_members', subject: { column: 'user_id', match: 'key' } },
                {
                  table: 'app.invoices',
                  subject: { column: 'user_id', match: 'key' },
                  retain: { basis: 'tax law, 10 years', blank: ['address'], unlink: 'null' },
                },
              ],
            },
            company: {
              table: 'app.companies',
              key: { column: 'company_id', match: 'integer' },
              identities: { domain: { column: 'domain', match: 'caseInsensitive' } },
              softDelete: { column: 'deleted_at' },
              tables: [{ table: 'app.memberships', subject: { column: 'company_id', match: 'key' } }],
            },
          },
          segments: { table: 'app.segment_members', segment: 'segment', subject: 'user_id' },
          ignore: [{ table: 'app.business_units', reason: 'its e-mail addresses are of departments, not of persons' }],
        }),
      },
    },
  },
});
