import type { SuppressionInput } from './shared/messages.ts';
import { ledger, system } from './shared/proxies.ts';

/** Places or lifts a suppression in every system. Then the ledger purges the identity. */
export async function propagateSuppression({ suppressionId }: SuppressionInput): Promise<void> {
  for (;;) {
    const pending = await ledger.readPendingSuppression({ suppressionId });
    if (pending === null) return;
    const { project, systems, suppressed } = pending;
    const change = { suppressionId, asOf: Date.now() };
    await Promise.all(systems.map((name) => system(project, name).applySuppression({ ...change, system: name })));
    await ledger.markSuppressionPropagated({ ...change, suppressed, asOf: Date.now() });
  }
}
