import { z } from "zod";

/** How often something happens: a count that goes down, or for as long as it is set. */
const often = z.union([z.int().min(0), z.literal("always")]);

/** What can be set wrong in a control unit, all of it off by default. Counts are of answers, and go down. */
export const ecuFaults = z.strictObject({
  /** Neither answers nor flow control nor cyclic messages. */
  silent: z.boolean().default(false),
  /** A slow unit: time before each answer, ms. */
  delayMs: z.number().min(0).default(0),
  /** Response pending (7F sid 78): so many before each answer, one every `pendingEveryMs`; "always" never answers. */
  pendings: often.default(0),
  pendingEveryMs: z.number().min(1).default(100),
  /** Answers 7F sid `code` to a service, or to all where none is named. */
  negative: z
    .strictObject({ service: z.int().optional(), code: z.int().min(1).max(255), times: often.default("always") })
    .optional(),
  /** The third consecutive frame of an answer (the last, where there are fewer) has the next number but one. */
  wrongSequence: often.default(0),
  /** An answer of several frames announces four bytes more than come; one of a single frame says it is longer than its frame. */
  wrongLength: often.default(0),
  /** The last consecutive frame is not sent. */
  lostConsecutive: often.default(0),
  /** Time between two consecutive frames of ours, ms, if the other side asks for less. */
  separationMs: z.number().min(0).default(0),
  /** A request of several frames meets no flow control, overflow, or so many wait frames before it may go on. */
  noFlowControl: often.default(0),
  overflow: often.default(0),
  waits: z.int().min(0).default(0),
  waitEveryMs: z.number().min(1).default(100),
  /** Answers come with the id of another unit's answers (the id plus 1). */
  wrongId: often.default(0),
});
export type EcuFaults = z.infer<typeof ecuFaults>;

/** Faults of a unit while it runs; `takes` counts one down and says whether it is on. */
export class FaultSwitches {
  #now: EcuFaults = ecuFaults.parse({});

  get now(): Readonly<EcuFaults> {
    return this.#now;
  }

  /** Puts these in place of all that were set before. */
  set(faults: z.input<typeof ecuFaults>): void {
    this.#now = ecuFaults.parse(faults);
  }

  takes(name: "wrongSequence" | "wrongLength" | "lostConsecutive" | "noFlowControl" | "overflow" | "wrongId"): boolean {
    const left = this.#now[name];
    if (left === 0) return false;
    if (left !== "always") this.#now = { ...this.#now, [name]: left - 1 };
    return true;
  }

  /** The negative answer that a request to `service` gets; undefined where none is set. */
  takesNegative(service: number): number | undefined {
    const { negative } = this.#now;
    if (negative === undefined || negative.times === 0) return undefined;
    if (negative.service !== undefined && negative.service !== service) return undefined;
    if (negative.times !== "always") {
      this.#now = { ...this.#now, negative: { ...negative, times: negative.times - 1 } };
    }
    return negative.code;
  }
}
