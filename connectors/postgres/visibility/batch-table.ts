import { pipeline } from 'node:stream/promises';
import { from as copyFrom } from 'pg-copy-streams';
import type { Batch, ConnectorContext } from '../../connector.ts';
import { takeLock } from '../delete/delete-lock.ts';
import { CallbackError } from '../../callbacks.ts';
import type { Session } from '../session.ts';
import { literal } from '../sql.ts';
import type { SubjectIdentity } from '../../../domain/identity.ts';

/** Selects rows of the batch table. The first five parameters of every statement about subjects. */
export type Members = readonly [system: string, requestId: string, batch: string, firstSeq: number, lastSeq: number];

export const membersOf = (system: string, batch: Batch): Members => [
  system,
  batch.requestId,
  batch.batch,
  batch.firstSeq,
  batch.lastSeq,
];

/** The condition on the batch table for COPY, which takes no parameters. It contains no identity. */
export const literalMembers = ([system, requestId, batch, firstSeq, lastSeq]: Members): string =>
  `system = ${literal(system)} AND request_id = ${literal(requestId)} AND batch = ${literal(batch)} AND seq BETWEEN ${Number(firstSeq)} AND ${Number(lastSeq)}`;

export const membersInRange = (members: Members, firstSeq: number, lastSeq: number): Members => [
  members[0],
  members[1],
  members[2],
  firstSeq,
  lastSeq,
];

/**
 * Copies the identities of a batch on the first call only. Returns the range size of the first call, so that a changed
 * configuration does not move the ranges of a resumed deletion.
 */
export async function loadBatch(
  session: Session,
  system: string,
  batch: Batch,
  subjectsPerCommit: number,
): Promise<{ members: Members; subjectsPerCommit: number }> {
  const members = membersOf(system, batch);
  const perCommit = await session.transaction(async () => {
    const inserted = await session.run(
      `INSERT INTO lethe_system.batches (system, request_id, batch, first_seq, last_seq, kind, subjects_per_commit)
       VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING`,
      [...members, batch.kind, subjectsPerCommit],
    );
    if (inserted === 1) {
      // The pages come from the ledger, which can be slow. The timeout of this server must not interrupt it.
      await session.run('SET LOCAL statement_timeout = 0');
      await session.run(`DELETE FROM lethe_system.batch WHERE ${MEMBERS_OF_BATCH}`, members);
      await copyIdentities(session, members, batch.identities());
      return subjectsPerCommit;
    }
    const [loaded] = await session.rows<{ size: number }>(
      `SELECT subjects_per_commit AS size FROM lethe_system.batches
       WHERE system = $1 AND request_id = $2 AND batch = $3 AND first_seq = $4 AND last_seq = $5`,
      members,
    );
    return loaded?.size ?? subjectsPerCommit;
  });
  return { members, subjectsPerCommit: perCommit };
}

const MEMBERS_OF_BATCH = 'system = $1 AND request_id = $2 AND batch = $3 AND seq BETWEEN $4 AND $5';

/** Identities enter the customer's database only as data of COPY, which no server log contains. */
export async function copyIdentities(
  session: Session,
  [system, requestId, batch]: Members,
  pages: AsyncIterable<readonly SubjectIdentity[]>,
): Promise<void> {
  const formOf = (value: readonly string[]): readonly string[] =>
    session.isUnicode ? value : value.map((part) => part.normalize('NFC'));
  const copyInto = copyFrom('COPY lethe_system.batch (system, request_id, batch, seq, type, value) FROM STDIN');
  async function* lines(): AsyncGenerator<string> {
    for await (const page of callbackPages(pages))
      yield page
        .map(({ seq, identity: { type, value } }) => copyLine([system, requestId, batch, seq, type, formOf(value)]))
        .join('');
  }
  await pipeline(lines, session.client.query(copyInto));
}

/** Escapes the characters that have a meaning in COPY's text format. */
const escape = (text: string): string =>
  text.replace(/[\\\t\n\r\b\f\v]/g, (character) => ESCAPES[character] ?? character);

const ESCAPES: Readonly<Record<string, string>> = {
  '\\': '\\\\',
  '\t': '\\t',
  '\n': '\\n',
  '\r': '\\r',
  '\b': '\\b',
  '\f': '\\f',
  '\v': '\\v',
};

/** Quotes every element, so that no value is read as NULL, comma or brace. */
const arrayLiteral = (values: readonly string[]): string =>
  `{${values.map((value) => `"${value.replace(/["\\]/g, (character) => `\\${character}`)}"`).join(',')}}`;

const copyLine = (fields: readonly (string | number | readonly string[])[]): string =>
  `${fields.map((field) => escape(typeof field === 'object' ? arrayLiteral(field) : String(field))).join('\t')}\n`;

async function* callbackPages<Page>(pages: AsyncIterable<Page>): AsyncGenerator<Page> {
  try {
    for await (const page of pages) yield page;
  } catch (error) {
    throw new CallbackError(error);
  }
}

/** Ends the name under which the batch table keeps the subjects that a call leaves out. */
export const EXCEPTED = '-';

/**
 * Leaves exactly these subjects out of the batch until the next call. The calls of a batch exclude each other by a lock
 * of the connection, so that none changes the subjects of another one.
 */
export async function leaveOut(
  session: Session,
  members: Members,
  except: readonly number[],
  activity: Pick<ConnectorContext, 'signal' | 'heartbeat'>,
): Promise<void> {
  await takeLock(session, `lethe_system.batch ${members.slice(0, 3).join(' ')}`, activity);
  const move = (from: string, to: string, condition: string): Promise<number> =>
    session.run(
      `WITH moved AS (DELETE FROM lethe_system.batch
         WHERE system = $1 AND request_id = $2 AND batch = ${from} AND seq BETWEEN $4 AND $5 AND ${condition} RETURNING *)
       INSERT INTO lethe_system.batch (system, request_id, batch, seq, type, value)
       SELECT system, request_id, ${to}, seq, type, value FROM moved`,
      [...members, except],
    );
  const left = `$3 || '${EXCEPTED}'`;
  await move(left, '$3::text', 'seq <> ALL ($6::int[])');
  if (except.length > 0) await move('$3', left, 'seq = ANY ($6::int[])');
}

/** Deletes the identities of a batch that is no longer needed. */
export async function unloadBatch(session: Session, members: Members): Promise<void> {
  for (const [table, within] of [
    ['batch', 'seq BETWEEN $4 AND $5'],
    ['batches', 'first_seq = $4 AND last_seq = $5'],
  ])
    await session.run(
      `DELETE FROM lethe_system.${table} WHERE system = $1 AND request_id = $2 AND batch = $3 AND ${within}`,
      members,
    );
}
