import type { SuppressionInput } from './shared/messages.ts';
import { ledger, processor } from './shared/proxies.ts';

/** Applies a suppression, or its end, in every processor; then the identity leaves Lethe's tables. */
export async function propagateSuppression({ suppressionId }: SuppressionInput): Promise<void> {
  for (;;) {
    const pending = await ledger.processorsToNotify({ suppressionId });
    if (pending === null) return;
    const { project, processors, suppressed } = pending;
    await Promise.all(
      processors.map((name) => processor(project, name).setSuppression({ suppressionId, processor: name })),
    );
    await ledger.markSuppressionPropagated({ suppressionId, suppressed, asOf: Date.now() });
  }
}
