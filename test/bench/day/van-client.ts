import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startChild } from "../core/child.ts";
import { parseLine } from "../core/line-protocol.ts";
import { START_TIMEOUT_MS, until } from "../core/wait.ts";
import type { Timeline } from "./timeline.ts";
import { type VanReport, vanReport } from "./van-protocol.ts";

const PROGRAM = fileURLToPath(new URL("../processes/van.ts", import.meta.url));

type ReportOf<K extends VanReport["kind"]> = Extract<VanReport, { kind: K }>;

/** The van's process. */
export type VanProcess = {
  readonly busPort: number;
  readonly receiverPort: number;
  /** Frames that the agent sent, in their order. */
  readonly sent: readonly ReportOf<"sent">[];
  /** Changes of the doors. */
  readonly doors: readonly ReportOf<"doors">[];
  /** As last reported; exact after `stop`. `behindMs` is the most that ever was. */
  counts(): { readonly frames: number; readonly dropped: number; readonly fixes: number; readonly behindMs: number };
  failure(): string | undefined;
  follow(timeline: Timeline): void;
  stop(): Promise<void>;
};

/** Starts it; resolves when its bus and its receiver listen. */
export async function startVan(
  { day, pulseFile, timeline }: { readonly day: string; readonly pulseFile: string; readonly timeline: Timeline },
  logs: string,
): Promise<VanProcess> {
  const sent: ReportOf<"sent">[] = [];
  const doors: ReportOf<"doors">[] = [];
  let ready: ReportOf<"ready"> | undefined;
  let counts = { frames: 0, dropped: 0, fixes: 0, behindMs: 0 };
  let failure: string | undefined;
  let hasStopped = false;
  const child = await startChild({
    command: process.execPath,
    args: [PROGRAM],
    logFile: join(logs, "van.log"),
    onLine: (line) => {
      const report = parseLine(vanReport, line);
      if (report.kind === "ready") ready = report;
      else if (report.kind === "sent") sent.push(report);
      else if (report.kind === "doors") doors.push(report);
      else if (report.kind === "failed") failure = report.what;
      else {
        const { frames, dropped, fixes } = report;
        const behindMs = report.kind === "counts" ? Math.max(counts.behindMs, report.behindMs) : counts.behindMs;
        counts = { frames, dropped, fixes, behindMs };
        hasStopped ||= report.kind === "stopped";
      }
    },
  });
  void child.ended.then(({ code, signal }) => {
    if (!hasStopped) failure ??= `the van ended with ${code ?? signal}`;
  });
  child.writeLine(JSON.stringify({ kind: "day", day, pulseFile, timeline }));
  const { busPort, receiverPort } = await until(
    () => {
      if (failure !== undefined) throw new Error(failure);
      return ready;
    },
    { what: "the van is ready", timeoutMs: START_TIMEOUT_MS },
  );
  return {
    busPort,
    receiverPort,
    sent,
    doors,
    counts: () => counts,
    failure: () => failure,
    follow: (line) => child.writeLine(JSON.stringify({ kind: "timeline", timeline: line })),
    stop: async () => {
      child.writeLine(JSON.stringify({ kind: "stop" }));
      await until(() => (hasStopped || failure !== undefined ? true : undefined), {
        what: "the van has stopped",
        timeoutMs: START_TIMEOUT_MS,
      });
      await child.stop();
    },
  };
}
