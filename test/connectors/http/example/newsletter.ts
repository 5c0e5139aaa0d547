import { type Api, bearer, each, env, http, type HttpSettings, path, type Person, z } from 'lethe/config';

const Contact = z.object({ id: z.string(), email: z.string() });
const Contacts = z.object({ contacts: z.array(Contact) });

/** The ids of the service for people: up to 50 addresses in one search. */
async function search(api: Api, people: readonly Person<'email'>[]) {
  const emails = people.flatMap(({ ids }) => ids.email);
  const answer = await api.post(path`/v1/contacts/search`, { json: { emails } });
  const { contacts } = answer.read(Contacts);
  return people.map(({ seq, ids }) => {
    const own = ids.email.map((email) => email.toLowerCase());
    return { seq, ids: contacts.filter(({ email }) => own.includes(email.toLowerCase())).map(({ id }) => id) };
  });
}

/** Contacts of a newsletter service. It searches many and deletes one at a time. */
export const newsletter = (place: Pick<HttpSettings, 'at' | 'allowPrivate' | 'timeout'>) =>
  http({
    ...place,
    auth: bearer(env('NEWSLETTER_TOKEN')),
    version: '2026-11-29',
    pace: { erase: [{ perMinute: 120 }, { perDay: 5_000 }], read: [{ perMinute: 60 }] },
    kinds: {
      user: { identities: { email: { match: 'caseInsensitive' } }, batchSize: 50, maxBatchSize: 50, table: 'contacts' },
    },
    completesWithin: '1 day',

    check: (api) => api.get(path`/v1/account`),
    find: search,
    erase: async (api, _people, found) => {
      const answers = await each(found, (id) => api.delete(path`/v1/contacts/${id}`, { gone: [404], once: true }));
      return { removed: answers.filter((answer) => answer !== null).length };
    },
    left: async (api, people) => (await search(api, people)).filter(({ ids }) => ids.length > 0),
    count: async (_api, _people, found) => found.seqs.map((seq) => ({ seq, rows: found.of(seq).length })),
    rows: {
      contacts: {
        about: 'Your newsletter subscription',
        columns: { email: 'Email address' },
        async *read(api, _people, found) {
          for (const seq of found.seqs)
            for (const id of found.of(seq)) {
              const answer = await api.get(path`/v1/contacts/${id}`, { gone: [404] });
              if (answer !== null) yield { seq, row: answer.read(z.looseObject({ email: z.string() })) };
            }
        },
      },
    },
    hide: (api, _people, found) => each(found, (id) => api.put(path`/v1/contacts/${id}/pause`, { gone: [404] })),
    restore: (api, _people, found) => each(found, (id) => api.delete(path`/v1/contacts/${id}/pause`, { gone: [404] })),
    suppress: (api, people, _found, { suppressed }) =>
      each(
        people.flatMap(({ ids }) => ids.email),
        (email) =>
          suppressed
            ? api.put(path`/v1/suppressions/${email}`)
            : api.delete(path`/v1/suppressions/${email}`, { gone: [404] }),
      ),
  });
