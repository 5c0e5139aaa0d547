import { setTimeout as sleep } from 'node:timers/promises';
import { Hono } from 'hono';
import type { Logger } from 'pino';
import { collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Database } from '../../db/client.ts';
import { errorCode } from '../../db/errors.ts';
import { type Measured, measure, METRICS } from '../../db/operations/metrics.ts';
import type { Catalog } from '../../domain/catalog.ts';

/** The database is queried at most once in this time, however many scrapers call. */
const CACHE_MS = 10_000;
/** A slower database is reported as down, before scrapers time out. */
const TIMEOUT_MS = 5_000;

export interface MetricsDeps {
  readonly database: Database;
  readonly catalog: Catalog;
  readonly now: () => Date;
  readonly logger: Logger;
  readonly timeoutMs?: number;
}
/** A completed call. `route` is the pattern of the path, null when no route matches. */
export interface Call {
  readonly method: string;
  readonly route: string | null;
  readonly status: number;
  readonly seconds: number;
}

/** Returns an app with `GET /metrics`, and the function that observes each call. Labels contain no text of a caller. */
export function createMetrics(deps: MetricsDeps) {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const durations = new Histogram({
    name: 'lethe_http_request_duration_seconds',
    help: 'Duration of HTTP requests from the request headers to the response headers, in seconds',
    labelNames: ['method', 'route', 'status'],
    registers,
  });
  const ledgerUp = new Gauge({
    name: 'lethe_ledger_up',
    help: '1 if the database of Lethe answers, otherwise 0',
    registers,
  });
  const gauges = Object.entries(METRICS).map(([metric, { by, help }]) => {
    const labelNames = ['project', ...by];
    return { metric, by, gauge: new Gauge({ name: `lethe_${metric}`, help, labelNames, registers }) };
  });

  const setGauges = (measured: readonly Measured[], up: boolean): void => {
    ledgerUp.set(up ? 1 : 0);
    for (const { metric, by, gauge } of gauges) {
      // Without the reset, a series that no longer exists would be reported forever.
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
  let pending: Promise<readonly Measured[]> | null = null;
  const read = async (asOf: Date): Promise<void> => {
    // A statement that still runs is awaited again, not sent again.
    pending ??= measure(deps.database, { catalog: deps.catalog, asOf }).finally(() => (pending = null));
    const timeout = sleep(deps.timeoutMs ?? TIMEOUT_MS, null, { ref: false });
    const measured = await Promise.race([pending, timeout]).catch((error: unknown) => {
      deps.logger.warn({ code: errorCode(error) }, 'metrics of the database unavailable');
      return null;
    });
    setGauges(measured ?? [], measured !== null);
  };
  let last: { readonly at: number; readonly done: Promise<void> } | null = null;
  const refresh = (now: Date): Promise<void> => {
    const age = last === null ? Infinity : now.getTime() - last.at;
    if (last === null || age < 0 || age >= CACHE_MS) last = { at: now.getTime(), done: read(now) };
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
