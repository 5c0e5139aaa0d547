import * as z from 'zod';
import type { ConnectorDefinition, EnvName } from '../connector.ts';
import { type Api, bearer, done, failed, http, later, path, pending, type Person } from '../http/index.ts';
import { countFound, gatherIds, remaining } from './shared/found.ts';
import { Customer, customersOf, isThere } from './shared/stripe-customers.ts';
import { type CatalogueSettings, common, typeOf } from './shared/settings.ts';

/**
 * Stripe. Source: its reference of customers and of redaction jobs (public preview).
 * Looks customers up by e-mail and redacts them with everything that belongs to them, by jobs that Stripe validates and
 * runs. Reads each customer back. Counts and exports customers.
 * Cannot hide or suppress. Redacts no charge that is younger than 90 days: its job fails until then.
 */
export interface StripeSettings extends CatalogueSettings {
  /** A restricted key that can read customers and write redaction jobs. */
  readonly secretKey: EnvName;
  readonly apiVersion?: string;
}

const Job = z.object({ id: z.string().min(1), status: z.string() });
const ENDS = new Map([
  ['succeeded', done()],
  ['failed', failed('validation_failed')],
  ['canceled', failed('job_canceled')],
]);
export function stripe(settings: StripeSettings): ConnectorDefinition {
  const type = typeOf(settings, 'email');
  const pace = { erase: [{ every: '0.05 seconds' }], read: [{ every: '0.05 seconds' }] } as const;
  const identity = { type: 'email', match: 'caseInsensitive' } as const;
  const facts = { identity, most: 100, table: 'customers', completesWithin: '7 days', pace } as const;

  async function* customers(api: Api, people: readonly Person[]) {
    for (const person of people) yield* customersOf(api, person, type);
  }
  async function* present(api: Api, people: readonly Person[]) {
    for await (const customer of customers(api, people)) if (isThere(customer.row)) yield customer;
  }
  const find = (api: Api, people: readonly Person[]) => gatherIds(people, present(api, people));

  return http({
    ...common(settings, facts, 'https://api.stripe.com'),
    auth: bearer(settings.secretKey),
    headers: { 'Stripe-Version': settings.apiVersion ?? '2026-06-24.preview' },
    version: '2026-11-30',
    check: (api) => api.get(path`/v1/customers`, { query: { limit: 1 } }),
    find,
    async erase(api, _, found) {
      const form = { validation_behavior: 'fix', objects: { customers: found.all } };
      const answer = await api.post(path`/v1/privacy/redaction_jobs`, { form, once: true });
      return later(answer.read(Job).id, settings.askEvery ?? '10 minutes');
    },
    async ask(api, id) {
      const { status } = (await api.get(path`/v1/privacy/redaction_jobs/${id}`)).read(Job);
      if (status === 'ready') await api.post(path`/v1/privacy/redaction_jobs/${id}/run`, { form: {}, once: true });
      return ENDS.get(status) ?? pending(settings.askEvery ?? '10 minutes');
    },
    left: async (api, people, found) =>
      remaining(found, await find(api, people), async (id) => {
        const answer = await api.get(path`/v1/customers/${id}`, { gone: [404] });
        return answer !== null && isThere(answer.read(Customer));
      }),
    count: countFound,
    rows: {
      customers: {
        about: 'What the payment service stores about you as a customer',
        read: customers,
      },
    },
  });
}
