import { forgetOutage, type OutageKey, recordFailedProbe } from '../../db/outages/outages.ts';
import { LETHE } from '../../db/audit/audit.ts';
import type { AsOf } from '../../domain/ids.ts';
import type { ActivityDeps } from '../deps.ts';
import { endOutageAndSignal, isUnanswered } from './outages.ts';

/** The probe of a system that does not answer. It runs on the ledger's queue, which every worker polls. */
export const probeActivities = (deps: ActivityDeps) => ({
  /** Returns when the next probe is due. Null if the system answers, also with an error, or has left the configuration. */
  async probeSystem({ asOf, ...key }: OutageKey & AsOf): Promise<{ nextProbeAt: number | null }> {
    const at = new Date(asOf);
    if (!isConfigured(deps, key)) {
      await forgetOutage(deps.database, key);
      return { nextProbeAt: null };
    }
    try {
      await probe(deps, key);
    } catch (error) {
      if (isUnanswered(error))
        return { nextProbeAt: (await recordFailedProbe(deps.database, key, at))?.getTime() ?? null };
    }
    await endOutageAndSignal(deps, key, { calledAt: at, at });
    return { nextProbeAt: null };
  },
});

const isConfigured = ({ catalog }: ActivityDeps, { project, system }: OutageKey): boolean =>
  system === LETHE ? catalog.has(project) : catalog.get(project)?.systems.some(({ name }) => name === system) === true;

async function probe(deps: ActivityDeps, { project, system }: OutageKey): Promise<void> {
  if (system === LETHE) {
    await deps.storage.storageId();
    return;
  }
  const connector = deps.connector(project, system);
  await (connector.probe === undefined ? connector.inspect() : connector.probe());
}
