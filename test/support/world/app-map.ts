import type { KindMap } from '../../../connectors/data-map/data-map.ts';
import type { PostgresSettings } from '../../../connectors/postgres/settings.ts';

/** The demo's schema as a system without throttling. */
const user: KindMap = {
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
    { table: 'app.orders', subject: 'user_id' },
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
};
const company: KindMap = {
  table: 'app.companies',
  key: { column: 'company_id', match: 'integer' },
  identities: { domain: { column: 'domain', match: 'caseInsensitive' } },
  softDelete: { column: 'deleted_at' },
  tables: [{ table: 'app.memberships', subject: { column: 'company_id', match: 'key' } }],
};

export const appSettings = (subjectsPerCommit = 1_000): PostgresSettings => ({
  url: { env: 'APP_URL' },
  pace: { share: 1, subjectsPerCommit },
  kinds: { user, company },
  segments: { table: 'app.segment_members', segment: 'segment', subject: 'user_id' },
  ignore: [{ table: 'app.business_units', reason: 'contains addresses of departments' }],
});
