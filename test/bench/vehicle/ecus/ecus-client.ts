import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startChild } from "../../core/child.ts";
import { parseLine } from "../../core/line-protocol.ts";
import { START_TIMEOUT_MS, until, untilStarted } from "../../core/wait.ts";
import { type EcusCommand, type EcusConfig, ecusReport } from "./ecus-protocol.ts";
import type { FaultNote } from "./fault-memory.ts";

const ENTRY = fileURLToPath(new URL("../../processes/ecus.ts", import.meta.url));

/** The process of the control units. */
export type EcusProcess = {
  /** What became of trouble codes, as the units say: the truth. */
  readonly notes: readonly FaultNote[];
  /** Answers to the second tester, by the bytes of its request; undefined where none came. */
  readonly answered: readonly {
    readonly request: readonly number[];
    readonly answer?: readonly number[] | undefined;
  }[];
  /** Requests that came to the units, of all testers, in order. */
  readonly asked: readonly { readonly ecu: string; readonly service: number; readonly atUs: number }[];
  /** Requests that came to each unit, and frames that the units heard, as last told. */
  counts(): { readonly requests: Readonly<Record<string, number>>; readonly heard: number };
  failure(): string | undefined;
  tell(command: EcusCommand): void;
  stop(): Promise<void>;
};

/** Starts it and resolves when it is on the bus. `folder` keeps its configuration and its log. */
export async function startEcus(config: EcusConfig, folder: string): Promise<EcusProcess> {
  const configFile = join(folder, "ecus.json");
  writeFileSync(configFile, JSON.stringify(config), { mode: 0o600 });
  const notes: FaultNote[] = [];
  const answered: EcusProcess["answered"][number][] = [];
  const asked: EcusProcess["asked"][number][] = [];
  let counts: ReturnType<EcusProcess["counts"]> = { requests: {}, heard: 0 };
  let [isReady, isStopped, failure]: [boolean, boolean, string | undefined] = [false, false, undefined];
  const child = await startChild({
    command: process.execPath,
    args: [ENTRY, configFile],
    logFile: join(folder, "ecus.log"),
    onLine: (line) => {
      const report = parseLine(ecusReport, line);
      if (report.kind === "ready") isReady = true;
      else if (report.kind === "stopped") isStopped = true;
      else if (report.kind === "failed") failure = report.what;
      else if (report.kind === "counts") counts = report;
      else if (report.kind === "asked") asked.push(report);
      else if (report.kind === "answered") answered.push(report);
      else notes.push(noteOf(report.note));
    },
  });
  await untilStarted(child, () => (isReady ? true : failure), "the control units are on the bus");
  if (failure !== undefined) throw new Error(failure);
  const tell = (command: EcusCommand): void => child.writeLine(JSON.stringify(command));
  const stop = async (): Promise<void> => {
    tell({ kind: "stop" });
    const hasEnded = (): true | undefined => (isStopped || child.hasEnded() ? true : undefined);
    await until(hasEnded, { what: "the control units have stopped", timeoutMs: START_TIMEOUT_MS });
    await child.stop();
  };
  return { notes, answered, asked, counts: () => counts, failure: () => failure, tell, stop };
}

function noteOf({ code, ...note }: Omit<FaultNote, "code"> & { readonly code?: number | undefined }): FaultNote {
  return code === undefined ? note : { ...note, code };
}
