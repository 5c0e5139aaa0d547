import type { SubjectKind } from '../../domain/vocabulary.ts';
import { type Batch, type ConnectorContext, ConnectorError } from '../connector.ts';
import { type Members, leaveOut, loadBatch } from './visibility/batch-table.ts';
import { collectReferenced } from './visibility/collected.ts';
import { dropGhosts } from './visibility/ghosts.ts';
import { type Catalog, readCatalog } from './data-map/catalog.ts';
import { mappedTables } from '../data-map/catalog.ts';
import type { PostgresSettings } from './settings.ts';
import type { KindModel } from '../data-map/model.ts';
import { type Server, type Session, withSession } from './session.ts';

/** An opened system. Every verb takes it as its first argument. */
export interface Context {
  readonly system: string;
  readonly settings: PostgresSettings;
  readonly models: readonly KindModel[];
  readonly server: Server;
}

export const paceOf = (settings: PostgresSettings): { share: number; subjectsPerCommit: number } => ({
  share: settings.pace?.share ?? 0.2,
  subjectsPerCommit: settings.pace?.subjectsPerCommit ?? 100,
});

export function modelOf(context: Context, kind: SubjectKind): KindModel {
  const model = context.models.find((candidate) => candidate.kind === kind);
  if (model === undefined)
    throw new ConnectorError('refused', `the data map has no subjects of kind ${kind}`, { retryable: false });
  return model;
}

/** The connection of a verb, with the identities of its batch in the batch table. */
export interface LoadedBatch {
  readonly session: Session;
  readonly model: KindModel;
  readonly catalog: Catalog;
  readonly members: Members;
  readonly subjectsPerCommit: number;
}

export async function withBatch<Result>(
  context: Context,
  batch: Batch,
  activity: ConnectorContext,
  use: (loaded: LoadedBatch) => Promise<Result>,
): Promise<Result> {
  const model = modelOf(context, batch.kind);
  return withSession(context.server, activity, async (session) => {
    const loaded = await prepareBatch(context, session, model, batch);
    if (batch.except !== undefined) await leaveOut(session, loaded.members, batch.except, activity);
    return use(loaded);
  });
}

export async function prepareBatch(
  context: Context,
  session: Session,
  model: KindModel,
  batch: Batch,
): Promise<LoadedBatch> {
  await rejectStandby(session);
  const catalog = await readCatalog(session, mappedTables([model]));
  const { subjectsPerCommit } = paceOf(context.settings);
  const loaded = await loadBatch(session, context.system, batch, subjectsPerCommit);
  await dropGhosts(session, model, loaded.members);
  await collectReferenced({ session, model, catalog, ...loaded });
  return { session, model, catalog, ...loaded };
}

/** A standby lags behind its primary and cannot delete, so its rows prove nothing. */
export class StandbyError extends ConnectorError {
  constructor() {
    super('unavailable', 'the server is a standby', { retryable: true });
  }
}

export async function rejectStandby(session: Session): Promise<void> {
  const [server] = await session.rows<{ standby: boolean }>('SELECT pg_is_in_recovery() AS standby');
  if (server?.standby !== false) throw new StandbyError();
}
