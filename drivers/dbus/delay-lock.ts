import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { createConnection } from "node:net";
import type { Readable } from "node:stream";
import { AgentError, errnoOf, messageOf } from "../../agent/core/errors.ts";

/** Whoever holds the lock writes this line when it has it. */
const HELD = "held";
const INHIBIT = ["--what=sleep:shutdown", "--mode=delay", "--who=causeway", "--why=storing and handing over records"];
/** Ends with its input, and so with the agent, however that ends. */
const HOLD = ["/bin/sh", "-c", `echo ${HELD} && exec cat > /dev/null`];
const ENVIRONMENT = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", LANG: "C.UTF-8" };
/** What systemd-inhibit says of itself, characters kept. */
const KEPT = 500;
const DENIED = /access denied|not authorized|authentication required|permission denied/i;

/** A lock that delays suspend and shutdown, held. */
export type DelayLock = {
  /** Resolves with why when it is not held any more and nobody has released it. */
  readonly lost: Promise<string>;
  /** Lets it go, at once. */
  release(): void;
};

/** How the lock is taken. */
export type DelayLockParts = {
  /** Socket of causeway-sleep-lock.socket: where it is there, the lock is had by it, without polkit. */
  readonly socket: string;
  /** `DBUS_SYSTEM_BUS_ADDRESS` of systemd-inhibit, in place of the system bus. */
  readonly address: string | undefined;
};

/** Something that holds the lock as long as it runs. */
type Holder = { readonly output: Readable; readonly ended: Promise<string>; end(): void };

/**
 * Takes a delay lock of systemd-logind (systemd-inhibit(1)). D-Bus gives it as a file descriptor, which our library cannot receive: so
 * another process holds it, of the service manager's or a child of ours, and lives no longer than our end of its input. Rejects
 * with `power.denied` where polkit says no, or `power.unavailable`, also when `signal` aborts.
 */
export async function takeDelayLock(parts: DelayLockParts, signal: AbortSignal): Promise<DelayLock> {
  const holder = existsSync(parts.socket) ? await ofSocket(parts.socket) : ofChild(parts.address);
  const held = lineOf(holder.output).then((line) => (line === HELD ? undefined : "it gave no lock"));
  const aborted = once(signal, "abort").then(() => "it was not given in time");
  const why = await Promise.race([held, holder.ended, aborted]);
  if (why === undefined) return { lost: holder.ended, release: () => holder.end() };
  holder.end();
  // It says why as it ends.
  throw lockFault(signal.aborted ? why : await holder.ended);
}

async function ofSocket(path: string): Promise<Holder> {
  const socket = createConnection(path);
  socket.unref();
  try {
    await once(socket, "connect");
  } catch (thrown) {
    throw lockFault(`${path}: ${messageOf(thrown)}`);
  }
  const { promise: ended, resolve } = Promise.withResolvers<string>();
  socket.on("error", () => undefined);
  socket.on("close", () => resolve("causeway-sleep-lock@.service has ended"));
  return { output: socket, ended, end: () => void socket.destroy() };
}

function ofChild(address: string | undefined): Holder {
  const environment = address === undefined ? ENVIRONMENT : { ...ENVIRONMENT, DBUS_SYSTEM_BUS_ADDRESS: address };
  const child = spawn("systemd-inhibit", [...INHIBIT, ...HOLD], { cwd: "/", env: environment, stdio: "pipe" });
  child.unref();
  const { promise: ended, resolve } = Promise.withResolvers<string>();
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
    said = (said + chunk).slice(-KEPT);
  });
  child.stdin.on("error", () => undefined);
  child.once("error", (thrown) => resolve(`systemd-inhibit: ${errnoOf(thrown) ?? "not run"}`));
  child.once("close", (code) => resolve(`systemd-inhibit ended (${code ?? "killed"}): ${said.trim()}`));
  return {
    output: child.stdout,
    ended,
    end: () => {
      // Both, so that neither the lock nor whoever waits for the end of its input stays.
      child.stdin.destroy();
      child.kill("SIGTERM");
    },
  };
}

/** The first line, or what there was of it at the end. */
function lineOf(output: Readable): Promise<string> {
  return new Promise((resolve) => {
    let text = "";
    output.setEncoding("utf8");
    output.on("data", (chunk: string) => {
      text = (text + chunk).slice(0, KEPT);
      if (text.includes("\n")) resolve(text.slice(0, text.indexOf("\n")));
    });
    output.once("end", () => resolve(text));
  });
}

/** `power.denied` where somebody says no, else `power.unavailable`, from whatever was thrown or said. */
export function lockFault(thrown: unknown): AgentError {
  if (thrown instanceof AgentError && thrown.code.startsWith("power.")) return thrown;
  const why = messageOf(thrown);
  const what = `no lock that delays suspend and shutdown: ${why}`;
  if (DENIED.test(why)) {
    const remedy =
      "enable causeway-sleep-lock.socket, or let polkit allow org.freedesktop.login1.inhibit-delay-sleep and -shutdown to the agent's user";
    return new AgentError("power.denied", { what, remedy, cause: thrown });
  }
  return new AgentError("power.unavailable", {
    what,
    remedy: "see: systemctl status systemd-logind causeway-sleep-lock.socket, and journalctl -u causeway-sleep-lock@*",
    cause: thrown,
  });
}
