import { TestWorkflowEnvironment } from '@temporalio/testing';
import { afterAll } from 'vitest';
import { findTemporalBinary } from '../../../dev/embedded/temporal/binary.ts';
import { searchAttributeCodes } from '../../../dev/embedded/temporal/ready.ts';
import { type TemporalServer, startTemporal } from '../../../dev/embedded/temporal/temporal.ts';

const closing: (() => Promise<void>)[] = [];

/** In reverse order, and each of them even when another fails. */
afterAll(async () => {
  const results = [];
  for (const close of closing.splice(0).toReversed()) results.push(...(await Promise.allSettled([close()])));
  for (const result of results) if (result.status === 'rejected') throw result.reason;
});

/** A fresh server that skips time; it serves one test file, whose tests run one after the other. */
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

/** The development server of this test file: schedules, visibility, reset and limits, in real time. */
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
