import type { ConnectorDefinition, EnvName } from '../connector.ts';
import { type About, header, http, path } from '../http/index.ts';
import { type CatalogueSettings, chunksOf, common, idsOf, typeOf } from './shared/settings.ts';
import { exportedRows, type UserpilotExports } from './shared/userpilot-export.ts';

/**
 * Userpilot. Source: its page "Delete Users and Companies" and its export API.
 * Deletes users and companies: Userpilot schedules them and deletes every day at 02:00 UTC. Exports and reads back by an
 * export job, if the plan has it (Enterprise, or an add-on to Growth).
 * Cannot say whether a deletion is done without that plan. Cannot count, hide or suppress: an identify after the deletion
 * creates the user again.
 */
export interface UserpilotSettings extends CatalogueSettings {
  readonly region?: 'us' | 'eu';
  readonly apiKey: EnvName;
  /** The identity type that is the id of a company, as `identity` for users. Default: `company_id`. */
  readonly companyIdentity?: CatalogueSettings['identity'];
  readonly exports?: UserpilotExports;
}

const HOSTS = { us: 'https://analytex.userpilot.io', eu: 'https://analytex-eu.userpilot.io' };
const IDS_PER_CALL = 1000;

export function userpilot(settings: UserpilotSettings): ConnectorDefinition {
  const { exports, companyIdentity: identity = 'company_id' } = settings;
  const types = { user: typeOf(settings, 'user_id'), company: typeOf({ identity }, 'company_id') };
  const typeFor = ({ kind }: About): string => types[kind];
  const facts = {
    identity: { type: 'user_id' },
    most: IDS_PER_CALL,
    table: 'users',
    completesWithin: '2 days',
    pace: { erase: [{ every: '2 seconds' }] },
  } as const;
  const base = common(settings, facts, HOSTS[settings.region ?? 'us']);
  const { user } = base.kinds;
  const company = common({ ...settings, identity }, { ...facts, table: 'companies' }, base.at).kinds.user;
  const auth = header('Authorization', 'Token ', settings.apiKey);
  const headers = { 'X-API-Version': '2020-09-22' };
  return http({
    ...base,
    kinds: { user, company },
    auth,
    headers,
    version: '2026-11-30',
    // No documented call only reads, so this one can at most be refused.
    check: (api) => api.get(path`/v1/users`, { gone: [400, 404, 405] }),
    async erase(api, people, _, about) {
      const name = about.kind === 'user' ? 'users' : 'companies';
      for (const ids of chunksOf(idsOf(people, typeFor(about)), IDS_PER_CALL))
        await api.delete(path`/v1/${name}`, { json: { [name]: ids } });
    },
    ...(exports && {
      hosts: {
        exports: { at: exports.at ?? 'https://appex.userpilot.io', auth, headers },
        files: { at: exports.filesAt },
      },
      // Until the next run and its end.
      settle: '26 hours',
      async left(api, people, _, about) {
        const left = new Set<number>();
        for await (const { seq } of exportedRows(api, people, about, { ...exports, type: typeFor(about) }))
          left.add(seq);
        return [...left];
      },
      rows: {
        events: {
          about: 'What Userpilot has recorded about you',
          read: (api, people, _, about) => exportedRows(api, people, about, { ...exports, type: typeFor(about) }),
        },
      },
    }),
  });
}
