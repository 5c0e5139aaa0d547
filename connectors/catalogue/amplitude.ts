import * as z from 'zod';
import type { ConnectorDefinition, EnvName } from '../connector.ts';
import { type Api, basic, done, failed, http, later, path, pending, type Person } from '../http/index.ts';
import { type CatalogueSettings, chunksOf, common, idsOf, typeOf } from './shared/settings.ts';

/**
 * Amplitude. Source: its User Privacy API (version 1) and its user search.
 * Deletes users by 100. All deletions of a day are one job, which runs 10 to 13 days later; Amplitude attests its end. The
 * user search reads back, if `readBack` is true: one user a call, 360 times an hour.
 * Cannot count, export, hide or suppress: new events create a new user. Amplitude mails each deletion to all admins.
 */
export interface AmplitudeSettings extends CatalogueSettings {
  readonly region?: 'us' | 'eu';
  readonly apiKey: EnvName;
  readonly secretKey: EnvName;
  readonly readBack?: boolean;
  /** Deletes in every project of the organization, not only in that of the key. */
  readonly wholeOrganization?: boolean;
}

const Job = z.object({ day: z.string().regex(/^\d{4}-\d\d-\d\d$/), status: z.string() });
const Jobs = z.union([z.array(Job), Job.transform((job) => [job])]);
const Matches = z.object({ matches: z.array(z.object({ user_id: z.string().nullish() })) });
const HOSTS = { us: 'https://amplitude.com', eu: 'https://analytics.eu.amplitude.com' };
const USERS_PER_CALL = 100;

export function amplitude(settings: AmplitudeSettings): ConnectorDefinition {
  const type = typeOf(settings, 'user_id');
  const facts = {
    identity: { type: 'user_id' },
    most: USERS_PER_CALL,
    table: 'users',
    completesWithin: '15 days',
    pace: { erase: [{ every: '1 second' }], read: [{ perHour: 360 }] },
  } as const;
  return http({
    ...common(settings, facts, HOSTS[settings.region ?? 'us']),
    auth: basic(settings.apiKey, settings.secretKey),
    version: '2026-11-30',
    check: (api) =>
      api.get(path`/api/2/deletions/users`, {
        query: { start_day: '2026-01-01', end_day: '2026-01-02' },
        lane: 'erase',
      }),
    async erase(api, people) {
      const days = new Set<string>();
      for (const users of chunksOf(idsOf(people, type), USERS_PER_CALL)) {
        const answer = await api.post(path`/api/2/deletions/users`, {
          json: {
            user_ids: users,
            requester: 'lethe',
            ignore_invalid_id: 'True',
            ...(settings.wholeOrganization === true ? { delete_from_org: 'True' } : {}),
          },
        });
        for (const { day } of answer.read(Jobs)) days.add(day);
      }
      // Amplitude knows none of them, so there is no job.
      return days.size === 0 ? { removed: 0 } : later([...days], settings.askEvery ?? '1 day');
    },
    async ask(api, day) {
      const query = { start_day: day, end_day: day };
      const answer = await api.get(path`/api/2/deletions/users`, { query, lane: 'erase' });
      const jobs = answer.read(Jobs).filter((job) => job.day === day);
      if (jobs.length === 0) return failed('job_not_found');
      return jobs.every(({ status }) => status === 'done') ? done() : pending(settings.askEvery ?? '1 day');
    },
    ...(settings.readBack === true && {
      async left(api: Api, people: readonly Person[]) {
        const left: number[] = [];
        for (const { seq, ids } of people)
          for (const id of ids[type] ?? []) {
            const answer = await api.get(path`/api/2/usersearch`, { query: { user: id } });
            // The search also finds users by parts of their ids and by devices.
            if (answer.read(Matches).matches.some(({ user_id: match }) => match === id)) left.push(seq);
          }
        return [...new Set(left)];
      },
    }),
  });
}
