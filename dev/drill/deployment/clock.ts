import { readFileSync, writeFileSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';

/**
 * Preloaded into the API and the worker. On SIGUSR2 it moves the clock of the process by the milliseconds in the file
 * DRILL_CLOCK. Timers and Temporal's native core keep the real clock, and workflows have the time of the server.
 */
const file = process.env['DRILL_CLOCK'];
if (isMainThread && file !== undefined) {
  const RealDate = Date;
  let offsetMs = 0;
  const now = (): number => RealDate.now() + offsetMs;
  globalThis.Date = new Proxy(RealDate, {
    construct: (target, args: unknown[], newTarget: Function): Date =>
      Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget) as Date,
    apply: () => new RealDate(now()).toString(),
    get: (target, name, receiver): unknown => (name === 'now' ? now : Reflect.get(target, name, receiver)),
  });
  process.on('SIGUSR2', () => {
    offsetMs = Number(readFileSync(file, 'utf8'));
  });
  // From now on the signal moves the clock. Before, it would end the process.
  writeFileSync(file, '0');
}
