import { CallbackError, throwIfCancelled } from '../../callbacks.ts';
import type { Batch, ConnectorContext } from '../../connector.ts';
import type { KindModel } from '../../data-map/model.ts';
import { ghostKeys } from '../../data-map/reference-changes.ts';
import { type SubjectIdentity, ALIAS } from '../../../domain/identity.ts';
import { insertRows } from './insert-rows.ts';
import type { Session } from '../session.ts';

/** The identities of a batch, and the rows that an earlier range has collected, in a table of this connection only. */
export const IDENTITIES = 'lethe_identities';

/** A loaded batch. */
export interface Members {
  readonly system: string;
  readonly requestId: string;
  readonly batch: string;
  readonly firstSeq: number;
  readonly lastSeq: number;
  /** Every subject of the batch in ascending order, also those that the call leaves out. */
  readonly seqs: readonly number[];
  /** The number of values of the longest identity type. */
  readonly parts: number;
}

const PAGE = 1_000;

/** The columns with the values of an identity. */
export const valueNames = (parts: number): readonly string[] =>
  Array.from({ length: Math.max(1, parts) }, (_, index) => `value${index}`);

export async function loadIdentities(
  session: Session,
  system: string,
  model: KindModel,
  batch: Batch,
  activity: Pick<ConnectorContext, 'signal' | 'heartbeat'>,
): Promise<Members> {
  const parts = partsOf(model);
  await createIdentities(session, IDENTITIES, parts);
  const { requestId, firstSeq, lastSeq } = batch;
  const seqs = new Set<number>(batch.except);
  const pages = withoutGhosts(model, new Set(batch.except), batch.identities());
  await insertIdentities(session, IDENTITIES, parts, seqs, pages, activity);
  const members = { system, requestId, batch: batch.batch, firstSeq, lastSeq, parts };
  await session.run(
    `INSERT INTO ${IDENTITIES} (seq, type, ${valueNames(parts).join(', ')})
     SELECT seq, type, ${valueNames(parts)
       .map((_, index) => `JSON_UNQUOTE(JSON_EXTRACT(value, '$[${index}]'))`)
       .join(', ')}
     FROM lethe_collected WHERE \`system\` = ? AND request_id = ? AND batch = ? AND seq NOT IN (${[-1, ...(batch.except ?? [])].map(Number).join(', ')})`,
    [system, requestId, batch.batch],
  );
  return { ...members, seqs: [...seqs].toSorted((a, b) => a - b) };
}

/** A row that other rows point to is found by as many columns as the relation has. */
const partsOf = ({ types, targets }: KindModel): number =>
  Math.max(
    1,
    ...Object.values(types).map((type) => type.parts),
    ...targets.map(({ referencedBy }) => referencedBy?.on.length ?? 0),
  );

export async function createIdentities(session: Session, table: string, parts: number): Promise<void> {
  const values = valueNames(parts).map((name) => `${name} VARCHAR(1024)`);
  await session.run(
    `CREATE TEMPORARY TABLE ${table} (
       seq INT NOT NULL, type VARCHAR(255) NOT NULL, ${values.join(', ')}, digest BINARY(32), KEY (type, seq), KEY (seq), KEY (digest)
     ) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin`,
  );
}

/** Adds the number of each subject to `seqs`. */
export async function insertIdentities(
  session: Session,
  table: string,
  parts: number,
  seqs: Set<number>,
  pages: AsyncIterable<readonly SubjectIdentity[]>,
  activity: Pick<ConnectorContext, 'signal' | 'heartbeat'>,
): Promise<void> {
  const columns = ['seq', 'type', ...valueNames(parts)];
  for await (const page of callbackPages(pages)) {
    throwIfCancelled(activity.signal);
    activity.heartbeat();
    for (const { seq } of page) seqs.add(seq);
    for (let from = 0; from < page.length; from += PAGE)
      await insertRows(
        session,
        table,
        columns,
        page.slice(from, from + PAGE).map(({ seq, identity: { type, value } }) => [seq, type, ...value]),
      );
  }
}

async function* callbackPages<Page>(pages: AsyncIterable<Page>): AsyncGenerator<Page> {
  try {
    for await (const page of pages) yield page;
  } catch (error) {
    throw new CallbackError(error);
  }
}

/** Leaves out subjects, and ghost rows: these take over rows of deleted subjects, so they are never subjects themselves. */
async function* withoutGhosts(
  model: KindModel,
  except: ReadonlySet<number>,
  pages: AsyncIterable<readonly SubjectIdentity[]>,
): AsyncGenerator<readonly SubjectIdentity[]> {
  const { comparison } = model.key;
  const fold = (text: string): string => {
    if (comparison === 'uuid') return text.toLowerCase().replaceAll('-', '');
    return comparison === 'caseInsensitive' ? text.toLowerCase() : text;
  };
  const ghosts = ghostKeys(model).map((key) => key.map((value) => (value === null ? null : fold(String(value)))));
  const isGhost = ({ identity: { type, value } }: SubjectIdentity): boolean =>
    (type === model.keyType || type === ALIAS) &&
    ghosts.some((ghost) => ghost.every((part, index) => part === null || part === fold(value[index] ?? '')));
  for await (const page of pages) yield page.filter((each) => !except.has(each.seq) && !isGhost(each));
}
