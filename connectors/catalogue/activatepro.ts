import * as z from 'zod';
import type { ConnectorDefinition, EnvName } from '../connector.ts';
import { done, failed, header, http, later, path, pending, unavailable } from '../http/index.ts';
import { type CatalogueSettings, chunksOf, common, idsOf, typeOf } from './shared/settings.ts';

/**
 * Spotler ActivatePro (formerly CrossEngage). Source: its pages about user deletion and the User Management API, version 2.
 * Deletes users by 1,000, asks for the tracking id, and reads every user back. Exports the profile.
 * Cannot see the data in the background, which ActivatePro deletes about 14 days later: for an earlier deletion, a support
 * ticket is needed. Cannot count, hide or suppress, and does not delete leads, which have no id.
 */
export interface ActivateProSettings extends CatalogueSettings {
  readonly masterKey: EnvName;
}

const Tracked = z.object({
  trackingId: z.string().min(1),
  errors: z.array(z.object({ code: z.string() })).optional(),
});
const Stage = z.object({ stage: z.string(), error: z.number().optional() });
const Profile = z.record(z.string(), z.unknown());
/** The only error of a valid entry. An id of a wrong form cannot be the id of a user. */
const PROCESSING_FAILED = '10';

export function activatepro(settings: ActivateProSettings): ConnectorDefinition {
  const type = typeOf(settings, 'user_id');
  const facts = { identity: { type: 'user_id' }, most: 1000, table: 'users', completesWithin: '15 days' } as const;
  return http({
    ...common(settings, facts, 'https://api.crossengage.io'),
    auth: header('X-XNG-AuthToken', settings.masterKey),
    headers: { 'X-XNG-ApiVersion': '2' },
    version: '2026-11-30',
    check: (api) => api.get(path`/users/track/${'00000000-0000-0000-0000-000000000000'}`, { gone: [404] }),
    async erase(api, people, _, { keep }) {
      const trackings: string[] = [];
      for (const ids of chunksOf(idsOf(people, type), 1000)) {
        const answer = await api.post(path`/users/batch`, {
          json: { updated: [], deleted: ids.map((id) => ({ id })) },
        });
        const { trackingId, errors = [] } = answer.read(Tracked);
        await keep(trackingId);
        if (errors.some(({ code }) => code === PROCESSING_FAILED)) throw unavailable('processing_failed');
        trackings.push(trackingId);
      }
      return later(trackings, settings.askEvery ?? '5 minutes');
    },
    async ask(api, tracking) {
      const answer = await api.get(path`/users/track/${tracking}`, { gone: [404] });
      // A tracking id is forgotten after 24 hours. What is left decides then.
      if (answer === null) return done();
      const { stage, error = 0 } = answer.read(Stage);
      if (stage !== 'PROCESSED') return pending(settings.askEvery ?? '15 minutes');
      return error === 0 ? done() : failed('users_not_processed');
    },
    async left(api, people) {
      const left: number[] = [];
      for (const { seq, ids } of people)
        for (const id of ids[type] ?? [])
          if ((await api.get(path`/users/${id}`, { gone: [404] })) !== null) left.push(seq);
      return [...new Set(left)];
    },
    rows: {
      users: {
        about: 'Your profile',
        async *read(api, people) {
          for (const { seq, ids } of people)
            for (const id of ids[type] ?? []) {
              const answer = await api.get(path`/users/${id}`, { gone: [404] });
              if (answer !== null) yield { seq, row: answer.read(Profile) };
            }
        },
      },
    },
  });
}
