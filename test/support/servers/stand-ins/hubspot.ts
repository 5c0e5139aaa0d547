import { SECOND, systemClock } from './server/clock.ts';
import { limiter } from './server/limits.ts';
import { membersOf, textOf, textsOf, type PeopleOptions, type Person, type SystemStandIn } from './server/people.ts';
import { routesOf, type Incoming, type Reply } from './server/route.ts';
import { startServer } from './server/server.ts';

/*
 * Stands in for the search of contacts and for `gdpr-delete` of HubSpot's CRM. Written from HubSpot's reference; no
 * registry has its OpenAPI as a package, so requests are checked here by hand. The search lags behind. A deletion by the
 * e-mail address of an unknown person puts that address on a blocklist.
 */

export const HUBSPOT = { token: 'hs-private-app-token' } as const;
const MAX_PAGE = 200;
const MAX_VALUES = 100;

export interface HubSpotOptions extends PeopleOptions {
  /** How long the search still finds a deleted contact. */
  readonly indexLagMs?: number;
}

export interface HubSpotStandIn extends SystemStandIn {
  readonly blocklist: readonly string[];
}

interface Contact {
  readonly id: string;
  readonly person: Person;
  deletedAt: number | null;
}

export async function startHubSpot(options: HubSpotOptions): Promise<HubSpotStandIn> {
  const { clock = systemClock, indexLagMs = 10 * SECOND } = options;
  let next = 501;
  const create = (person: Person): Contact => ({ id: String(next++), person, deletedAt: null });
  const contacts = options.people.map(create);
  const blocklist: string[] = [];
  const burst = limiter(clock, [{ calls: 190, perMs: 10 * SECOND }]);
  const searches = limiter(clock, [{ calls: 5, perMs: SECOND }]);

  const search = (call: Incoming): Reply => {
    if (searches.admit() !== null) return tooMany('SECONDLY');
    const { filterGroups, limit = 10, after = '0', properties } = membersOf(call.json);
    const groups = Array.isArray(filterGroups) ? filterGroups : [];
    const filters = groups.flatMap((group: unknown) => membersOf(group)['filters']).map(membersOf);
    const values = filters.flatMap(({ values: list }) => textsOf(list) ?? []);
    const isSound = filters.every(
      ({ propertyName, operator, values: list }) =>
        propertyName === 'email' && operator === 'IN' && (textsOf(list)?.length ?? MAX_VALUES + 1) <= MAX_VALUES,
    );
    if (!isSound || values.length === 0 || Number(limit) > MAX_PAGE) return badRequest('invalid filter');
    call.concerns(values);
    const found = contacts.filter(
      ({ person, deletedAt }) =>
        (deletedAt === null || clock.now() < deletedAt + indexLagMs) &&
        values.some((value) => value.toLowerCase() === person.email?.toLowerCase()),
    );
    const start = Number(textOf(after, '0'));
    const end = start + Number(limit);
    const wanted = textsOf(properties) ?? [];
    return {
      status: 200,
      json: {
        total: found.length,
        results: found.slice(start, end).map(({ id, person }) => ({
          id,
          properties: pick({ email: person.email, hs_object_id: id, ...person.traits }, ['email', ...wanted]),
          archived: false,
        })),
        ...(end < found.length ? { paging: { next: { after: String(end) } } } : {}),
      },
    };
  };

  const read = (call: Incoming): Reply => {
    const contact = contacts.find(({ id, deletedAt }) => id === call.params['id'] && deletedAt === null);
    return contact === undefined ? NOT_FOUND : { status: 200, json: { id: contact.id, properties: {} } };
  };

  const gdprDelete = (call: Incoming): Reply => {
    const { objectId, idProperty } = membersOf(call.json);
    const key = textOf(objectId);
    call.concerns([key]);
    if (key === '') return badRequest('objectId is required');
    const living = contacts.filter(({ deletedAt }) => deletedAt === null);
    const found = living.filter(({ id, person }) => (idProperty === 'email' ? person.email === key : id === key));
    if (found.length === 0 && idProperty === 'email') blocklist.push(key);
    if (found.length === 0 && idProperty !== 'email') return NOT_FOUND;
    for (const contact of found) contact.deletedAt = clock.now();
    return { status: 204 };
  };

  const server = await startServer(
    {
      routes: routesOf(
        [
          ['GET', '/crm/v3/objects/contacts', () => ({ status: 200, json: { results: [] } })],
          ['GET', '/crm/v3/objects/contacts/:id', read],
          ['POST', '/crm/v3/objects/contacts/search', search],
          ['POST', '/crm/v3/objects/contacts/gdpr-delete', gdprDelete],
        ],
        () => (burst.admit() === null ? null : tooMany('TEN_SECONDLY_ROLLING')),
      ),
      isAuthorized: ({ headers }) => headers['authorization'] === `Bearer ${HUBSPOT.token}`,
      unauthorized: { status: 401, json: { status: 'error', category: 'INVALID_AUTHENTICATION' } },
    },
    options,
  );
  return {
    ...server,
    blocklist,
    present: () =>
      contacts
        .filter(({ deletedAt }) => deletedAt === null)
        .map(({ person }) => person.id)
        .toSorted(),
    add: (person) => void contacts.push(create(person)),
  };
}

const pick = (all: Readonly<Record<string, unknown>>, names: readonly string[]) =>
  Object.fromEntries(Object.entries(all).filter(([name]) => names.includes(name)));

const badRequest = (message: string): Reply => ({
  status: 400,
  json: { status: 'error', category: 'VALIDATION_ERROR', message },
});
const NOT_FOUND: Reply = { status: 404, json: { status: 'error', category: 'OBJECT_NOT_FOUND', message: 'not found' } };
const tooMany = (policyName: string): Reply => ({
  status: 429,
  json: { status: 'error', errorType: 'RATE_LIMIT', policyName, message: 'You have reached your limit.' },
});
