import type { SubjectKind } from '../../domain/vocabulary.ts';
import { type Batch, type ConnectorContext, ConnectorError } from '../connector.ts';
import { type Members, loadBatch } from './visibility/batch-table.ts';
import { type Catalog, mappedTables, readCatalog } from './data-map/catalog.ts';
import type { PostgresSettings } from './data-map/data-map.ts';
import type { KindModel } from './data-map/model.ts';
import { type Server, type Session, withSession } from './session.ts';

/** What an opened connector knows; every verb takes it first. */
export interface Context {
  readonly system: string;
  readonly settings: PostgresSettings;
  readonly models: readonly KindModel[];
  readonly server: Server;
}

export const pace = (settings: PostgresSettings): { share: number; subjectsPerCommit: number } => ({
  share: settings.pace?.share ?? 0.2,
  subjectsPerCommit: settings.pace?.subjectsPerCommit ?? 100,
});

export function modelOf(context: Context, kind: SubjectKind): KindModel {
  const model = context.models.find((candidate) => candidate.kind === kind);
  if (model === undefined)
    throw new ConnectorError('refused', `this system maps no subjects of kind ${kind}`, { retryable: false });
  return model;
}

/** A verb's connection with the batch loaded into it: what every verb about subjects begins with. */
export interface Loaded {
  readonly session: Session;
  readonly model: KindModel;
  readonly catalog: Catalog;
  readonly members: Members;
  readonly subjectsPerCommit: number;
}

export async function withBatch<Result>(
  context: Context,
  batch: Batch,
  work: ConnectorContext,
  use: (loaded: Loaded) => Promise<Result>,
): Promise<Result> {
  const model = modelOf(context, batch.kind);
  return withSession(context.server, work, async (session) => use(await load(context, session, model, batch)));
}

export async function load(context: Context, session: Session, model: KindModel, batch: Batch): Promise<Loaded> {
  await refuseStandby(session);
  const catalog = await readCatalog(session, mappedTables([model]));
  const { subjectsPerCommit } = pace(context.settings);
  const loaded = await loadBatch(session, context.system, batch, subjectsPerCommit);
  return { session, model, catalog, ...loaded };
}

/** A standby shows an older state and takes no deletion: whatever it answers is not known. */
export class StandbyError extends ConnectorError {
  constructor() {
    super('unavailable', 'the server is a standby', { retryable: true });
  }
}

async function refuseStandby(session: Session): Promise<void> {
  const [server] = await session.rows<{ standby: boolean }>('SELECT pg_is_in_recovery() AS standby');
  if (server?.standby !== false) throw new StandbyError();
}
