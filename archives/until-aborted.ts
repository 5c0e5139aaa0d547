/**
 * Yields the bytes until the signal is aborted. Then it throws the signal's reason at once, even if the source does not
 * respond, and closes the source.
 */
export async function* untilAborted(
  bytes: AsyncIterable<Uint8Array>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  signal?.throwIfAborted();
  if (signal === undefined) {
    yield* bytes;
    return;
  }
  const source = bytes[Symbol.asyncIterator]();
  let waiting = false;
  try {
    while (true) {
      waiting = true;
      const next = await nextUnlessAborted(source, signal);
      signal.throwIfAborted();
      waiting = false;
      if (next === null || next.done === true) return;
      yield next.value;
    }
  } finally {
    const ended = Promise.resolve(source.return?.());
    // A pending `next()` may never settle, and `return()` waits for it.
    if (waiting) ended.catch(() => {});
    else await ended;
  }
}

/** Null when aborted. Uses one listener per chunk; racing against one promise would keep every chunk in memory. */
async function nextUnlessAborted(
  source: AsyncIterator<Uint8Array>,
  signal: AbortSignal,
): Promise<IteratorResult<Uint8Array> | null> {
  const { promise: aborted, resolve } = Promise.withResolvers<null>();
  const abort = () => resolve(null);
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([source.next(), aborted]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
