import { exportedSince } from '../../domain/policy.ts';
import type { RequestRow } from '../requests/row.ts';

/** From which instant on rows belong in the archive; null: all. Before a deletion all are saved, whatever the regulation. */
export const exportWindow = ({ regulation, receivedAt, backupOf }: RequestRow): Date | null =>
  backupOf === null ? exportedSince(regulation, receivedAt) : null;
