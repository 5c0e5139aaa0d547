import { defineDeployment, env } from './config/deployment.ts';
import { postgres } from './connectors/postgres/index.ts';

/** The default deployment: the demo project. Edit this file, or set LETHE_CONFIG to the path of another one. */
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
              about: 'Your account',
              columns: {
                user_id: 'User ID',
                xng_id: 'User ID in our analytics',
                external_id: 'User ID in the system your account was imported from',
                email: 'Email address',
                business_unit: 'Department that the email address belongs to',
                name: 'Name',
                created_at: 'When your account was created',
                deleted_at: 'When your account was hidden because of a deletion request',
              },
              key: 'user_id',
              identities: {
                xng_id: { column: 'xng_id', match: 'uuid' },
                external_id: { column: 'external_id' },
                email: { columns: ['email', 'business_unit'], match: 'caseInsensitive' },
              },
              aliases: {
                table: 'app.aliases',
                about: 'Other identifiers of you, such as device IDs',
                columns: { alias: 'Identifier', user_id: 'User ID or identifier that it belongs to' },
                alias: 'alias',
                subject: 'user_id',
              },
              softDelete: { column: 'deleted_at' },
              tables: [
                {
                  table: 'app.events',
                  about: 'Your activity in our applications',
                  columns: {
                    event_id: 'Number of the activity',
                    user_id: 'User ID or identifier that was used',
                    occurred_at: 'When the activity happened',
                    name: 'Kind of activity',
                    ip: 'IP address of your device',
                    sdk: 'Application that recorded the activity',
                    utm_source: 'Website or campaign that you came from',
                  },
                  subject: 'user_id',
                  time: 'occurred_at',
                  sources: ['ip', 'sdk', 'utm_source'],
                },
                {
                  table: 'app.orders',
                  about: 'Your orders',
                  columns: { order_id: 'Order number', user_id: 'User ID', ordered_at: 'When you placed the order' },
                  subject: 'user_id',
                  time: 'ordered_at',
                },
                {
                  table: 'app.order_items',
                  about: 'The items in your orders',
                  columns: {
                    order_id: 'Order number',
                    line: 'Position in the order',
                    sku: 'Item number',
                    cents: 'Price in cents',
                  },
                  via: { table: 'app.orders', on: { order_id: 'order_id' } },
                },
                {
                  table: 'app.newsletter',
                  about: 'Your newsletter subscriptions',
                  columns: {
                    email: 'Email address that receives the newsletter',
                    business_unit: 'Department that sends the newsletter',
                    subscribed_at: 'When you subscribed',
                  },
                  subject: { identity: 'email', columns: ['email', 'business_unit'] },
                  time: 'subscribed_at',
                },
                {
                  table: 'app.memberships',
                  about: 'The companies you belong to',
                  columns: { company_id: 'Company number', user_id: 'User ID', role: 'Your role in the company' },
                  subject: { column: 'user_id', match: 'key' },
                },
                {
                  table: 'app.segment_members',
                  about: 'The user groups you belong to',
                  columns: { segment: 'Name of the group', user_id: 'User ID' },
                  subject: { column: 'user_id', match: 'key' },
                },
                {
                  table: 'app.invoices',
                  about: 'Your invoices',
                  columns: {
                    invoice_id: 'Invoice number',
                    user_id: 'User ID',
                    issued_at: 'When the invoice was issued',
                    cents: 'Amount in cents',
                    address: 'Billing address',
                  },
                  subject: { column: 'user_id', match: 'key' },
                  time: 'issued_at',
                  retain: { basis: 'tax law, 10 years', blank: ['address'], unlink: 'null' },
                },
              ],
            },
            company: {
              table: 'app.companies',
              about: 'Your company',
              columns: {
                company_id: 'Company number',
                domain: 'Internet domain',
                name: 'Name of the company',
                deleted_at: 'When the company was hidden because of a deletion request',
              },
              key: { column: 'company_id', match: 'integer' },
              identities: { domain: { column: 'domain', match: 'caseInsensitive' } },
              softDelete: { column: 'deleted_at' },
              tables: [
                {
                  table: 'app.memberships',
                  about: 'Memberships in your company',
                  subject: { column: 'company_id', match: 'key' },
                },
              ],
            },
          },
          segments: { table: 'app.segment_members', segment: 'segment', subject: 'user_id' },
          ignore: [{ table: 'app.business_units', reason: 'contains email addresses of departments, not of people' }],
        }),
      },
    },
  },
});
