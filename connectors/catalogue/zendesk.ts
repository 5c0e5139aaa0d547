import * as z from 'zod';
import type { ConnectorDefinition, EnvName } from '../connector.ts';
import { type Api, basic, http, path, type Person } from '../http/index.ts';
import { countFound, gatherIds, remaining } from './shared/found.ts';
import { type CatalogueSettings, common, typeOf } from './shared/settings.ts';
import { deleteUsers, stateOf, User } from './shared/zendesk-users.ts';

/**
 * Zendesk. Source: its reference of users, jobs and deleted users, and other clients.
 * Looks users up by e-mail, deletes them in two stages (a job, then each permanently, 700 in 10 minutes), and reads each
 * back. Counts and exports users. A user with open tickets is blocked until they are closed.
 * Cannot hide (a deleted user cannot be restored) or suppress. Tickets keep their texts: see Zendesk's ticket redaction.
 */
export interface ZendeskSettings extends CatalogueSettings {
  /** `https://acme.zendesk.com` */
  readonly at: string;
  /** The address of an admin, followed by `/token`. */
  readonly user: string | EnvName;
  readonly token: EnvName;
}

const Users = z.object({ users: z.array(User) });

export function zendesk(settings: ZendeskSettings): ConnectorDefinition {
  const type = typeOf(settings, 'email');
  const facts = {
    identity: { type: 'email', match: 'caseInsensitive' },
    most: 100,
    table: 'users',
    completesWithin: '7 days',
    pace: { erase: [{ per10Minutes: 700 }], read: [{ perMinute: 200 }] },
  } as const;

  /** The search is fuzzy, so addresses are compared. */
  async function* usersOf(api: Api, people: readonly Person[]) {
    for (const { seq, email } of people.flatMap((each) =>
      (each.ids[type] ?? []).map((email) => ({ seq: each.seq, email })),
    )) {
      const query = { query: `email:"${email.replaceAll('"', '')}"` };
      const answer = await api.get(path`/api/v2/users/search`, { query, lane: 'read' });
      for (const row of answer.read(Users).users)
        if (row.email?.toLowerCase() === email.toLowerCase()) yield { seq, row };
    }
  }
  const find = (api: Api, people: readonly Person[]) => gatherIds(people, usersOf(api, people));

  return http({
    ...common(settings, facts, settings.at),
    auth: basic(settings.user, settings.token),
    version: '2026-11-30',
    settle: '2 minutes',
    check: (api) => api.get(path`/api/v2/users/search`, { query: { query: 'email:"lethe-check@example.com"' } }),
    find,
    async erase(api, people, found, { signal }) {
      const { removed, kept } = await deleteUsers(api, found.all, signal);
      const blocked = people.map(({ seq }) => seq).filter((seq) => found.of(seq).some((id) => kept.includes(id)));
      return { removed, blocked };
    },
    left: async (api, people, found) =>
      remaining(found, await find(api, people), async (id) => (await stateOf(api, id)) !== 'gone'),
    count: countFound,
    rows: {
      users: {
        about: 'Your user record of the help desk',
        read: usersOf,
      },
    },
  });
}
