import { closeSync, openSync, writeFileSync, writeSync } from "node:fs";
import { buildNativeTool } from "../native/native-tool.ts";

const NS_PER_MS = 1_000_000n;

/** A wall clock that processes of the bench share, and that can be set as that of a machine is: see native/moved-clock.c. */
export class MovedClock {
  readonly #file: string;
  /** For each process that is to go by this clock. */
  readonly environment: Readonly<Record<string, string>>;

  private constructor(file: string, library: string) {
    this.#file = file;
    this.environment = { LD_PRELOAD: library, CAUSEWAY_MOVED_CLOCK: file };
  }

  /** A clock that is right. Compiles the library where that is still to do. */
  static async make(file: string): Promise<MovedClock> {
    writeFileSync(file, new BigInt64Array([0n]), { mode: 0o600 });
    return new MovedClock(file, await buildNativeTool("moved-clock"));
  }

  /** Sets it to so many ms ahead of the machine's clock; all its processes see that at once. */
  move(ms: number): void {
    const fd = openSync(this.#file, "r+");
    try {
      writeSync(fd, new BigInt64Array([BigInt(Math.round(ms)) * NS_PER_MS]));
    } finally {
      closeSync(fd);
    }
  }
}
