import type { RequestKind } from '../../domain/vocabulary.ts';
import type { AuditEvent } from './audit.ts';
import type { Queries } from '../client.ts';

/** One line of the audit trail, which is read here and written in db/audit/audit.ts: there is no second log. */
export interface Activity {
  readonly id: number;
  readonly at: Date;
  readonly requestId: string | null;
  /** A member's id, or what acts by itself. */
  readonly actor: string;
  readonly actorName: string | null;
  readonly action: string;
  readonly detail: AuditEvent['detail'];
}

/** What is absent leaves nothing out. */
export interface ActivityFilter {
  readonly requestId?: string | undefined;
  readonly actor?: string | undefined;
  /** `noun.past_verb`, or `noun.*`. */
  readonly action?: string | undefined;
  readonly from?: Date | undefined;
  readonly before?: Date | undefined;
}

export type AfterActivity = Pick<Activity, 'id' | 'at'>;

export interface ActivityPage {
  readonly project: string;
  /** Of the caller's token, which sees no event of a request of another kind; null: all. */
  readonly kinds: readonly RequestKind[] | null;
  readonly filter: ActivityFilter;
  readonly after: AfterActivity | null;
  readonly limit: number;
}

/** Of a project: newest first. */
export const listActivity = (queries: Queries, page: ActivityPage): Promise<readonly Activity[]> => queries<Activity[]>`
  ${events(queries)} WHERE ${conditions(queries, page)} ORDER BY event.at DESC, event.id DESC LIMIT ${page.limit}`;

/** Of one request: in the order in which it was written, which is the order in which it was decided. */
export const requestLog = (
  queries: Queries,
  page: { readonly requestId: string; readonly after: AfterActivity | null; readonly limit: number },
): Promise<readonly Activity[]> => queries<Activity[]>`
  ${events(queries)} WHERE request_id = ${page.requestId} AND event.id > ${page.after?.id ?? 0} ORDER BY event.id LIMIT ${page.limit}`;

const events = (queries: Queries) => queries`
  SELECT event.id, event.at, event.request_id, event.actor, member.name AS actor_name, event.action, event.detail
  FROM lethe.audit_events event LEFT JOIN lethe.members member ON member.id = event.actor`;

/** Only what is asked for is in the statement, so that a plan fits all that ask the same. */
function conditions(queries: Queries, { project, kinds, filter, after }: ActivityPage) {
  const { requestId, actor, action, from, before } = filter;
  const [noun = '', verb] = action?.split('.') ?? [];
  return [
    queries`event.project = ${project}`,
    kinds === null
      ? []
      : queries`AND (event.request_id IS NULL OR EXISTS (
          SELECT FROM lethe.requests WHERE requests.id = event.request_id AND kind = ANY(${kinds as string[]}::text[])))`,
    requestId === undefined ? [] : queries`AND event.request_id = ${requestId}`,
    actor === undefined ? [] : queries`AND event.actor = ${actor}`,
    verb === undefined ? [] : queries`AND split_part(event.action, '.', 1) = ${noun}`,
    verb === undefined || verb === '*' ? [] : queries`AND event.action = ${`${noun}.${verb}`}`,
    from === undefined ? [] : queries`AND event.at >= ${from}`,
    before === undefined ? [] : queries`AND event.at < ${before}`,
    after === null ? [] : queries`AND (event.at, event.id) < (${after.at}, ${after.id})`,
  ].flat();
}
