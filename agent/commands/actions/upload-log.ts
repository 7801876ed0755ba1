import { z } from "zod";
import type { LogLine } from "../../core/recent-log.ts";
import type { OutgoingFile } from "../../telemetry/record/encode/file.ts";
import type { Action } from "../action.ts";
import { rejected } from "../answer.ts";
import { alwaysSafe, invalidArguments } from "./prepare.ts";
import { linesOf, type WantedLines, wantedLinesSchema } from "./wanted-lines.ts";

/** The least that an order may bound a file to, bytes: its first line and some of the log. */
const LEAST_BYTES = 4096;

export type UploadLogParts = {
  /** The wanted lines as a file of at most so many bytes, without secrets; undefined where there are none. */
  readonly file: (
    wanted: WantedLines,
    maxBytes: number,
  ) => (OutgoingFile & { readonly lines: readonly LogLine[]; readonly omitted: number }) | undefined;
  /** Hands a file over to the outbox; gives the number of its records. */
  readonly send: (file: OutgoingFile) => number;
  /** Of a file, compressed. */
  readonly maxBytes: number;
};

/**
 * `logs.upload`: lines of the log that the agent keeps in memory, as records of the event stream. Like `support.collect` it changes
 * nothing, but tells much and costs traffic: class R1. The newest lines stay where not all fit; `from` is the time of the oldest that
 * went, so that an order with it as `until` brings those before.
 */
export function uploadLog({ file, send, maxBytes }: UploadLogParts): Action {
  const argumentsSchema = wantedLinesSchema.extend({
    maxBytes: z.int().min(LEAST_BYTES).max(maxBytes).default(maxBytes),
  });
  return {
    name: "logs.upload",
    summary: "lines of the log, sent as records of the event stream",
    commandClass: "R1",
    keyRole: "commands",
    endsInRestart: false,
    uses: ["logs.upload"],
    timeoutMs: 60_000,
    prepare: (given) => {
      const parsed = argumentsSchema.safeParse(given);
      if (!parsed.success) return invalidArguments(parsed.error);
      const { maxBytes: bound, ...asked } = parsed.data;
      const wanted = linesOf(asked);
      if (typeof wanted === "string") return rejected("ARGUMENT_OUT_OF_RANGE", wanted);
      return alwaysSafe(async () => {
        const made = file(wanted, bound);
        if (made === undefined) return { kind: "done", result: { lines: "0", omitted: "0" } };
        const { name, sha256, content, lines, omitted } = made;
        const records = send({ name, sha256, content });
        const size = { bytes: String(content.length), records: String(records), lines: String(lines.length) };
        const [oldest] = lines;
        const from = oldest === undefined ? {} : { from: new Date(oldest.atMs).toISOString() };
        return { kind: "done", result: { file: name, sha256, ...size, omitted: String(omitted), ...from } };
      });
    },
  };
}
