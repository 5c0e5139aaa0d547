import type { SubjectKind } from '../../domain/vocabulary.ts';
import { type Batch, type ConnectorContext, ConnectorError } from '../connector.ts';
import { mappedTables } from '../data-map/catalog.ts';
import type { KindModel } from '../data-map/model.ts';
import { type Members, loadIdentities } from './batch/identities.ts';
import { readCatalog } from './catalog/read-catalog.ts';
import type { Catalog } from './catalog/types.ts';
import { type Server, type Session, withSession } from './session.ts';
import type { MariadbSettings } from './settings.ts';

/** An opened system. Every verb takes it as its first argument. The names of its tables have their databases. */
export interface Context {
  readonly system: string;
  readonly settings: MariadbSettings;
  readonly models: readonly KindModel[];
  readonly server: Server;
}

export const paceOf = ({ pace }: MariadbSettings): { share: number; subjectsPerCommit: number } => ({
  share: pace?.share ?? 0.2,
  subjectsPerCommit: pace?.subjectsPerCommit ?? 100,
});

export function modelOf(context: Context, kind: SubjectKind): KindModel {
  const model = context.models.find((candidate) => candidate.kind === kind);
  if (model === undefined)
    throw new ConnectorError('refused', `the data map has no subjects of kind ${kind}`, { retryable: false });
  return model;
}

/** The connection of a verb, with the identities of its batch in a temporary table of this connection. */
export interface LoadedBatch {
  readonly context: Context;
  readonly session: Session;
  readonly model: KindModel;
  readonly catalog: Catalog;
  readonly members: Members;
}

export async function withBatch<Result>(
  context: Context,
  batch: Batch,
  activity: ConnectorContext,
  use: (loaded: LoadedBatch) => Promise<Result>,
): Promise<Result> {
  return withSession(context.server, activity, async (session) =>
    use(await prepareBatch(context, session, batch, activity)),
  );
}

export async function prepareBatch(
  context: Context,
  session: Session,
  batch: Batch,
  activity: ConnectorContext,
): Promise<LoadedBatch> {
  const model = modelOf(context, batch.kind);
  await rejectStandby(session);
  const catalog = await readCatalog(session, mappedTables([model]));
  const members = await loadIdentities(session, context.system, model, batch, activity);
  return { context, session, model, catalog, members };
}

/** A replica lags behind its primary and cannot delete, so its rows prove nothing. */
export class StandbyError extends ConnectorError {
  constructor() {
    super('unavailable', 'the server is read-only', { retryable: true });
  }
}

export async function rejectStandby(session: Session): Promise<void> {
  const [server] = await session.rows<{ readOnly: number | string }>('SELECT @@global.read_only AS readOnly');
  if (String(server?.readOnly) !== '0') throw new StandbyError();
}
