import type { Connector, ConnectorDefinition, OpenContext } from '../connector.ts';
import { conclude } from './visibility/conclude.ts';
import { type Context, rejectStandby } from './context.ts';
import { count } from './delete/count.ts';
import type { PostgresSettings } from './settings.ts';
import { validateSettings } from './validate.ts';
import { describe } from './describe.ts';
import { exportBatch } from './export/export.ts';
import { hardDelete } from './delete/hard-delete.ts';
import { inspect } from './inspect/inspect.ts';
import { buildModels } from '../data-map/build-models.ts';
import { systemSql } from './setup/system-sql.ts';
import { resolve } from './resolve/resolve.ts';
import { purge } from './visibility/purge.ts';
import { setSuppression } from './visibility/suppression.ts';
import { type Tuning, TUNING } from './tuning.ts';
import { verify } from './delete/verify.ts';
import { withSession } from './session.ts';
import { setVisibility } from './visibility/visibility.ts';

export type { PostgresSettings } from './settings.ts';
export { type Proposal, proposeDataMap } from './propose/propose.ts';
export { systemSql } from './setup/system-sql.ts';

/** A PostgreSQL database as a system. Its data map says which rows belong to a subject; see docs/data-map.md. */
export function postgres(settings: PostgresSettings): ConnectorDefinition {
  const definition: ConnectorDefinition = {
    describe: () => describe(settings),
    validate: () => validateSettings(settings),
    setupSql: (setup) => systemSql(settings, setup),
    open: (context) => openPostgres(settings, context),
  };
  settingsByDefinition.set(definition, settings);
  return definition;
}

const settingsByDefinition = new WeakMap<ConnectorDefinition, PostgresSettings>();

/** The settings of a definition that `postgres` has made. Undefined for other connectors. */
export const settingsOf = (definition: ConnectorDefinition): PostgresSettings | undefined =>
  settingsByDefinition.get(definition);

/** Opens the connector. Every verb opens and closes its own connection. */
export function openPostgres(
  settings: PostgresSettings,
  open: OpenContext,
  tuning: Partial<Tuning> = {},
): Required<Connector> {
  const context: Context = {
    system: open.system,
    settings,
    models: buildModels(settings),
    server: { url: open.secret(settings.url), tuning: { ...TUNING, ...tuning } },
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

/** A server that accepts connections, and is no standby, has ended its outage. */
const probe = ({ server }: Context): Promise<void> =>
  withSession(server, { signal: new AbortController().signal, heartbeat: () => {} }, rejectStandby);
