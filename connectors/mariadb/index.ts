import { DAY_MS } from '../../domain/calendar.ts';
import { SCOPES } from '../../domain/vocabulary.ts';
import type { Connector, ConnectorDefinition, Description, EnvName, OpenContext } from '../connector.ts';
import { buildModels } from '../data-map/build-models.ts';
import { dataMapHash } from '../data-map/data-map-hash.ts';
import { type Context, paceOf, rejectStandby } from './context.ts';
import { count, verify } from './delete/count.ts';
import { hardDelete } from './delete/hard-delete.ts';
import { exportBatch } from './export/export.ts';
import { inspect } from './inspect/inspect.ts';
import { resolve } from './resolve/resolve.ts';
import { withSession } from './session.ts';
import { type MariadbSettings, withDatabases } from './settings.ts';
import { systemSql } from './setup/system-sql.ts';
import { type Tuning, TUNING } from './tuning.ts';
import { validateSettings } from './validate.ts';
import { conclude, purge } from './visibility/conclude.ts';
import { setSuppression } from './visibility/suppression.ts';
import { setVisibility } from './visibility/visibility.ts';

export type { MariadbSettings } from './settings.ts';
export { systemSql } from './setup/system-sql.ts';

/** A MariaDB database as a system. Its data map says which rows belong to a subject; see docs/data-map.md. */
export const mariadb = (settings: MariadbSettings): ConnectorDefinition => ({
  describe: () => describe(settings),
  validate: () => validateSettings(settings),
  setupSql: (setup) => systemSql(settings, setup),
  open: (context) => openMariadb(settings, context),
});

function describe(settings: MariadbSettings): Description {
  const models = buildModels(withDatabases(settings));
  return {
    kinds: models.map(({ kind }) => kind),
    identityTypes: Object.fromEntries(models.map(({ kind, types }) => [kind, types])),
    actions: {
      resolve: true,
      hide: true,
      restore: true,
      segments: settings.segments !== undefined,
      export: true,
      count: true,
      suppress: true,
      scopes: SCOPES,
    },
    limits: { batchSize: paceOf(settings).subjectsPerCommit },
    verification: 'reads',
    completesWithinMs: DAY_MS,
    dataMapHash: dataMapHash(settings),
  };
}

/** Opens the connector. Every verb opens and closes its own connection. */
export function openMariadb(settings: MariadbSettings, open: OpenContext, tuning: Partial<Tuning> = {}): Connector {
  const named = withDatabases(settings);
  const { ca, cert, key } = settings.tls ?? {};
  const secrets = (names: Readonly<Record<string, EnvName | undefined>>): Record<string, string> =>
    Object.fromEntries(
      Object.entries(names).flatMap(([name, env]) => (env === undefined ? [] : [[name, open.secret(env)]])),
    );
  const context: Context = {
    system: open.system,
    settings: named,
    models: buildModels(named),
    server: {
      url: open.secret(settings.url),
      database: settings.database,
      tls: settings.tls === undefined ? undefined : secrets({ ca, cert, key }),
      tuning: { ...TUNING, ...tuning },
    },
  };
  return {
    inspect: (options) => inspect(context, options),
    probe: () => probe(context),
    resolve: (selection, activity) => resolve(context, selection, activity),
    count: (batch, scope, activity) => count(context, batch, scope, activity),
    export: (batch, options, activity) => exportBatch(context, batch, options, activity),
    setVisibility: (batch, change, activity) => setVisibility(context, batch, change, activity),
    hardDelete: (batch, deletion, activity) => hardDelete(context, batch, deletion, activity),
    verify: (batch, scope, activity) => verify(context, batch, scope, activity),
    setSuppression: (batch, suppressed, activity) => setSuppression(context, batch, suppressed, activity),
    purge: (request, activity) => purge(context, request, activity),
    conclude: (request, activity) => conclude(context, request, activity),
    close: async () => {},
  };
}

/** A server that accepts connections, and is not read-only, has ended its outage. */
const probe = ({ server }: Context): Promise<void> =>
  withSession(server, { signal: new AbortController().signal, heartbeat: () => {} }, rejectStandby);
