import type { Connector, ConnectorDefinition, OpenContext } from '../connector.ts';
import { conclude } from './visibility/conclude.ts';
import type { Context } from './context.ts';
import { count } from './delete/count.ts';
import type { PostgresSettings } from './data-map/data-map.ts';
import { validateSettings } from './definition.ts';
import { describe } from './describe.ts';
import { exportBatch } from './export/export.ts';
import { hardDelete } from './delete/hard-delete.ts';
import { inspect } from './inspect/inspect.ts';
import { kindModels } from './data-map/model.ts';
import { systemSql } from './setup/system-sql.ts';
import { resolve } from './resolve/resolve.ts';
import { setSuppression } from './visibility/suppression.ts';
import { type Tuning, TUNING } from './tuning.ts';
import { verify } from './delete/verify.ts';
import { setVisibility } from './visibility/visibility.ts';

export type { PostgresSettings } from './data-map/data-map.ts';
export { systemSql } from './setup/system-sql.ts';

/** A PostgreSQL database as a system: what of it belongs to a subject is stated by its data map. */
export function postgres(settings: PostgresSettings): ConnectorDefinition {
  return {
    describe: () => describe(settings),
    validate: () => validateSettings(settings),
    setupSql: (setup) => systemSql(settings, setup),
    open: (context) => openPostgres(settings, context),
  };
}

/** Every verb has a connection of its own: nothing is left open between two of them. */
export function openPostgres(settings: PostgresSettings, open: OpenContext, tuning: Partial<Tuning> = {}): Connector {
  const context: Context = {
    system: open.system,
    settings,
    models: kindModels(settings),
    server: { url: open.secret(settings.url), tuning: { ...TUNING, ...tuning } },
  };
  return {
    inspect: () => inspect(context),
    resolve: (selection, work) => resolve(context, selection, work),
    count: (batch, scope, work) => count(context, batch, scope, work),
    export: (batch, options, work) => exportBatch(context, batch, options, work),
    setVisibility: (batch, change, work) => setVisibility(context, batch, change, work),
    hardDelete: (batch, deletion, work) => hardDelete(context, batch, deletion, work),
    verify: (batch, scope, work) => verify(context, batch, scope, work),
    setSuppression: (batch, suppressed, work) => setSuppression(context, batch, suppressed, work),
    conclude: (request, work) => conclude(context, request, work),
    close: async () => {},
  };
}
