import { CancellationScope, isCancellation } from '@temporalio/workflow';

/** Steps that run in the background of a request's loop, so that one slow system does not block the others. */
export interface TaskSet {
  /** Does nothing while a task of this name runs. */
  start(name: string, work: () => Promise<unknown>): void;
  /** Cancels the tasks whose names begin with the prefix, except the named ones. */
  cancelExcept(prefix: string, names: readonly string[]): void;
  /** Whether no task runs whose name begins with one of the prefixes; without a prefix: no task at all. */
  isIdle(...prefixes: readonly string[]): boolean;
}

/** Calls `onTaskEnd` after each task: its step has changed the rows. */
export function createTaskSet(onTaskEnd: () => void): TaskSet {
  const running = new Map<string, CancellationScope>();
  return {
    start(name, work) {
      if (running.has(name)) return;
      const scope = new CancellationScope({ cancellable: true });
      running.set(name, scope);
      void scope.run(work).then(end, (error: unknown) => {
        end();
        if (!isCancellation(error)) throw error;
      });
      function end(): void {
        running.delete(name);
        onTaskEnd();
      }
    },
    cancelExcept(prefix, names) {
      for (const [name, scope] of running) {
        if (name.startsWith(prefix) && !names.includes(name)) scope.cancel();
      }
    },
    isIdle(...prefixes) {
      const isMeant = (name: string) => prefixes.length === 0 || prefixes.some((prefix) => name.startsWith(prefix));
      return ![...running.keys()].some(isMeant);
    },
  };
}
