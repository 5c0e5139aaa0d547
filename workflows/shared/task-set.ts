import { CancellationScope, isCancellation } from '@temporalio/workflow';

/** Steps that run in the background of a request's loop, so that one slow system does not block the others. */
export interface TaskSet {
  /** Starts the task unless one with this name runs. */
  start(name: string, work: () => Promise<unknown>): void;
  /** Cancels the tasks whose names begin with the prefix, except the named ones. */
  cancelExcept(prefix: string, names: readonly string[]): void;
  /** Cancels the tasks of these systems, whose names end with `in <system>` or `from <system>`. */
  cancelOf(systems: readonly string[]): void;
  /** Whether no task runs whose name begins with one of the prefixes. Without a prefix: whether no task runs. */
  isIdle(...prefixes: readonly string[]): boolean;
  /** The names of the tasks that run. */
  running(): readonly string[];
}

/** Calls `onTaskEnd` after each task, since its step may have changed the rows. */
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
    cancelOf(systems) {
      for (const [name, scope] of running) {
        if (systems.some((system) => name.endsWith(` in ${system}`) || name.endsWith(` from ${system}`)))
          scope.cancel();
      }
    },
    isIdle(...prefixes) {
      const isSelected = (name: string) => prefixes.length === 0 || prefixes.some((prefix) => name.startsWith(prefix));
      return ![...running.keys()].some(isSelected);
    },
    running: () => [...running.keys()],
  };
}
