import type { Clock } from "../core/clock.ts";
import type { StartMarks } from "../core/start-marks.ts";

/** What the process gives to the daemon. `startedAtMs` is the process start on the clock's monotonic time. */
export type ProcessContext = {
  readonly version: string;
  readonly clock: Clock;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly startedAtMs: number;
  /** Where the start is written down. */
  readonly marks?: StartMarks;
  /** 32 hexadecimal digits; the kernel's when absent. A clock that is not of the machine has boots of its own. */
  readonly bootId?: string;
};
