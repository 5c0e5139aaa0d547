import * as z from 'zod';
import type { ConnectorDefinition, EnvName } from '../connector.ts';
import { type Api, bearer, http, path, type Person } from '../http/index.ts';
import { countFound, gatherIds, remaining, removeEach } from './shared/found.ts';
import {
  type CatalogueFacts,
  type CatalogueSettings,
  chunksOf,
  common,
  idsOf,
  ownersOf,
  typeOf,
} from './shared/settings.ts';

/**
 * Intercom. Source: its reference of contacts and its OpenAPI.
 * Looks contacts up by e-mail or by external id, deletes each by its id, and reads each back. Counts and exports contacts.
 * A contact that was merged into another one counts as deleted.
 * Cannot suppress or delete at once: Intercom's support can retrieve a contact for 7 days. Cannot hide, because the search
 * does not find archived contacts, and a deletion after hiding would find none.
 */
export interface IntercomSettings extends CatalogueSettings {
  readonly region?: 'us' | 'eu' | 'au';
  readonly token: EnvName;
  /** The field of a contact that holds the identity. Default: `email`. */
  readonly field?: 'email' | 'external_id';
}

const Contact = z.looseObject({ id: z.string(), email: z.string().nullish(), external_id: z.string().nullish() });
const Page = z.object({
  data: z.array(Contact),
  pages: z.object({ next: z.object({ starting_after: z.string() }).nullish() }).nullish(),
});
const HOSTS = { us: 'https://api.intercom.io', eu: 'https://api.eu.intercom.io', au: 'https://api.au.intercom.io' };

export function intercom(settings: IntercomSettings): ConnectorDefinition {
  const { field = 'email' } = settings;
  const isEmail = field === 'email';
  const type = typeOf(settings, isEmail ? 'email' : 'user_id');
  const facts: CatalogueFacts = {
    identity: isEmail ? { type: 'email', match: 'caseInsensitive' } : { type: 'user_id' },
    most: 50,
    table: 'contacts',
    completesWithin: '8 days',
    pace: { erase: [{ every: '0.05 seconds' }], read: [{ every: '0.05 seconds' }] },
  };
  const fold = (id: string | null | undefined): string => (isEmail ? (id ?? '').toLowerCase() : (id ?? ''));

  async function* contactsOf(api: Api, people: readonly Person[]) {
    const owners = ownersOf(people, type, fold);
    const values = new Set(idsOf(people, type).flatMap((id) => [id, fold(id)]));
    for (const value of chunksOf([...values], 15)) {
      const query = { field, operator: 'IN', value };
      for (let after: string | null | undefined = null; after !== undefined;) {
        const pagination: object = { per_page: 50, ...(after === null ? {} : { starting_after: after }) };
        const answer = await api.post(path`/contacts/search`, { json: { query, pagination }, lane: 'read' });
        const page: z.output<typeof Page> = answer.read(Page);
        for (const row of page.data) {
          const seq = owners.get(fold(row[field]));
          if (seq !== undefined) yield { seq, row };
        }
        after = page.pages?.next?.starting_after;
      }
    }
  }
  const find = (api: Api, people: readonly Person[]) => gatherIds(people, contactsOf(api, people));
  return http({
    ...common(settings, facts, HOSTS[settings.region ?? 'us']),
    auth: bearer(settings.token),
    headers: { 'Intercom-Version': '2.11' },
    version: '2026-11-30',
    check: (api) => api.get(path`/me`),
    find,
    erase: (api, _, found) => removeEach(found, (id) => api.delete(path`/contacts/${id}`, { gone: [404] })),
    left: async (api, people, found) =>
      remaining(found, await find(api, people), async (id) => {
        return (await api.get(path`/contacts/${id}`, { gone: [404] })) !== null;
      }),
    count: countFound,
    rows: { contacts: { about: 'Your contact record', read: contactsOf } },
  });
}
