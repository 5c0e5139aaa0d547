import { DAY, SECOND, systemClock } from './server/clock.ts';
import { limiter } from './server/limits.ts';
import { membersOf, textOf, type PeopleOptions, type Person, type SystemStandIn } from './server/people.ts';
import { routesOf, type Incoming, type Reply } from './server/route.ts';
import { startServer } from './server/server.ts';

/*
 * Stands in for contacts of Intercom. Written from Intercom's reference and its OpenAPI, which no registry has as a
 * package, so requests are checked here by hand. The search does not find archived contacts. A contact that was merged
 * into another one is 404. A deleted contact can be retrieved by Intercom's support for 7 days.
 */

export const INTERCOM = { token: 'ic-access-token' } as const;
const RETRIEVABLE_MS = 7 * DAY;

interface Contact {
  readonly id: string;
  readonly person: Person;
  isArchived: boolean;
  deletedAt: number | null;
}

export interface IntercomStandIn extends SystemStandIn {
  /** Archives the contacts of a person, as a member of the team does. */
  archive(id: string): void;
  /** The ids of people that support can still retrieve. */
  retrievable(): readonly string[];
  /** Merges the contacts of a person into one that Lethe does not know. */
  merge(id: string): void;
}

export async function startIntercom(options: PeopleOptions): Promise<IntercomStandIn> {
  const { clock = systemClock } = options;
  let next = 0x6762f0d2;
  const create = (person: Person): Contact => ({
    id: `${(next++).toString(16)}1bb69f9f2193bb7e`,
    person,
    isArchived: false,
    deletedAt: null,
  });
  const contacts = options.people.map(create);
  const limit = limiter(clock, [{ calls: 1_666, perMs: 10 * SECOND }]);
  const find = (call: Incoming): Contact | undefined => {
    const contact = contacts.find(({ id, deletedAt }) => id === call.params['id'] && deletedAt === null);
    call.concerns(contact === undefined ? [] : [contact.person.id]);
    return contact;
  };

  const search = (call: Incoming): Reply => {
    const { query, pagination } = membersOf(call.json);
    const { field, operator, value } = membersOf(query);
    const values = operator === 'IN' && Array.isArray(value) ? value.map((each) => textOf(each)) : [textOf(value)];
    if ((field !== 'email' && field !== 'external_id') || (operator !== '=' && operator !== 'IN'))
      return { status: 400, json: errorList('parameter_invalid', 'query is invalid') };
    const found = contacts.filter(
      ({ person, isArchived, deletedAt }) =>
        !isArchived &&
        deletedAt === null &&
        values.some((each) => each !== '' && each === (field === 'email' ? person.email : person.id)),
    );
    call.concerns(found.map(({ person }) => person.id));
    const { per_page: perPage = 50, starting_after: after = '' } = membersOf(pagination);
    const start = found.findIndex(({ id }) => id === after) + 1;
    const page = found.slice(start, start + Number(perPage));
    const hasMore = start + Number(perPage) < found.length;
    return {
      status: 200,
      json: {
        type: 'list',
        data: page.map(objectOf),
        total_count: found.length,
        pages: { type: 'pages', page: 1, ...(hasMore ? { next: { page: 2, starting_after: page.at(-1)?.id } } : {}) },
      },
    };
  };

  const change =
    (apply: (contact: Contact) => void, state: (contact: Contact) => object) =>
    (call: Incoming): Reply => {
      const contact = find(call);
      if (contact === undefined) return NOT_FOUND;
      apply(contact);
      return { status: 200, json: { type: 'contact', id: contact.id, ...state(contact) } };
    };
  const server = await startServer(
    {
      routes: routesOf(
        [
          ['GET', '/me', () => ({ status: 200, json: { type: 'admin', id: '1' } })],
          ['POST', '/contacts/search', search],
          ['GET', '/contacts/:id', change(() => undefined, objectOf)],
          [
            'DELETE',
            '/contacts/:id',
            change(
              (contact) => void (contact.deletedAt = clock.now()),
              () => ({ deleted: true }),
            ),
          ],
        ],
        () => (limit.admit() === null ? null : { status: 429, json: errorList('rate_limit_exceeded', 'too many') }),
      ),
      isAuthorized: ({ headers }) => headers['authorization'] === `Bearer ${INTERCOM.token}`,
      unauthorized: { status: 401, json: errorList('unauthorized', 'Access Token Invalid') },
    },
    options,
  );
  const idsOf = (matches: (contact: Contact) => boolean): readonly string[] =>
    contacts.flatMap((contact) => (matches(contact) ? contact.person.id : [])).toSorted();
  return {
    ...server,
    archive: (id) => {
      for (const contact of contacts) if (contact.person.id === id) contact.isArchived = true;
    },
    retrievable: () => idsOf(({ deletedAt }) => deletedAt !== null && clock.now() < deletedAt + RETRIEVABLE_MS),
    merge: (id) => {
      for (const contact of contacts) if (contact.person.id === id) contact.deletedAt ??= clock.now() - RETRIEVABLE_MS;
    },
    present: () => idsOf(({ deletedAt }) => deletedAt === null),
    add: (person) => void contacts.push(create(person)),
  };
}

const objectOf = ({ id, person, isArchived }: Contact) => ({
  type: 'contact',
  id,
  external_id: person.id,
  email: person.email ?? null,
  archived: isArchived,
  custom_attributes: { ...person.traits },
});

const errorList = (code: string, message: string) => ({ type: 'error.list', errors: [{ code, message }] });
const NOT_FOUND: Reply = { status: 404, json: errorList('not_found', 'Contact Not Found') };
