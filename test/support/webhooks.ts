import type { Database } from '../../db/client.ts';
import { addMemberOrToken } from '../../db/members/members.ts';
import type { Actor } from '../../db/members/authorized-transaction.ts';
import { addWebhook } from '../../db/notifications/webhooks.ts';
import { KEYS, START } from './ledger.ts';

/** Creates a project owner, who may change webhooks. */
export async function ownerOf({ database }: { database: Database }, project: string): Promise<Actor> {
  const member = { project, name: crypto.randomUUID(), role: 'owner', actor: 'test', at: START } as const;
  const { memberId, tokenId } = await addMemberOrToken(database, member);
  return { project, memberId, tokenId };
}

export async function webhookAt(ledger: { database: Database }, project: string, url: string) {
  const actor = await ownerOf(ledger, project);
  return { actor, ...(await addWebhook(ledger.database, KEYS, actor, { url, at: START })) };
}

export interface Delivery {
  readonly id: string;
  readonly status: string;
  readonly attempts: number;
  readonly nextAt: Date;
  readonly outcome: string | null;
  readonly lastCode: string | null;
  readonly recipient: string | null;
}

/** The deliveries of a request on one channel, in the order of the events. */
export const deliveriesOf = (
  { database }: { database: Database },
  channel: string,
  requestId: string,
): Promise<readonly Delivery[]> => database.$client<Delivery[]>`
  SELECT id, status, attempts, next_at, outcome, last_code, recipient FROM lethe.deliveries
  WHERE channel = ${channel} AND request_id = ${requestId} ORDER BY seq`;
