import { codeOf } from '../../failure.ts';
import type { Session } from '../../session.ts';
import type { Evidence } from '../references/reference.ts';

/**
 * One statement about a bounded sample. It returns counts, and names that the statement itself contains. No value of a
 * row leaves the database.
 */
export interface Question {
  readonly id: string;
  /** Returns `name`, `sampled` and `matched`. */
  readonly sql: string;
}

/** Answers by question and name. A question without an answer had no rows, no right or no time. */
export type Samples = ReadonlyMap<string, ReadonlyMap<string, Evidence>>;

const TIMEOUT_MS = 5_000;
/** A missing right, a policy on rows, a timeout, a lock, or a value that a cast or operator does not accept. */
const UNANSWERABLE = /^(42501|42883|42804|42846|22|55P03|57014|54|0A)/;

/** Asks each question alone, so that one without an answer does not affect the others. */
export async function askQuestions(session: Session, questions: readonly Question[]): Promise<Samples> {
  await session.run(`SET default_transaction_read_only = on; SET statement_timeout = ${TIMEOUT_MS}`);
  const samples = new Map<string, ReadonlyMap<string, Evidence>>();
  for (const { id, sql } of questions) {
    const answers = await ask(session, sql);
    if (answers !== null)
      samples.set(id, new Map(answers.map(({ name, sampled, matched }) => [name, { sampled, matched }])));
  }
  return samples;
}

interface Answer extends Evidence {
  readonly name: string;
}

async function ask(session: Session, sql: string): Promise<readonly Answer[] | null> {
  try {
    return await session.rows<Answer>(sql);
  } catch (error) {
    if (UNANSWERABLE.test(codeOf(error))) return null;
    throw error;
  }
}

export const answerOf = (samples: Samples, id: string, name = ''): Evidence | undefined => samples.get(id)?.get(name);
