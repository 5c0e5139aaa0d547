import type { KindModel } from '../../data-map/model.ts';
import type { Catalog } from '../catalog/types.ts';
import type { Context } from '../context.ts';
import type { Session } from '../session.ts';

/** The state of one call of resolve(). */
export interface Resolution {
  readonly context: Context;
  readonly session: Session;
  readonly model: KindModel;
  readonly catalog: Catalog;
  /** The number of values of the longest identity type. */
  readonly parts: number;
}

/** Tables of the connection. They have the columns of the identities. */
export const SUBMITTED = 'lethe_submitted';
/** The matched subjects: `seq` is the position, the values are the key. */
export const MATCHES = 'lethe_matches';
/** Each matched subject once, numbered from 1. */
export const SUBJECTS = 'lethe_subjects';
/** Other spellings of identities, and the subjects that have them. Empty between two steps. */
export const SPELLED = 'lethe_spelled';
export const SHARING = 'lethe_sharing';

export const RESOLVE_TABLES = [SUBMITTED, MATCHES, SUBJECTS, SPELLED, SHARING] as const;
