import type { SuppressionInput } from './shared/messages.ts';
import { ledger, processor } from './shared/proxies.ts';

/** Tells every processor of a standing refusal to collect, or of its end; then the identity leaves Lethe's tables. */
export async function suppressionChange({ suppressionId }: SuppressionInput): Promise<void> {
  for (;;) {
    const untold = await ledger.untoldProcessors({ suppressionId });
    if (untold === null) return;
    const { project, processors, suppressed } = untold;
    await Promise.all(
      processors.map((name) => processor(project, name).tellSuppression({ suppressionId, processor: name })),
    );
    await ledger.suppressionTold({ suppressionId, suppressed, asOf: Date.now() });
  }
}
