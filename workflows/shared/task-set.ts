import { CancellationScope, isCancellation } from '@temporalio/workflow';

/** Work that goes on beside the request's loop, at most once under a name: one processor in trouble keeps none waiting. */
export interface Tasks {
  start(name: string, work: () => Promise<unknown>): void;
  /** Ends what runs under this prefix and is not among the names that are still wanted. */
  keepOnly(prefix: string, wanted: readonly string[]): void;
  /** Whether anything runs, or anything under this prefix. */
  idle(prefix?: string): boolean;
}

/** `done` is called after each: the rows have changed, and have to be looked at again. */
export function tasks(done: () => void): Tasks {
  const running = new Map<string, CancellationScope>();
  return {
    start(name, work) {
      if (running.has(name)) return;
      const scope = new CancellationScope({ cancellable: true });
      running.set(name, scope);
      void scope.run(work).then(ended, (error: unknown) => {
        ended();
        if (!isCancellation(error)) throw error;
      });
      function ended(): void {
        running.delete(name);
        done();
      }
    },
    keepOnly(prefix, wanted) {
      for (const [name, scope] of running) {
        if (name.startsWith(prefix) && !wanted.includes(name)) scope.cancel();
      }
    },
    idle: (prefix = '') => ![...running.keys()].some((name) => name.startsWith(prefix)),
  };
}
