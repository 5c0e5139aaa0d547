import type { Context } from '../context.ts';
import type { Catalog } from '../data-map/catalog.ts';
import type { KindModel } from '../data-map/model.ts';
import type { Session } from '../session.ts';
import type { Members } from '../visibility/batch-table.ts';

/** One call of resolve(), as its statements need it. */
export interface Resolving {
  readonly context: Context;
  readonly session: Session;
  readonly model: KindModel;
  readonly catalog: Catalog;
  /** The submitted identities, one per position. */
  readonly submitted: Members;
  /** Matches: position and key. */
  readonly matches: Members;
  /** The subjects, each once, numbered. */
  readonly subjects: Members;
}
