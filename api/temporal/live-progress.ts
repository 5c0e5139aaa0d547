import type { Client } from '@temporalio/client';
import { type RequestProgress, progressQuery } from '../../workflows/shared/messages.ts';

/** State that only Temporal has: what the workflow waits for, and the running attempts. */
export interface LiveProgress {
  readonly workflow: RequestProgress | null;
  readonly activities: readonly PendingActivity[];
}
export interface PendingActivity {
  /** The system whose child workflow runs the activity. Null for the request's own workflow. */
  readonly system: string | null;
  readonly activity: string;
  readonly attempt: number;
  readonly nextAttemptAt: Date | null;
}

/** Limits the calls to Temporal; a request with more running batches shows the first ones. */
const CHILDREN_SHOWN = 8;

/** The query needs a worker, the description does not. Without a worker, `workflow` is null. */
export async function readLiveProgress(client: Client, workflowId: string): Promise<LiveProgress> {
  const [described, queried] = await Promise.allSettled([
    describeWithChildren(client, workflowId),
    client.workflow.getHandle(workflowId).query(progressQuery),
  ]);
  if (described.status === 'rejected') throw described.reason;
  return { workflow: queried.status === 'fulfilled' ? queried.value : null, activities: described.value };
}

async function describeWithChildren(client: Client, workflowId: string): Promise<readonly PendingActivity[]> {
  const { raw } = await client.workflow.getHandle(workflowId).describe();
  const children = (raw.pendingChildren ?? []).flatMap((child) => child.workflowId ?? []).slice(0, CHILDREN_SHOWN);
  const ofChildren = await Promise.all(
    children.map(async (childId) => {
      // `dsr-<request>/<system>/<batch>`. A child that has ended has no pending activity.
      const system = childId.split('/')[1] ?? null;
      const child = await client.workflow
        .getHandle(childId)
        .describe()
        .catch(() => null);
      return (child?.raw.pendingActivities ?? []).map((activity) => toPendingActivity(activity, system));
    }),
  );
  return [...(raw.pendingActivities ?? []).map((activity) => toPendingActivity(activity, null)), ...ofChildren.flat()];
}

/** Names and numbers only: the text of the last failure may contain personal data. */
function toPendingActivity(activity: RawActivity, system: string | null): PendingActivity {
  const seconds = activity.nextAttemptScheduleTime?.seconds;
  return {
    system,
    activity: activity.activityType?.name ?? 'unknown',
    attempt: activity.attempt ?? 1,
    nextAttemptAt: seconds === undefined || seconds === null ? null : new Date(Number(seconds) * 1_000),
  };
}

interface RawActivity {
  readonly activityType?: { readonly name?: string | null } | null;
  readonly attempt?: number | null;
  readonly nextAttemptScheduleTime?: { readonly seconds?: unknown } | null;
}
