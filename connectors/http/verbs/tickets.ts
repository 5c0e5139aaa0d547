import { z } from 'zod';
import type { HardDeletion } from '../../connector.ts';
import type { RangeKey } from '../../../domain/batch.ts';
import { HttpError } from '../failure.ts';

/**
 * What a kept ticket says. The ledger only adds tickets, so each says to which attempt at the range it belongs, and a
 * failed attempt is one more ticket.
 */
const Kept = z.object({
  /** The attempt at the range, from 1. */
  attempt: z.number(),
  tickets: z.array(z.string()),
  /** The subject that the tickets are for, if the functions receive one at a time. */
  seq: z.number().optional(),
  /** When to ask (epoch milliseconds). Present when `erase` has ended for the range or the subject. */
  askAt: z.number().optional(),
  /** `erase` has ended for the whole range. */
  whole: z.boolean().optional(),
  /** The system abandoned the work: the next attempt begins. */
  failed: z.boolean().optional(),
});
type Kept = z.output<typeof Kept>;

/** The tickets of one range. */
export interface RangeTickets {
  readonly attempt: number;
  /** Those for which `erase` was not finished, if they belong to no subject alone. */
  readonly early: readonly string[];
  /** Subjects for which `erase` has ended. */
  readonly finishedSeqs: readonly number[];
  /** Every ticket of the attempt. */
  readonly all: readonly string[];
  /** When to ask. Null: `erase` has not ended. */
  readonly askAt: number | null;
}

const isSame = (a: RangeKey, b: RangeKey): boolean =>
  a.firstSeq === b.firstSeq && a.lastSeq === b.lastSeq && a.part === b.part;

export function ticketsOf({ tickets }: HardDeletion, key: RangeKey): RangeTickets {
  const kept = tickets.filter(({ range }) => isSame(range, key)).map(({ ticket }) => parse(ticket));
  const attempt = 1 + kept.filter(({ failed }) => failed === true).length;
  const own = kept.filter((each) => each.attempt === attempt);
  const whole = own.find((each) => each.whole === true);
  return {
    attempt,
    early: own.filter(({ askAt }) => askAt === undefined).flatMap(({ tickets: early }) => early),
    finishedSeqs: own.flatMap(({ seq, askAt }) => (seq === undefined || askAt === undefined ? [] : [seq])),
    all: [...new Set(own.flatMap((each) => each.tickets))],
    askAt: whole === undefined ? null : Math.max(...own.map(({ askAt = 0 }) => askAt)),
  };
}

export const keep = (deletion: HardDeletion, key: RangeKey, kept: Kept): Promise<void> =>
  deletion.keepTicket(key, JSON.stringify(kept));

function parse(ticket: string): Kept {
  try {
    return Kept.parse(JSON.parse(ticket));
  } catch {
    throw new HttpError('invalid_result');
  }
}
