import * as z from 'zod';
import type { ConnectorDefinition, EnvName } from '../connector.ts';
import { type Api, bearer, http, pages, path, type Person } from '../http/index.ts';
import { countFound, gatherIds, remaining, removeEach } from './shared/found.ts';
import { parse } from './shared/parse.ts';
import { type CatalogueSettings, chunksOf, common, idsOf, ownersOf, typeOf } from './shared/settings.ts';

/**
 * HubSpot. Source: its reference of `gdpr-delete` and of the search of contacts.
 * Looks contacts up by e-mail, deletes each permanently by its id, and reads each back. Counts and exports contacts.
 * Never deletes by e-mail, because HubSpot puts the address of an unknown person on a blocklist.
 * Cannot hide or suppress, and does not find second addresses of a contact.
 */
export interface HubSpotSettings extends CatalogueSettings {
  /** Of a private app with the scopes `crm.objects.contacts.read` and `crm.objects.contacts.write`. */
  readonly token: EnvName;
  /** The properties that an export contains. */
  readonly properties?: readonly string[];
}

const Contact = z.object({ id: z.string(), properties: z.looseObject({ email: z.string().nullish() }) });
const Page = z.object({
  results: z.array(z.unknown()),
  paging: z.object({ next: z.object({ after: z.string() }).nullish() }).nullish(),
});
const VALUES_PER_SEARCH = 100;
const PROPERTIES = ['email', 'firstname', 'lastname', 'phone', 'company', 'address', 'city', 'zip', 'country'];
const fold = (email: string | null | undefined): string => (email ?? '').toLowerCase();

export function hubspot(settings: HubSpotSettings): ConnectorDefinition {
  const type = typeOf(settings, 'email');
  const facts = {
    identity: { type: 'email', match: 'caseInsensitive' },
    most: 100,
    table: 'contacts',
    completesWithin: '2 days',
    pace: { erase: [{ every: '0.1 seconds' }], read: [{ every: '0.25 seconds' }] },
  } as const;

  async function* contactsOf(api: Api, people: readonly Person[], properties: readonly string[]) {
    const owners = ownersOf(people, type, fold);
    for (const values of chunksOf([...new Set(idsOf(people, type).map(fold))], VALUES_PER_SEARCH)) {
      const filterGroups = [{ filters: [{ propertyName: 'email', operator: 'IN', values }] }];
      const contacts = pages.cursor(api, path`/crm/v3/objects/contacts/search`, {
        method: 'POST',
        json: { filterGroups, properties, limit: 100 },
        items: (json) => parse(Page, json).results,
        cursor: (json) => parse(Page, json).paging?.next?.after ?? null,
        param: { in: 'json', key: 'after' },
        lane: 'read',
      });
      for await (const item of contacts) {
        const contact = parse(Contact, item);
        const seq = owners.get(fold(contact.properties.email));
        if (seq !== undefined) yield { seq, row: { id: contact.id, ...contact.properties } };
      }
    }
  }
  const find = (api: Api, people: readonly Person[]) => gatherIds(people, contactsOf(api, people, ['email']));

  return http({
    ...common(settings, facts, 'https://api.hubapi.com'),
    auth: bearer(settings.token),
    version: '2026-11-30',
    settle: '1 minute',
    check: (api) => api.get(path`/crm/v3/objects/contacts`, { query: { limit: 1 } }),
    find,
    erase: (api, _, found) =>
      removeEach(found, (objectId) =>
        api.post(path`/crm/v3/objects/contacts/gdpr-delete`, { json: { objectId }, gone: [404] }),
      ),
    left: async (api, people, found) =>
      remaining(found, await find(api, people), async (id) => {
        return (await api.get(path`/crm/v3/objects/contacts/${id}`, { gone: [404] })) !== null;
      }),
    count: countFound,
    rows: {
      contacts: {
        about: 'Your contact record',
        read: (api, people) => contactsOf(api, people, settings.properties ?? PROPERTIES),
      },
    },
  });
}
