import type { Scope } from '../../../domain/vocabulary.ts';
import type { Context, LoadedBatch } from '../context.ts';
import type { Unit } from '../../figures/counts.ts';
import type { Step } from '../../data-map/deletion-plan.ts';
import { type Members, membersInRange } from '../visibility/batch-table.ts';

/** Shared by all chunks of one call. */
export interface Chunks {
  readonly context: Context;
  readonly loaded: LoadedBatch;
  /** Children first. */
  readonly steps: readonly Step[];
  readonly scope: Scope;
  readonly pass: number;
}

export const membersIn = ({ loaded }: Chunks, unit: Unit): Members =>
  membersInRange(loaded.members, unit.first, unit.last);
