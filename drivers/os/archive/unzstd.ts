import { createZstdDecompress, type ZstdDecompress } from "node:zlib";

/**
 * Unpacks zstd as its own programs do: one frame after another, those that are to be skipped included (RFC 8878, 3.1). Node's
 * decompressor ends behind the first frame without a word, so each gets one of its own. Rejects with what zlib says of damage, of an
 * early end and of what follows the last frame, and with what `take` throws.
 */
export async function unzstd(source: AsyncIterable<Buffer>, take: (bytes: Buffer) => void): Promise<void> {
  let frame = new Frame(take);
  try {
    for await (const chunk of source) {
      for (let left = chunk; left.length > 0; ) {
        left = await frame.write(left);
        if (left.length === 0) break;
        frame.close();
        frame = new Frame(take);
      }
    }
    await frame.end();
  } finally {
    frame.close();
  }
}

class Frame {
  readonly #engine: ZstdDecompress;
  readonly #failed = Promise.withResolvers<never>();

  constructor(take: (bytes: Buffer) => void) {
    this.#engine = createZstdDecompress();
    this.#engine.on("error", this.#failed.reject);
    // It is raced with each call; one that comes later has nobody to hear it.
    this.#failed.promise.catch(() => undefined);
    this.#engine.on("data", (bytes: Buffer) => {
      try {
        take(bytes);
      } catch (thrown) {
        this.#engine.destroy(thrown instanceof Error ? thrown : new Error(String(thrown)));
      }
    });
  }

  /** Gives what lies behind the end of the frame. */
  async write(bytes: Buffer): Promise<Buffer> {
    const before = this.#engine.bytesWritten;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#engine.write(bytes, () => resolve());
    await Promise.race([promise, this.#failed.promise]);
    return bytes.subarray(this.#engine.bytesWritten - before);
  }

  /** Nothing follows: what is not at its end is damaged. */
  async end(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#engine.on("end", resolve);
    this.#engine.end();
    await Promise.race([promise, this.#failed.promise]);
  }

  close(): void {
    this.#engine.destroy();
  }
}
