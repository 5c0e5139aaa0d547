import { requireNoConfigErrors } from '../../connectors/guard.ts';
import { LETHE } from '../../db/audit/audit.ts';
import {
  forgetOutage,
  type OutageKey,
  readOutage,
  recordAnsweredProbe,
  recordFailedProbe,
} from '../../db/outages/outages.ts';
import { readStop } from '../../db/outages/stops.ts';
import { HOUR_MS } from '../../domain/calendar.ts';
import type { AsOf } from '../../domain/ids.ts';
import type { ActivityDeps } from '../deps.ts';
import { outageCodeOf, signalAll } from './outages.ts';

/** The probe of a system whose calls fail. It runs on the ledger's queue, which every worker polls. */
export const probeActivities = (deps: ActivityDeps) => ({
  /** Returns when the next probe is due. Null if the system answers, or has left the configuration. */
  async probeSystem({ asOf, ...key }: OutageKey & AsOf): Promise<{ nextProbeAt: number | null }> {
    const at = new Date(asOf);
    if (!isConfigured(deps, key)) {
      await forgetOutage(deps.database, key);
      return { nextProbeAt: null };
    }
    const outage = await readOutage(deps.database, key);
    if (outage === null) return { nextProbeAt: null };
    // The end of the pause wakes the watch.
    if ((await readStop(deps.database, key, at)) === 'paused') return { nextProbeAt: asOf + HOUR_MS };
    // An answer would let all steps try again.
    const isTrial = outage.confirmedAt !== null && outage.failedRequests.length > 0;
    if (isTrial && outage.nextProbeAt !== null && outage.nextProbeAt > at)
      return { nextProbeAt: outage.nextProbeAt.getTime() };
    try {
      await probe(deps, key, outage.code !== 'system_unavailable');
    } catch (error) {
      const code = outageCodeOf(error);
      if (code !== null) {
        const { nextProbeAt, wake } = await recordFailedProbe(deps.database, key, { code, at });
        await signalAll(deps, wake);
        return { nextProbeAt: nextProbeAt?.getTime() ?? null };
      }
    }
    await signalAll(deps, await recordAnsweredProbe(deps.database, key, at));
    return { nextProbeAt: null };
  },
});

const isConfigured = ({ catalog }: ActivityDeps, { project, system }: OutageKey): boolean =>
  system === LETHE ? catalog.has(project) : catalog.get(project)?.systems.some(({ name }) => name === system) === true;

/** `thoroughly`: also finds out whether the system refuses, which takes longer. */
async function probe(deps: ActivityDeps, { project, system }: OutageKey, thoroughly: boolean): Promise<void> {
  if (system === LETHE) {
    await deps.storage.storageId();
    return;
  }
  const connector = deps.connector(project, system);
  if (thoroughly || connector.probe === undefined) await requireNoConfigErrors(connector);
  else await connector.probe();
}
