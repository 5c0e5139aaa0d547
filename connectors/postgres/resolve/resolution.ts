import type { Context } from '../context.ts';
import type { Catalog } from '../data-map/catalog.ts';
import type { KindModel } from '../../data-map/model.ts';
import type { Session } from '../session.ts';
import type { Members } from '../visibility/batch-table.ts';

/** The state of one call of resolve(). */
export interface Resolution {
  readonly context: Context;
  readonly session: Session;
  readonly model: KindModel;
  readonly catalog: Catalog;
  /** The submitted identities, one per position. */
  readonly submitted: Members;
  /** The matched subjects: `seq` is the position, `value` the key. */
  readonly matches: Members;
  /** Each matched subject once, numbered from 1 by `seq`. */
  readonly subjects: Members;
  /** Other spellings of identities, and the subjects that have them. Empty between two steps. */
  readonly spelled: Members;
  readonly sharing: Members;
}
