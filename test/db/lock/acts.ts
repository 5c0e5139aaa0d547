import { startBackup } from '../../../db/backups/start.ts';
import { conclude } from '../../../db/deletion/conclude.ts';
import { reconcileExport } from '../../../db/exports/reconcile.ts';
import { concludeExport } from '../../../db/exports/conclude.ts';
import { placeHold, releaseHold } from '../../../db/holds/holds.ts';
import { cancelRequest } from '../../../db/requests/cancel.ts';
import { accept as acceptCall } from '../../../db/requests/create.ts';
import { expediteRequest } from '../../../db/requests/expedite.ts';
import { settleUnresolved } from '../../../db/subjects/unresolved.ts';
import { liftSuppression, placeSuppression } from '../../../db/suppressions/suppressions.ts';
import { newId } from '../../../domain/ids.ts';
import type { Identity } from '../../../domain/identity.ts';
import { endBackup, givenExport } from '../../support/exports.ts';
import { placeAll } from '../../support/suppressions.ts';
import {
  accept,
  after,
  allKnown,
  applyVisibility,
  claimAt,
  givenAwaitingConfirmation,
  KEYS,
  type Ledger,
  newRequest,
  POLICY,
  PROJECT,
  reconcileAt,
  resolve,
  START,
  user,
} from '../../support/ledger.ts';
import { confirm, PROJECT_ENTRY } from '../requests/confirming.ts';
import { people, withEmails } from './large-request.ts';

/** Runs one act and records the rows that its statements visited. */
export type Act = <T>(name: string, work: () => Promise<T>) => Promise<T>;

interface Scene {
  readonly world: Ledger;
  readonly act: Act;
  /** Starts the names of the subjects of a scene. */
  readonly name: string;
  readonly size: number;
}

const half = (identities: readonly Identity[]) => identities.slice(0, Math.ceil(identities.length / 2));
const cancel = ({ database }: Ledger, requestId: string, positions: readonly number[] | 'all') =>
  cancelRequest(database, POLICY.window, { requestId, positions, actor: 'operator', at: START });
const halfOfPositions = (size: number) => Array.from({ length: Math.ceil(size / 2) }, (_, n) => 2 * n + 1);

/** Accepts, resolves and hides a deletion of these identities. */
async function given({ world, act }: Scene, identities: readonly Identity[], changes: object = {}): Promise<string> {
  const id = await act('accept', () => accept(world, identities, changes));
  await act('resolve', () => resolve(world, id, withEmails(identities)));
  await act('reconcile', () => applyVisibility(world, id));
  return id;
}

/** From acceptance to the receipt, with a hold, an attached deletion with its backup, and an export. */
export async function runDeletion(scene: Scene): Promise<void> {
  const { world, act, name, size } = scene;
  const { database } = world;
  const own = people(`${name}-deleted`, size);
  const reject = { onConflict: 'reject' } as const;
  const id = await act(
    'accept',
    async () => (await acceptCall(database, KEYS, newRequest(own, { ...reject, suppress: true }), null)).id,
  );
  await act('resolve', () => resolve(world, id, withEmails(own)));
  await act('reject', () => acceptCall(database, KEYS, newRequest(own, reject), null).catch(() => null));
  await act('reconcile', () => applyVisibility(world, id));
  const attached = await given(scene, own, { exportFirst: true });
  const exporting = await act('export', () => givenExport(world, own));
  const hold = {
    project: PROJECT,
    kind: 'user',
    identities: own,
    caseRef: 'C',
    heldBy: 'c',
    actor: 'm',
    at: START,
  } as const;
  const holdId = newId('hold', size);
  await act('hold', () => placeHold(database, KEYS, { ...hold, id: holdId }));
  await act('reconcile while held', () => reconcileAt(world, id, after(0)));
  await act('claim while held', () => claimAt(world, id));
  await act('release', () => releaseHold(database, POLICY.window, { id: holdId, actor: 'm', at: START }));
  await act('expedite', () =>
    expediteRequest(database, PROJECT_ENTRY, {
      requestId: id,
      expedite: 'next_run',
      reason: 'r',
      actor: 'm',
      at: START,
    }),
  );
  const backup = await act('start a backup', () => startBackup(database, attached, START));
  if (backup !== null) await act('finish a backup', () => endBackup(world, backup, { at: START }));
  await act('claim', () => claimAt(world, id, after(48)));
  await world.sql`UPDATE lethe.batch_work SET state = 'verified', verified_at = ${START} WHERE request_id = ${id}`;
  await act('close', () => reconcileAt(world, id, after(48)));
  await act('suppress', () => placeAll(database, KEYS, { requestId: id, at: after(48) }));
  await act('reconcile suppressions', () => reconcileAt(world, id, after(48)));
  await act('conclude', () => conclude(database, { requestId: id, at: after(48) }));
  const configured = { configured: ['app'], directory: 'app', withoutExport: [] };
  await act('reconcile an export', () =>
    reconcileExport(database, { requestId: exporting, asOf: START, ...configured }),
  );
  await act('conclude an export', () =>
    concludeExport(database, { requestId: exporting, at: START, window: POLICY.window }),
  );
}

