import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startChild } from "../core/child.ts";
import { parseLine } from "../core/line-protocol.ts";
import { START_TIMEOUT_MS, until, untilStarted } from "../core/wait.ts";
import { type ProxyCommand, proxyReport } from "./proxy-protocol.ts";
import type { ProxyTarget } from "./tcp-proxy.ts";

const ENTRY = fileURLToPath(new URL("../processes/proxy.ts", import.meta.url));

/** The proxy in a process of its own; see `TcpProxy`. */
export type ProxyProcess = {
  readonly port: number;
  /** Resolves when the command holds. */
  tell(command: ProxyCommand): Promise<void>;
  stop(): Promise<void>;
};

/** Starts the proxy and resolves when it listens. */
export async function startProxy(target: ProxyTarget, logFolder: string): Promise<ProxyProcess> {
  let port: number | undefined;
  let told = 0;
  let done = 0;
  const child = await startChild({
    command: process.execPath,
    args: [ENTRY, target.host, `${target.port}`],
    logFile: join(logFolder, "proxy.log"),
    onLine: (line) => {
      const report = parseLine(proxyReport, line);
      if (report.kind === "ready") port = report.port;
      else done += 1;
    },
  });
  const ready = await untilStarted(child, () => port, "the proxy listens");
  return {
    port: ready,
    tell: async (command) => {
      const mine = ++told;
      child.writeLine(JSON.stringify(command));
      await until(() => (done >= mine ? true : undefined), {
        what: `proxy: ${command.kind}`,
        timeoutMs: START_TIMEOUT_MS,
      });
    },
    stop: async () => void (await child.stop()),
  };
}
