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
      systems: {
        app: postgres({
          url: env('DEMO_DATABASE_URL'),
          pace: { share: 0.2 },
          kinds: {
            user: {
              table: 'app.users',
              about: 'Your account.',
              columns: {
                user_id: 'Your number with us.',
                xng_id: 'Your number in our analytics.',
                external_id: 'Your number in the system that you came from.',
                email: 'Your e-mail address.',
                business_unit: 'The department that your address belongs to.',
                name: 'Your name.',
                created_at: 'When the account was opened.',
                deleted_at: 'Since when it has been hidden, because a deletion is under way.',
              },
              key: 'user_id',
              identities: {
                xng_id: { column: 'xng_id', match: 'uuid' },
                external_id: { column: 'external_id' },
                email: { columns: ['email', 'business_unit'], match: 'caseInsensitive' },
              },
              aliases: {
                table: 'app.aliases',
                about: 'Other names under which you were seen, such as that of a device.',
                columns: { alias: 'The other name.', user_id: 'Whom, or which other name, it stands for.' },
                alias: 'alias',
                subject: 'user_id',
              },
              softDelete: { column: 'deleted_at' },
              tables: [
                {
                  table: 'app.events',
                  about: 'What you did in our applications.',
                  columns: {
                    occurred_at: 'When it happened.',
                    name: 'What it was.',
                    ip: 'The network address it came from.',
                    sdk: 'The application that reported it.',
                    utm_source: 'The campaign that had brought you.',
                  },
                  subject: 'user_id',
                  time: 'occurred_at',
                  sources: ['ip', 'sdk', 'utm_source'],
                },
                {
                  table: 'app.orders',
                  about: 'What you ordered.',
                  columns: { ordered_at: 'When you ordered it.' },
                  subject: 'user_id',
                  time: 'ordered_at',
                },
                {
                  table: 'app.order_items',
                  about: 'The lines of your orders.',
                  columns: { sku: 'The article.', cents: 'Its price in cents.' },
                  via: { table: 'app.orders', on: { order_id: 'order_id' } },
                },
                {
                  table: 'app.newsletter',
                  about: 'The newsletters that you asked for.',
                  columns: {
                    email: 'The address that they go to.',
                    business_unit: 'The department that they are of.',
                    subscribed_at: 'Since when.',
                  },
                  subject: { identity: 'email', columns: ['email', 'business_unit'] },
                  time: 'subscribed_at',
                },
                {
                  table: 'app.memberships',
                  about: 'The companies that you belong to.',
                  columns: { role: 'What you are there.' },
                  subject: { column: 'user_id', match: 'key' },
                },
                {
                  table: 'app.segment_members',
                  about: 'The groups that you were counted among.',
                  columns: { segment: 'The name of the group.' },
                  subject: { column: 'user_id', match: 'key' },
                },
                {
                  table: 'app.invoices',
                  about: 'What you were charged.',
                  columns: { issued_at: 'When.', cents: 'How much, in cents.', address: 'The address on the invoice.' },
                  subject: { column: 'user_id', match: 'key' },
                  time: 'issued_at',
                  retain: { basis: 'tax law, 10 years', blank: ['address'], unlink: 'null' },
                },
              ],
            },
            company: {
              table: 'app.companies',
              about: 'The company as we know it.',
              columns: { domain: 'Its address in the web.', name: 'Its name.' },
              key: { column: 'company_id', match: 'integer' },
              identities: { domain: { column: 'domain', match: 'caseInsensitive' } },
              softDelete: { column: 'deleted_at' },
              tables: [
                {
                  table: 'app.memberships',
                  about: 'Who belongs to it.',
                  subject: { column: 'company_id', match: 'key' },
                },
              ],
            },
          },
          segments: { table: 'app.segment_members', segment: 'segment', subject: 'user_id' },
          ignore: [{ table: 'app.business_units', reason: 'its e-mail addresses are of departments, not of persons' }],
        }),
      },
    },
  },
});