/** Cancels deletions that others are attached to, that are attached to others, and that have an open backup. */
export async function runCancellations(scene: Scene): Promise<void> {
  const { world, act, name, size } = scene;
  const own = people(`${name}-cancelled`, size);
  const owner = await given(scene, own);
  const attached = await given(scene, own, { exportFirst: true });
  await act('start a backup', () => startBackup(world.database, attached, START));
  await act('cancel some', () => cancel(world, owner, halfOfPositions(size)));
  await act('reconcile after a cancel', () => applyVisibility(world, owner));
  await act('cancel some of an attached deletion', () => cancel(world, attached, halfOfPositions(size)));
  if (size > 1) await act('cancel the rest', () => cancel(world, attached, 'all'));
  const ofLarge = await given(scene, people('large', size), { exportFirst: true });
  await act('cancel what the large request owns', () => cancel(world, ofLarge, 'all'));
  const changing = await given(
    scene,
    own.map(({ value }) => user(`${value[0]} changing`)),
  );
  await act('resolve others', () => resolve(world, changing, allKnown(own)));
}

/** Confirms a deletion of which others own a part, and cancels one that waits for its confirmation. */
export async function runConfirmations({ world, act, name, size }: Scene): Promise<void> {
  const own = [
    ...people(`${name}-confirmed`, size - half(people('large', size)).length),
    ...half(people('large', size)),
  ];
  const id = await act('propose', () => givenAwaitingConfirmation(world, own));
  await act('confirm', () => confirm(world, id, size));
  const cancelled = await act('propose', () => givenAwaitingConfirmation(world, own));
  await act('cancel a proposal', () => cancel(world, cancelled, 'all'));
}

/** Settles identities that no system knows, also of an attached deletion. */
export async function runUnknown({ world, act, name, size }: Scene): Promise<void> {
  const own = people(`${name}-unknown`, size);
  for (const attached of [false, true]) {
    const id = await accept(world, own, { exportFirst: attached });
    await act('resolve unknown', () => resolve(world, id, []));
    await act('reconcile unknown', () => reconcileAt(world, id, START));
    if (!attached) continue;
    const [{ owner } = { owner: '' }] = await world.sql<{ owner: string }[]>`
      SELECT owner_request AS owner FROM lethe.subjects WHERE request_id = ${id} LIMIT 1`;
    await act('settle unknown', () => settleUnresolved(world.database, PROJECT, owner, START));
    await act('conclude unknown', () => conclude(world.database, { requestId: owner, at: START }));
  }
}

/** Takes half of the subjects out of a batch that is blocked. */
export async function runBlocked(scene: Scene): Promise<void> {
  const { world, act, name, size } = scene;
  const id = await given(scene, people(`${name}-blocked`, size));
  await act('claim', () => claimAt(world, id));
  await world.sql`UPDATE lethe.batch_work SET state = 'attention', started = true WHERE request_id = ${id}`;
  await world.sql`INSERT INTO lethe.blocked_subjects (request_id, batch, system, seq, pass)
    SELECT request_id, batch, 'app', seq, 1 FROM lethe.subjects WHERE request_id = ${id}`;
  await act('cancel blocked', () => cancel(world, id, halfOfPositions(size)));
}

/** Places and lifts suppressions, which concern one identity each. */
export async function runSuppressions({ world, act, name }: Scene): Promise<void> {
  const { database } = world;
  const identity = { ...user(`${name}-suppressed`), canonical: null };
  const change = { project: PROJECT, kind: 'user', identity, systems: ['app'], actor: 'm', at: START } as const;
  await act('suppress', () => placeSuppression(database, KEYS, { ...change, id: newId('suppression', 1) }));
  await act('lift', () => liftSuppression(database, KEYS, { ...change, id: newId('suppression', 2) }));
}
