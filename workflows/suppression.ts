import type { SuppressionInput } from './shared/messages.ts';
import { ledger, system } from './shared/proxies.ts';

/** Applies a suppression, or its end, in every system; then the identity leaves Lethe's tables. */
export async function propagateSuppression({ suppressionId }: SuppressionInput): Promise<void> {
  for (;;) {
    const pending = await ledger.systemsToNotify({ suppressionId });
    if (pending === null) return;
    const { project, systems, suppressed } = pending;
    await Promise.all(systems.map((name) => system(project, name).setSuppression({ suppressionId, system: name })));
    await ledger.markSuppressionPropagated({ suppressionId, suppressed, asOf: Date.now() });
  }
}
