import * as z from 'zod';
import type { ConnectorDefinition, EnvName } from '../connector.ts';
import { attested, basic, bearer, done, failed, http, later, path, pending } from '../http/index.ts';
import { retrievedRows } from './shared/mixpanel-retrieval.ts';
import { createDeletion } from './shared/mixpanel-tasks.ts';
import { type CatalogueSettings, chunksOf, common, idsOf, seqsOf, typeOf } from './shared/settings.ts';

/**
 * Mixpanel. Source: OpenAPI and reference page of its GDPR API v3, its query API, and what callers have seen.
 * Deletes events and profile by tasks, whose success Mixpanel attests. Attaches ids to tasks of other clients that have
 * them. Reads profiles back with a service account. Exports by a retrieval.
 * Cannot count (events need no profile), hide or suppress: later events create the profile again, so opt users out.
 */
export interface MixpanelSettings extends CatalogueSettings {
  readonly region?: 'us' | 'eu' | 'in';
  /** OAuth token for the GDPR API, of an owner or admin. Valid for one year. */
  readonly gdprToken: EnvName;
  readonly projectToken: EnvName;
  /** Without a service account, a deletion is attested and not read back. */
  readonly readBack?: { readonly projectId: string; readonly user: string | EnvName; readonly secret: EnvName };
  /** `at`: the address of the storage that the links of retrievals lead to. */
  readonly retrievals?: { readonly apiSecret: EnvName; readonly at: string };
  /** A CCPA retrieval has the last 12 months only. Default: GDPR. */
  readonly regulation?: 'GDPR' | 'CCPA';
  /** With Group Analytics: `floor(2000 / (data groups + 1))`. Default: 1,999. */
  readonly idsPerCall?: number;
}

const Status = z.object({ results: z.object({ status: z.string() }) });
const Profiles = z.object({ results: z.array(z.object({ $distinct_id: z.string() })) });
const HOSTS = { us: 'https://mixpanel.com', eu: 'https://eu.mixpanel.com', in: 'https://in.mixpanel.com' };
const ENDS = new Map([
  ['SUCCESS', done()],
  ['FAILURE', failed('task_failed')],
  ['REVOKED', failed('task_revoked')],
  ['NOT_FOUND', failed('task_not_found')],
]);

export function mixpanel(settings: MixpanelSettings): ConnectorDefinition {
  const { readBack, retrievals, regulation = 'GDPR', askEvery = '1 hour' } = settings;
  const type = typeOf(settings, 'user_id');
  const pace = { erase: [{ every: '1 second' }], read: [{ perHour: 60 }] } as const;
  const identity = { type: 'user_id' };
  const facts = { identity, most: 1999, table: 'profiles', completesWithin: '30 days', pace } as const;
  const base = common(settings, facts, HOSTS[settings.region ?? 'us']);
  return http({
    ...base,
    auth: bearer(settings.gdprToken),
    version: '2026-11-30',
    secrets: { project: settings.projectToken, ...(retrievals && { archives: retrievals.apiSecret }) },
    hosts: {
      ...(readBack && { query: { at: base.at, auth: basic(readBack.user, readBack.secret) } }),
      ...(retrievals && { storage: { at: retrievals.at } }),
    },
    check: (api) =>
      api.get(path`/api/app/data-deletions/v3.0/0`, { query: { token: api.secret('project') }, lane: 'erase' }),
    async erase(api, people, _, { tickets, keep }) {
      const tasks = new Set(tickets);
      for (const ids of chunksOf(idsOf(people, type), settings.idsPerCall ?? 1999))
        for (const task of await createDeletion(api, { distinct_ids: ids, compliance_type: regulation }, keep))
          tasks.add(task);
      return later([...tasks], askEvery);
    },
    async ask(api, task) {
      const query = { token: api.secret('project') };
      const answer = await api.get(path`/api/app/data-deletions/v3.0/${task}`, { query, lane: 'erase' });
      return ENDS.get(answer.read(Status).results.status) ?? pending(askEvery);
    },
    ...(readBack && {
      async left(api, people) {
        const left = new Set<string>();
        for (const ids of chunksOf(idsOf(people, type), 1000)) {
          const sent = { query: { project_id: readBack.projectId }, form: { distinct_ids: JSON.stringify(ids) } };
          const answer = await api.as('query').post(path`/api/query/engage`, sent);
          for (const { $distinct_id: id } of answer.read(Profiles).results) left.add(id);
        }
        return attested(['events'], seqsOf(people, type, left));
      },
    }),
    ...(retrievals && {
      rows: {
        retrieval: {
          about: 'What Mixpanel has recorded about you: events and your profile',
          read: (api, people, _, about) => retrievedRows(api, people, about, { type, regulation }),
        },
      },
    }),
  });
}
