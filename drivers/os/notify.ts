import { createSocket } from "unix-dgram";
import { messageOf } from "../../agent/core/errors.ts";
import type { Log } from "../../agent/core/log.ts";
import type { Notifier } from "../../agent/ports/notifier.ts";

export type NotifierParts = {
  /** NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID are read. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly log: Log;
  readonly pid?: number;
};

/**
 * The notifier for this process's environment.
 *
 * Only sockets in the file system can be reached, as systemd's own /run/systemd/notify is; an abstract one ("@...") or another kind
 * of address is logged once and then left alone.
 */
export function createNotifier({ environment, log, pid = process.pid }: NotifierParts): Notifier {
  const address = environment.NOTIFY_SOCKET;
  const isReachable = address?.startsWith("/") === true;
  if (address !== undefined && address !== "" && !isReachable) log.warn("notify.address-refused", { address });
  const path = isReachable ? address : undefined;
  let hasFailed = false;
  const send = (lines: string): void => {
    if (path === undefined) return;
    const problem = sendDatagram(path, lines);
    if (problem !== undefined && !hasFailed) log.warn("notify.failed", { path, problem });
    hasFailed = problem !== undefined;
  };
  return {
    isHeard: path !== undefined,
    watchdogIntervalMs: path === undefined ? undefined : watchdogIntervalMs(environment, pid),
    ready: () => send("READY=1"),
    status: (text) => send(`STATUS=${text.replaceAll(/\s+/g, " ")}`),
    watchdog: () => send("WATCHDOG=1"),
    stopping: () => send("STOPPING=1"),
  };
}

/** A socket a message: an open one would keep the process alive, and a message comes every few seconds at most. */
function sendDatagram(path: string, text: string): string | undefined {
  let problem: string | undefined;
  try {
    const socket = createSocket("unix_dgram");
    const data = Buffer.from(text);
    socket.send(data, 0, data.length, path, (error) => {
      if (error !== undefined) problem = messageOf(error);
    });
    socket.close();
  } catch (thrown) {
    problem = messageOf(thrown);
  }
  return problem;
}

function watchdogIntervalMs(
  environment: Readonly<Record<string, string | undefined>>,
  pid: number,
): number | undefined {
  const { WATCHDOG_USEC: limitUs, WATCHDOG_PID: watchedPid } = environment;
  if (watchedPid !== undefined && watchedPid !== String(pid)) return undefined;
  const intervalMs = Math.floor(Number(limitUs ?? "") / 2000);
  return intervalMs > 0 ? intervalMs : undefined;
}
