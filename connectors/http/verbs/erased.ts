import { HttpError } from '../failure.ts';
import type { Asked, Later } from '../results.ts';
import type { Erased } from '../settings.ts';

/** What `erase` did, in one form. */
export interface ErasedWork {
  readonly later: Later | null;
  /** Rows per table; '' is the table of the kind. Null: the system does not say. */
  readonly removed: Readonly<Record<string, number>> | null;
  readonly blocked: readonly number[];
}

/** Answers, and nothing, say that the system accepted the deletion and not how much it deleted. */
export function toErasedWork(erased: Erased): ErasedWork {
  const silent = { later: null, removed: null, blocked: [] };
  if (typeof erased !== 'object' || erased === null) return silent;
  if ('waitMs' in erased) return { ...silent, later: requireTickets(erased) };
  if (!('removed' in erased) && !('blocked' in erased)) return silent;
  return { later: null, removed: toFigures(erased.removed), blocked: erased.blocked ?? [] };
}

/** Work that the system never answers for is no work to wait for. */
function requireTickets(later: Later): Later {
  if (later.tickets.length === 0 || later.tickets.includes('')) throw new HttpError('invalid_result');
  return later;
}

function toFigures(
  removed: number | Readonly<Record<string, number>> | undefined,
): Readonly<Record<string, number>> | null {
  if (removed === undefined) return null;
  const figures = typeof removed === 'number' ? { '': removed } : removed;
  if (Object.values(figures).some((rows) => !Number.isInteger(rows) || rows < 0)) throw new HttpError('invalid_result');
  return figures;
}

export function toAsked(asked: Asked | undefined): Asked {
  if (asked === undefined || !['pending', 'done', 'failed'].includes(asked.state))
    throw new HttpError('invalid_result');
  return asked;
}
