/** Resolves when `signal` aborts; at once when it has. */
export function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}

/**
 * The pieces of `source` until it ends, the reader leaves, or `signal` aborts, which does not wait for the next piece: a pipe can stay
 * silent for ever. At an abort, what `source` holds open is for its owner to close.
 */
export async function* untilAborted<T>(source: AsyncIterable<T>, signal: AbortSignal): AsyncGenerator<T> {
  const iterator = source[Symbol.asyncIterator]();
  try {
    while (!signal.aborted) {
      const { promise, resolve } = Promise.withResolvers<undefined>();
      const onAbort = (): void => resolve(undefined);
      signal.addEventListener("abort", onAbort, { once: true });
      const next = await Promise.race([iterator.next(), promise]);
      signal.removeEventListener("abort", onAbort);
      if (next === undefined || next.done === true) return;
      yield next.value;
    }
  } finally {
    // Closing may wait for a read that never ends.
    if (!signal.aborted) void iterator.return?.();
  }
}
