/** Wraps an error of a function that the caller passed in, so that it is rethrown unchanged. */
export class CallbackError extends Error {
  readonly error: Error;
  constructor(error: unknown) {
    super('the callback failed');
    this.error = error instanceof Error ? error : new Error('the callback failed');
  }
}

export async function runCallback<Result>(callback: () => Promise<Result>): Promise<Result> {
  try {
    return await callback();
  } catch (error) {
    throw new CallbackError(error);
  }
}

/** Called between two steps. Throws the reason of the cancellation. */
export function throwIfCancelled(signal: AbortSignal): void {
  if (signal.aborted) throw new CallbackError(signal.reason);
}
