import { setTimeout as sleep } from 'node:timers/promises';
import { Hono } from 'hono';
import type { Logger } from 'pino';
import { collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Database } from '../../db/client.ts';
import { errorCode } from '../../db/errors.ts';
import { type Measured, measure, METRICS } from '../../db/operations/metrics.ts';
import type { Catalog } from '../../domain/catalog.ts';

/** However many ask, the ledger is asked once in this time. */
const FRESH_MS = 10_000;
/** A ledger that takes longer counts as away: scrapers give up soon after. */
const PATIENCE_MS = 5_000;

export interface MetricsDeps {
  readonly database: Database;
  readonly catalog: Catalog;
  readonly now: () => Date;
  readonly logger: Logger;
  readonly patienceMs?: number;
}
/** A call of the API as it was answered; `route` is its pattern, null where there is none. */
export interface Call {
  readonly method: string;
  readonly route: string | null;
  readonly status: number;
  readonly seconds: number;
}

/** `GET /metrics` for an address of its own, and the observer of each call. Labels hold no text of a caller. */
export function metrics(deps: MetricsDeps) {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const durations = new Histogram({
    name: 'lethe_http_request_duration_seconds',
    help: 'From the request’s headers to the answer’s',
    labelNames: ['method', 'route', 'status'],
    registers,
  });
  const ledgerUp = new Gauge({ name: 'lethe_ledger_up', help: 'Whether the ledger answers', registers });
  const gauges = Object.entries(METRICS).map(([metric, { by, help }]) => {
    const labelNames = ['project', ...by];
    return { metric, by, gauge: new Gauge({ name: `lethe_${metric}`, help, labelNames, registers }) };
  });

  const show = (measured: readonly Measured[], up: boolean): void => {
    ledgerUp.set(up ? 1 : 0);
    for (const { metric, by, gauge } of gauges) {
      // Without the reset, a series that has ended would be reported forever.
      gauge.reset();
      for (const one of measured.filter((other) => other.metric === metric)) {
        const values = [one.first, one.second].map((value) => value ?? '');
        gauge.set(
          { project: one.project, ...Object.fromEntries(by.map((name, n) => [name, values[n] ?? ''])) },
          one.value,
        );
      }
    }
  };
  let asked: Promise<readonly Measured[]> | null = null;
  const read = async (asOf: Date): Promise<void> => {
    // A statement that hangs is waited for again, not sent again.
    asked ??= measure(deps.database, { catalog: deps.catalog, asOf }).finally(() => (asked = null));
    const late = sleep(deps.patienceMs ?? PATIENCE_MS, null, { ref: false });
    const measured = await Promise.race([asked, late]).catch((error: unknown) => {
      deps.logger.warn({ code: errorCode(error) }, 'the ledger cannot be measured');
      return null;
    });
    show(measured ?? [], measured !== null);
  };
  let last: { readonly at: number; readonly done: Promise<void> } | null = null;
  const refresh = (now: Date): Promise<void> => {
    const age = last === null ? Infinity : now.getTime() - last.at;
    if (last === null || age < 0 || age >= FRESH_MS) last = { at: now.getTime(), done: read(now) };
    return last.done;
  };

  const app = new Hono().get('/metrics', async (c) => {
    await refresh(deps.now());
    return c.text(await registry.metrics(), 200, { 'Content-Type': registry.contentType });
  });
  const observe = ({ method, route, status, seconds }: Call): void =>
    durations.observe({ method, route: route ?? '', status }, seconds);
  return { app, observe };
}
