import { pipeline } from 'node:stream/promises';
import { from as copyFrom } from 'pg-copy-streams';
import type { Batch } from '../../connector.ts';
import { CallbackError } from '../failure.ts';
import type { Session } from '../session.ts';
import { literal } from '../sql.ts';
import type { SubjectIdentity } from '../../../domain/identity.ts';

/** Which rows of the batch table a statement speaks of: the first five parameters of every one. */
export type Members = readonly [system: string, requestId: string, batch: string, firstSeq: number, lastSeq: number];

export const membersOf = (system: string, batch: Batch): Members => [
  system,
  batch.requestId,
  batch.batch,
  batch.firstSeq,
  batch.lastSeq,
];

/** The same for COPY, which takes no parameters; what makes a batch a batch of this request is no identity. */
export const literalMembers = ([system, requestId, batch, firstSeq, lastSeq]: Members): string =>
  `system = ${literal(system)} AND request_id = ${literal(requestId)} AND batch = ${literal(batch)} AND seq BETWEEN ${Number(firstSeq)} AND ${Number(lastSeq)}`;

export const within = (members: Members, firstSeq: number, lastSeq: number): Members => [
  members[0],
  members[1],
  members[2],
  firstSeq,
  lastSeq,
];

/**
 * Copies a batch's identities once; a retry finds them there. Its ranges are cut with the size that the first attempt
 * saw, which is returned, so that a changed configuration does not move them under a resumed deletion.
 */
export async function loadBatch(
  session: Session,
  system: string,
  batch: Batch,
  subjectsPerCommit: number,
): Promise<{ members: Members; subjectsPerCommit: number }> {
  const members = membersOf(system, batch);
  const perCommit = await session.transaction(async () => {
    const fresh = await session.run(
      `INSERT INTO lethe_system.batches (system, request_id, batch, first_seq, last_seq, kind, subjects_per_commit)
       VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING`,
      [...members, batch.kind, subjectsPerCommit],
    );
    if (fresh === 1) {
      // The pages come from Lethe's own database, whose pace is not this server's to judge.
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

/** The only way for an identity into a customer's database: as data of COPY, which no server log shows. */
export async function copyIdentities(
  session: Session,
  [system, requestId, batch]: Members,
  pages: AsyncIterable<readonly SubjectIdentity[]>,
): Promise<void> {
  const into = copyFrom('COPY lethe_system.batch (system, request_id, batch, seq, type, value) FROM STDIN');
  async function* lines(): AsyncGenerator<string> {
    for await (const page of callbackPages(pages))
      yield page
        .map(({ seq, identity }) => copyLine([system, requestId, batch, seq, identity.type, identity.value]))
        .join('');
  }
  await pipeline(lines, session.client.query(into));
}

/** COPY's text format: backslash, tab, newline and return are all that it gives a meaning to. */
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

/** An array literal in which every element is quoted, so that no value can be read as NULL, a comma or a brace. */
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

/** Forgets a batch that nothing will come back to. */
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
