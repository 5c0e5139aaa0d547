import type { Resolved } from '../../domain/resolved.ts';
import type { SubjectKind } from '../../domain/vocabulary.ts';
import type { Transaction } from '../client.ts';
import { copyInto, type Field } from '../copy.ts';
import { type DigestKeys, digestsOf } from '../digests.ts';

export interface Staging {
  readonly tx: Transaction;
  readonly keys: DigestKeys;
  readonly requestId: string;
  readonly project: string;
  readonly kind: SubjectKind;
}

const STAGE = 'stage (match, known, key_type, key_value, position, type, value, origin, sharers, digests)';

/**
 * The directory's answer in a temporary table, a fact per row; `digests` are those of the identity named in the row,
 * in the order of the keys; `spared` marks a name of somebody who is not to be touched. Staged before the project's lock is
 * taken: a slow directory keeps nobody waiting.
 */
export async function stageFacts(staging: Staging, facts: AsyncIterable<readonly Resolved[]>): Promise<void> {
  await staging.tx`CREATE TEMPORARY TABLE stage (match boolean, known boolean, key_type text, key_value text[],
    position integer, type text, value text[], origin text, sharers integer, digests bytea[],
    spared boolean NOT NULL DEFAULT false) ON COMMIT DROP`;
  await copyInto(
    staging.tx,
    STAGE,
    mapped(facts, (fact) => stageRow(staging, fact, true)),
  );
}

/** An identity that the directory does not know is its own subject, and is still offered to every processor. */
export async function stageUnknown(staging: Staging): Promise<void> {
  const { tx, requestId } = staging;
  const unknown = await tx<{ position: number; type: string; value: string[] }[]>`
    SELECT position, type, value FROM lethe.submitted_identities submitted
    WHERE request_id = ${requestId} AND outcome IS NULL AND withdrawn_at IS NULL AND value IS NOT NULL
      AND NOT EXISTS (SELECT FROM stage WHERE stage.match AND stage.position = submitted.position)
    ORDER BY position`;
  const pages = (async function* () {
    yield unknown.map(({ position, ...key }) => stageRow(staging, { fact: 'match', position, key }, false));
  })();
  if (unknown.length > 0) await copyInto(tx, STAGE, pages);
}

function stageRow({ keys, project, kind }: Staging, fact: Resolved, known: boolean): Field[] {
  const match = fact.fact === 'match';
  const named = match ? fact.key : fact.identity;
  const digests = digestsOf(keys, project, kind, named).map(({ digest }) => digest);
  return [
    match,
    known,
    fact.key.type,
    fact.key.value,
    match ? fact.position : null,
    named.type,
    named.value,
    match ? 'key' : fact.origin,
    match ? null : fact.sharers,
    digests,
  ];
}

async function* mapped<From, To>(pages: AsyncIterable<readonly From[]>, each: (from: From) => To): AsyncIterable<To[]> {
  for await (const page of pages) yield page.map(each);
}

/** For the planner, where there is something to plan: a handful of rows is read faster than it is analysed. */
export async function analyseStage({ tx }: Staging): Promise<void> {
  const [{ many } = { many: false }] = await tx<{ many: boolean }[]>`SELECT count(*) > ${HANDFUL} AS many FROM stage`;
  if (!many) return;
  await tx`CREATE INDEX ON stage (position) WHERE match`;
  await tx`CREATE INDEX ON stage (key_type, key_value) WHERE match`;
  await tx`ANALYZE stage`;
}
const HANDFUL = 1_000;
