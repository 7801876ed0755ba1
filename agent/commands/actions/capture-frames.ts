import { z } from "zod";
import type { Clock } from "../../core/clock.ts";
import type { CaptureOrder, CaptureSummary } from "../../telemetry/frame-capture.ts";
import type { Action } from "../action.ts";
import { rejected } from "../answer.ts";
import { alwaysSafe, invalidArguments } from "./prepare.ts";

export type CaptureFramesParts = {
  readonly capture: { start(order: CaptureOrder): void; stop(): CaptureSummary | undefined };
  readonly buses: readonly string[];
  readonly maxSeconds: number;
  readonly maxFrames: number;
  /** A new name of a capture. */
  readonly name: () => string;
  readonly clock: Clock;
};

/**
 * `capture.frames`: every frame of one bus or all, whether a DBC file names it or not, for so many seconds, as records of the capture
 * stream. It is of class R1: it costs traffic.
 */
export function captureFrames(parts: CaptureFramesParts): Action {
  const { capture, buses, maxSeconds, maxFrames, name, clock } = parts;
  const argumentsSchema = z.strictObject({
    seconds: z.number().min(0.1).max(maxSeconds),
    bus: z.string().max(32).optional(),
  });
  return {
    name: "capture.frames",
    summary: "frames of a bus for some seconds, as records",
    commandClass: "R1",
    keyRole: "commands",
    endsInRestart: false,
    uses: ["capture.frames"],
    timeoutMs: maxSeconds * 1000 + 5000,
    prepare: (given) => {
      const parsed = argumentsSchema.safeParse(given);
      if (!parsed.success) return invalidArguments(parsed.error);
      const { seconds, bus } = parsed.data;
      if (bus !== undefined && !buses.includes(bus)) return rejected("ARGUMENT_OUT_OF_RANGE", `there is no bus ${bus}`);
      return alwaysSafe(async (signal) => {
        const id = name();
        capture.start({ id, bus, maxFrames });
        await clock.sleep(seconds * 1000, signal);
        const summary = capture.stop();
        const result = { capture: id, ...textsOf(summary) };
        if (summary !== undefined && !signal.aborted) return { kind: "done", result };
        return { kind: "failed", code: "INTERRUPTED", description: "it ended before its time", result };
      });
    },
  };
}

function textsOf(summary: CaptureSummary | undefined): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(summary ?? {}).map(([name, count]) => [name, String(count)]));
}
