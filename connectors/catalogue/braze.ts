import * as z from 'zod';
import type { ConnectorDefinition, EnvName } from '../connector.ts';
import { type Api, bearer, http, path, type Person } from '../http/index.ts';
import { type CatalogueSettings, chunksOf, common, idsOf, ownersOf, typeOf } from './shared/settings.ts';

/**
 * Braze. Source: its pages on `users/delete` and `users/export/ids`.
 * Deletes users by 50 and queues them, which cannot be cancelled. Reads back, counts and exports by `users/export/ids`.
 * Cannot say how many users it deleted in the end. Cannot hide or suppress.
 */
export interface BrazeSettings extends CatalogueSettings {
  /** The REST endpoint of the instance, such as `https://rest.fra-02.braze.eu`. */
  readonly at: string;
  /** With the permissions `users.delete` and `users.export.ids`. */
  readonly apiKey: EnvName;
  /** The fields of an export. */
  readonly fields?: readonly string[];
}

const Users = z.object({ users: z.array(z.looseObject({ external_id: z.string().nullish() })).nullish() });
const IDS_PER_CALL = 50;
const FIELDS = [
  'external_id',
  'email',
  'phone',
  'first_name',
  'last_name',
  'custom_attributes',
  'custom_events',
  'purchases',
];

export function braze(settings: BrazeSettings): ConnectorDefinition {
  const type = typeOf(settings, 'user_id');
  const facts = {
    identity: { type: 'user_id' },
    most: IDS_PER_CALL,
    table: 'users',
    completesWithin: '2 days',
    pace: { erase: [{ perMinute: 20_000 }], read: [{ perMinute: 250 }] },
  } as const;

  async function* usersOf(api: Api, people: readonly Person[], fields: readonly string[]) {
    const owners = ownersOf(people, type);
    for (const ids of chunksOf(idsOf(people, type), IDS_PER_CALL)) {
      const answer = await api.post(path`/users/export/ids`, { json: { external_ids: ids, fields_to_export: fields } });
      for (const row of answer.read(Users).users ?? []) {
        const seq = owners.get(row.external_id ?? '');
        if (seq !== undefined) yield { seq, row };
      }
    }
  }
  const present = async (api: Api, people: readonly Person[]): Promise<number[]> => {
    const seqs = new Set<number>();
    for await (const { seq } of usersOf(api, people, ['external_id'])) seqs.add(seq);
    return [...seqs];
  };

  return http({
    ...common(settings, facts, settings.at),
    auth: bearer(settings.apiKey),
    version: '2026-11-30',
    // The queue is usually worked off within minutes.
    settle: '1 hour',
    check: (api) =>
      api.post(path`/users/export/ids`, { json: { external_ids: ['lethe-check'], fields_to_export: ['external_id'] } }),
    async erase(api, people) {
      for (const ids of chunksOf(idsOf(people, type), IDS_PER_CALL))
        await api.post(path`/users/delete`, { json: { external_ids: ids } });
    },
    left: present,
    count: present,
    rows: {
      users: {
        about: 'Your profile, and what was recorded about you',
        read: (api, people) => usersOf(api, people, settings.fields ?? FIELDS),
      },
    },
  });
}
