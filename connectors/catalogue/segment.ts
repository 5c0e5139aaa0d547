import * as z from 'zod';
import type { ConnectorDefinition, EnvName } from '../connector.ts';
import { type Api, bearer, done, failed, http, later, path, pending, type Person } from '../http/index.ts';
import { type CatalogueSettings, chunksOf, common, idsOf, typeOf } from './shared/settings.ts';

/**
 * Segment. Source: the regulations of its Public API.
 * Deletes users by regulations, whose end Segment attests, and suppresses users. A regulation that failed only in
 * destinations that cannot delete is done: such a destination has to be a system of its own in lethe.config.ts.
 * Cannot read back, count, export or hide. Segment accepts 110,000 users a month: keep `quotaPerRun` below that.
 */
export interface SegmentSettings extends CatalogueSettings {
  readonly region?: 'us' | 'eu';
  readonly token: EnvName;
  /** Default: `DELETE_ONLY`, because a request says whether it suppresses. */
  readonly regulation?: 'DELETE_ONLY' | 'SUPPRESS_WITH_DELETE' | 'DELETE_INTERNAL';
}

const Created = z.object({ data: z.object({ regulateId: z.string().min(1) }) });
const Destination = z.object({ status: z.string() });
const Regulation = z.object({
  data: z.object({
    regulation: z.object({
      overallStatus: z.string(),
      finishedAt: z.string().nullish(),
      streamStatus: z.array(z.object({ destinationStatus: z.array(Destination).nullish() })).nullish(),
    }),
  }),
});
const HOSTS = { us: 'https://api.segmentapis.com', eu: 'https://eu1.api.segmentapis.com' };
const IDS_PER_CALL = 5000;
const IS_NO_FAILURE = ['FINISHED', 'NOT_SUPPORTED'];

export function segment(settings: SegmentSettings): ConnectorDefinition {
  const { askEvery = '6 hours' } = settings;
  const type = typeOf(settings, 'user_id');
  const facts = {
    identity: { type: 'user_id' },
    most: IDS_PER_CALL,
    table: 'users',
    completesWithin: '30 days',
    pace: { erase: [{ perMinute: 600 }], read: [{ perMinute: 600 }] },
  } as const;

  async function regulate(api: Api, people: readonly Person[], regulationType: string): Promise<string[]> {
    const tickets: string[] = [];
    for (const subjectIds of chunksOf(idsOf(people, type), IDS_PER_CALL)) {
      const json = { regulationType, subjectType: 'USER_ID', subjectIds };
      tickets.push((await api.post(path`/regulations`, { json, once: true })).read(Created).data.regulateId);
    }
    return tickets;
  }

  return http({
    ...common(settings, facts, HOSTS[settings.region ?? 'us']),
    auth: bearer(settings.token),
    version: '2026-11-30',
    check: (api) => api.get(path`/regulations/${'unknown'}`, { gone: [400, 404] }),
    erase: async (api, people) => later(await regulate(api, people, settings.regulation ?? 'DELETE_ONLY'), askEvery),
    async ask(api, id) {
      const answer = await api.get(path`/regulations/${id}`, { gone: [404] });
      if (answer === null) return failed('regulation_not_found');
      const { overallStatus, finishedAt, streamStatus } = answer.read(Regulation).data.regulation;
      if (overallStatus === 'INITIALIZED' || overallStatus === 'RUNNING') return pending(askEvery);
      const ends = (streamStatus ?? []).flatMap(({ destinationStatus }) => destinationStatus ?? []);
      const isDone =
        overallStatus === 'FINISHED' || (ends.length > 0 && ends.every(({ status }) => IS_NO_FAILURE.includes(status)));
      if (!isDone) return failed('regulation_failed');
      const at = new Date(finishedAt ?? Number.NaN);
      return done(Number.isNaN(at.getTime()) ? {} : { at });
    },
    suppress: (api, people, _, { suppressed }) => regulate(api, people, suppressed ? 'SUPPRESS_ONLY' : 'UNSUPPRESS'),
  });
}
