/**
 * The bytes, until the signal says stop: then it ends with the signal's reason at once, even where the source neither
 * answers nor looks at signals, and tells the source to end.
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
    // A source that is waited for ends when it has its answer, which may be never.
    if (waiting) ended.catch(() => {});
    else await ended;
  }
}

/** Null: aborted. A listener for each piece: races against one promise would keep every piece until the last. */
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

/** Pieces of exactly `size` bytes, the last one shorter; none of nothing. Each is the receiver's to keep. */
export async function* piecesOf(bytes: AsyncIterable<Uint8Array>, size: number): AsyncGenerator<Uint8Array> {
  let piece = new Uint8Array(size);
  let filled = 0;
  for await (const chunk of bytes) {
    for (let taken = 0; taken < chunk.length;) {
      const part = chunk.subarray(taken, taken + size - filled);
      piece.set(part, filled);
      taken += part.length;
      filled += part.length;
      if (filled < size) continue;
      yield piece;
      [piece, filled] = [new Uint8Array(size), 0];
    }
  }
  if (filled > 0) yield piece.subarray(0, filled);
}
