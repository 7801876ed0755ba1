import { fileURLToPath } from "node:url";
import { type Child, startChild } from "../core/child.ts";
import { until } from "../core/wait.ts";
import { type SessionPublish, type SessionReport, sessionReport } from "./session-protocol.ts";

type StatusReport = Extract<SessionReport, { kind: "status" }>["status"];

/** An MQTT session of the agent in its own process. */
export type SessionProcess = {
  /** Every status it had, oldest first. */
  readonly statuses: readonly StatusReport[];
  /** Resolves with the first status that `isWanted`, from the past or to come. */
  status(isWanted: (status: StatusReport) => boolean, timeoutMs?: number): Promise<StatusReport>;
  /** Resolves with the outcome's kind. One at a time. */
  publish(request: SessionPublish): Promise<string>;
  stop(): Promise<void>;
};

const PROGRAM = fileURLToPath(new URL("../processes/session.ts", import.meta.url));

/** Starts one with this configuration of the agent; its stderr goes to `logFile`. */
export async function startSession(request: {
  readonly configFile: string;
  readonly logFile: string;
  readonly environment: Readonly<Record<string, string>>;
}): Promise<SessionProcess> {
  const { configFile, logFile, environment } = request;
  const statuses: StatusReport[] = [];
  const outcomes: string[] = [];
  const child: Child = await startChild({
    command: process.execPath,
    args: [PROGRAM, configFile],
    environment,
    logFile,
    onLine: (line) => {
      const report = sessionReport.parse(JSON.parse(line));
      if (report.kind === "status") statuses.push(report.status);
      else outcomes.push(report.outcome.kind);
    },
  });
  return {
    statuses,
    status: (isWanted, timeoutMs = 15_000) =>
      until(() => statuses.find(isWanted), { what: "the awaited status of the session", timeoutMs }),
    publish: async (publication) => {
      const before = outcomes.length;
      child.writeLine(JSON.stringify(publication));
      return await until(() => outcomes[before], { what: "the outcome of a publish", timeoutMs: 15_000 });
    },
    stop: async () => void (await child.stop()),
  };
}
