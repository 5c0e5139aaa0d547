import type { SuppressionInput } from './shared/messages.ts';
import { ledger, system } from './shared/proxies.ts';

/** Places or lifts a suppression in every system. Then the ledger purges the identity. */
export async function propagateSuppression({ suppressionId }: SuppressionInput): Promise<void> {
  for (;;) {
    const pending = await ledger.readPendingSuppression({ suppressionId });
    if (pending === null) return;
    const { project, systems, suppressed } = pending;
    await Promise.all(systems.map((name) => system(project, name).applySuppression({ suppressionId, system: name })));
    await ledger.markSuppressionPropagated({ suppressionId, suppressed, asOf: Date.now() });
  }
}
