import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Child, startChild } from "../core/child.ts";
import { parseLine } from "../core/line-protocol.ts";
import { START_TIMEOUT_MS, until } from "../core/wait.ts";
import { senderReport } from "./sender-protocol.ts";

const ENTRIES = {
  vehicle: fileURLToPath(new URL("../processes/vehicle.ts", import.meta.url)),
  replayer: fileURLToPath(new URL("../processes/replayer.ts", import.meta.url)),
} as const;

/** The process that sends frames: the vehicle, or the replayer. */
export type SenderProcess = {
  /** As last reported, once a second; exact after `stop`. */
  framesSent(): number;
  /** Whether everything there was to send has been sent (a log that is not looped). */
  hasFinished(): boolean;
  /** Why it cannot go on; undefined while it can. */
  failure(): string | undefined;
  /** The wall time of the first frame, µs since the Unix epoch. */
  begin(startUs: number): void;
  /** Stops sending and resolves when the bus has taken the last frame. */
  stop(): Promise<void>;
};

/** Starts it and resolves when it has reached the bus. */
export async function startSender(
  kind: keyof typeof ENTRIES,
  configFile: string,
  logFolder: string,
): Promise<SenderProcess> {
  const seen: { state: string; frames: number; failure: string | undefined } = {
    state: "starting",
    frames: 0,
    failure: undefined,
  };
  const child: Child = await startChild({
    command: process.execPath,
    args: [ENTRIES[kind], configFile],
    logFile: join(logFolder, `${kind}.log`),
    onLine: (line) => {
      const report = parseLine(senderReport, line);
      seen.state = report.kind;
      if (report.kind === "failed") seen.failure = report.what;
      else if (report.kind !== "ready") seen.frames = report.frames;
    },
  });
  void child.ended.then(({ code, signal }) => {
    if (seen.state !== "stopped") seen.failure ??= `the ${kind} ended with ${code ?? signal}`;
  });
  const settled = (wanted: string): true | undefined =>
    seen.state === wanted || seen.failure !== undefined ? true : undefined;
  await until(() => settled("ready"), { what: `the ${kind} has reached the bus`, timeoutMs: START_TIMEOUT_MS });
  if (seen.failure !== undefined) throw new Error(seen.failure);
  return {
    framesSent: () => seen.frames,
    hasFinished: () => seen.state === "stopped",
    failure: () => seen.failure,
    begin: (startUs) => child.writeLine(JSON.stringify({ kind: "start", startUs })),
    stop: async () => {
      child.writeLine(JSON.stringify({ kind: "stop" }));
      await until(() => settled("stopped"), { what: `the ${kind} has stopped`, timeoutMs: START_TIMEOUT_MS });
      await child.stop();
    },
  };
}
