import type { LogFile, LogFolder, StoredLog } from "../../../agent/ports/log-folder.ts";

type Content = { bytes: Buffer; durable: Buffer };

/**
 * A folder in memory. `cut` gives what a power cut would leave: of each file only what was synced. `fault` makes every call reject
 * while it is set; `room` is what the disk takes.
 */
export class MemoryLogFolder implements LogFolder {
  readonly files = new Map<string, Content>();
  fault: string | undefined;
  room = Number.POSITIVE_INFINITY;
  /** Largest number of bytes that the files had together. */
  most = 0;

  async list(): Promise<readonly StoredLog[]> {
    this.#check();
    return [...this.files].map(([name, { bytes }]) => ({ name, bytes: bytes.length }));
  }

  async create(name: string): Promise<LogFile> {
    this.#check();
    if (this.files.has(name)) throw systemError(`EEXIST: file already exists, ${name}`);
    const content: Content = { bytes: Buffer.alloc(0), durable: Buffer.alloc(0) };
    this.files.set(name, content);
    return {
      append: async (bytes) => {
        this.#check();
        const room = Math.max(0, this.room - this.#used());
        content.bytes = Buffer.concat([content.bytes, bytes.subarray(0, room)]);
        this.most = Math.max(this.most, this.#used());
        if (bytes.length > room) throw systemError("ENOSPC: no space left on device");
      },
      overwrite: async (bytes) => {
        this.#check();
        content.bytes.set(bytes);
      },
      sync: async () => {
        this.#check();
        content.durable = Buffer.from(content.bytes);
      },
      close: async () => undefined,
    };
  }

  async remove(name: string): Promise<void> {
    this.#check();
    this.files.delete(name);
  }

  async freeBytes(): Promise<number> {
    this.#check();
    return this.room - this.#used();
  }

  /** What is left of each file after a power cut, in the order of their names. */
  cut(): readonly (readonly [name: string, bytes: Buffer])[] {
    return [...this.files]
      .map(([name, { durable }]) => [name, durable] as const)
      .toSorted(([a], [b]) => (a < b ? -1 : 1));
  }

  #used(): number {
    return [...this.files.values()].reduce((sum, { bytes }) => sum + bytes.length, 0);
  }

  #check(): void {
    if (this.fault !== undefined) throw systemError(this.fault);
  }
}

/** As Node throws it: with its name as `code`. */
function systemError(message: string): Error {
  return Object.assign(new Error(message), { code: message.split(":")[0] });
}
