import type { CodeOrigin } from "../../telemetry/record/encode/trouble-code.ts";
import { originKey } from "./kept-code.ts";

/** A control unit that can be asked for its codes. */
export type CodeReader = {
  readonly origin: CodeOrigin;
  /** Asks it now and hands the readings to the tracker. Gives what was in the way, as the end of a sentence that begins with its name. */
  readonly read: (signal: AbortSignal) => Promise<string | undefined>;
  /** Clears its codes, as a technician asked; absent where that cannot be. Gives what was in the way, as `read` does. */
  readonly clear?: (signal: AbortSignal) => Promise<string | undefined>;
};

/** The control units that can be asked for their codes, as those who know how to ask them have named them. */
export class CodeReaders {
  readonly #readers = new Map<string, CodeReader>();

  /** Takes the place of the one that reads the same control unit. */
  add(reader: CodeReader): void {
    this.#readers.set(originKey(reader.origin), reader);
  }

  list(): readonly CodeReader[] {
    return [...this.#readers.values()];
  }
}
