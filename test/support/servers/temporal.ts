import { TestWorkflowEnvironment } from '@temporalio/testing';
import { afterAll } from 'vitest';
import { findTemporalBinary } from '../../../dev/embedded/temporal/binary.ts';
import { searchAttributeCodes } from '../../../dev/embedded/temporal/ready.ts';
import { type TemporalServer, startTemporal } from '../../../dev/embedded/temporal/temporal.ts';

const closing: (() => Promise<void>)[] = [];

/** Closes in reverse order, and continues when one fails. */
afterAll(async () => {
  const results = [];
  for (const close of closing.splice(0).toReversed()) results.push(...(await Promise.allSettled([close()])));
  for (const result of results) if (result.status === 'rejected') throw result.reason;
});

/** Starts a time-skipping server for one test file, whose tests run sequentially. */
export async function timeSkipping(): Promise<TestWorkflowEnvironment> {
  const path = await findTemporalBinary('temporal-test-server');
  const executable = { type: 'existing-path' as const, path };
  const env = await TestWorkflowEnvironment.createTimeSkipping({ server: { executable } });
  closing.push(() => env.teardown());
  await env.connection.operatorService.addSearchAttributes({
    namespace: env.namespace ?? 'default',
    searchAttributes: searchAttributeCodes(),
  });
  return env;
}

export interface DevServer {
  server: TemporalServer;
  env: TestWorkflowEnvironment;
}

let shared: Promise<DevServer> | undefined;

/** Starts one development server per test file. It runs in real time and supports schedules, visibility, reset and limits. */
export function devServer(): Promise<DevServer> {
  shared ??= (async () => {
    const server = await startTemporal();
    closing.push(() => server.stop());
    const env = await TestWorkflowEnvironment.createFromExistingServer({ address: server.address });
    closing.push(() => env.teardown());
    return { server, env };
  })();
  return shared;
}
