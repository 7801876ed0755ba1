import { type ChildProcess, spawn } from "node:child_process";
import { chmodSync, mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import { statusSchema } from "../../../agent/local-api/status-schema.ts";
import { requestLocal } from "../../../drivers/os/local-socket/local-client.ts";
import { until } from "../../bench/core/wait.ts";
import { RELEASES } from "../updates/release.ts";
import type { DaemonHome } from "./daemon.ts";

const START = fileURLToPath(new URL("../../../systemd/causeway-start", import.meta.url));

/** The daemon under its supervisor, started again whenever it fails, as Restart=on-failure does. */
export type SupervisedDaemon = {
  /** Exit codes and signals of the starts that have ended. */
  readonly ends: readonly (number | string)[];
  log(): string;
  /** The process that runs now. */
  pid(): number;
};

/** Starts it and waits until it answers; it goes when the test has finished. */
export async function superviseDaemon(
  home: DaemonHome,
  environment: Readonly<Record<string, string>> = {},
): Promise<SupervisedDaemon> {
  const packaged = join(home.folder, "packaged");
  mkdirSync(join(packaged, "agent"), { recursive: true });
  writeFileSync(join(packaged, "agent/main.js"), "");
  writeFileSync(join(packaged, "node"), RELEASES.works);
  chmodSync(join(packaged, "node"), 0o755);
  const logFile = join(home.folder, "daemon.log");
  const ends: (number | string)[] = [];
  let child: ChildProcess;
  let isStopped = false;
  const start = (): void => {
    const log = openSync(logFile, "a");
    const args = [join(home.folder, "state"), packaged, "run", "--config", home.config];
    child = spawn(START, args, { stdio: ["ignore", log, log], env: { PATH: process.env.PATH, ...environment } });
    child.once("exit", (code, signal) => {
      ends.push(code ?? signal ?? "");
      if (!isStopped && code !== 0) start();
    });
  };
  start();
  onTestFinished(async () => {
    isStopped = true;
    if (child.exitCode !== null) return;
    const gone = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await gone;
  });
  const log = (): string => readFileSync(logFile, "utf8");
  const answers = async (): Promise<unknown> => {
    // A configuration fault: no start mends it.
    if (ends.includes(78)) throw new Error(log());
    return await requestLocal(home.socket, { verb: "status" }).catch(() => undefined);
  };
  await until(answers, { what: "the daemon answers", timeoutMs: 30_000 });
  statusSchema.parse(await requestLocal(home.socket, { verb: "status" }));
  return { ends, log, pid: () => child.pid ?? 0 };
}
