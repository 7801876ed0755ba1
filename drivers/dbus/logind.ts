import { once } from "node:events";
import { existsSync } from "node:fs";
import { createConnection } from "node:net";
import { join } from "node:path";
import type { Clock } from "../../agent/core/clock.ts";
import { AgentError, messageOf } from "../../agent/core/errors.ts";
import type { Log } from "../../agent/core/log.ts";
import type { PowerManager, PowerSink } from "../../agent/ports/power-manager.ts";
import type { BusSignal } from "./bus-connection.ts";
import { type DelayLock, takeDelayLock } from "./delay-lock.ts";
import { LockKeeper } from "./lock-keeper.ts";
import type { SystemBus } from "./system-bus.ts";

const MANAGER = {
  service: "org.freedesktop.login1",
  path: "/org/freedesktop/login1",
  interface: "org.freedesktop.login1.Manager",
} as const;
const ORDERS = { PrepareForSleep: "suspend", PrepareForShutdown: "shutdown" } as const;
type Ordered = (typeof ORDERS)[keyof typeof ORDERS];
/** logind.conf(5): InhibitDelayMaxSec is 5 s, less what we keep, until it is known. */
const CAUTIOUS_DELAY_MS = 4000;
/** Kept of what logind grants: the lock must be gone when it looks, and a busy machine takes a while to end the child that holds it. */
const MARGIN = { share: 0.2, mostMs: 2000 } as const;

/** Where systemd-logind is. `runtimeDir` holds the sockets of the package's helpers; `address` is the bus's, in place of the system bus. */
export type LogindParts = {
  readonly bus: Pick<SystemBus, "watch" | "properties" | "call">;
  readonly runtimeDir: string;
  readonly address: string | undefined;
  readonly clock: Clock;
  readonly log: Log;
};

/**
 * systemd-logind (org.freedesktop.login1(5)) as the power manager: its signals PrepareForSleep and PrepareForShutdown are the orders,
 * for hibernation too. A button that logind handles (HandlePowerKey) comes as the shutdown that it begins.
 *
 * The lock is taken again only when logind says that it is over with a sleep: while it is at it, it gives none.
 */
export class Logind implements PowerManager {
  readonly #parts: LogindParts;
  readonly #keeper: LockKeeper;
  #sink: PowerSink | undefined;
  #endWatch: (() => void) | undefined;
  #order: Ordered | undefined;
  /** Ends with the order, or with the lock that waits for it. */
  #limit = new AbortController();
  #delayMs = CAUTIOUS_DELAY_MS;
  /** Signals of logind so far: an answer that was asked for before the last one says nothing. */
  #signals = 0;

  constructor(parts: LogindParts) {
    this.#parts = parts;
    const { clock, log } = parts;
    this.#keeper = new LockKeeper({ take: (signal) => this.#takeLock(signal), clock, log });
  }

  async start(sink: PowerSink): Promise<void> {
    this.#sink = sink;
    this.#endWatch = this.#parts.bus.watch(
      { service: MANAGER.service, interface: MANAGER.interface },
      { onSignal: (signal) => this.#take(signal), onOwner: (isThere) => this.#found(isThere) },
    );
    await this.#keeper.start();
    const fault = this.#keeper.fault();
    if (fault !== undefined) throw fault;
  }

  fault(): AgentError | undefined {
    return this.#keeper.fault();
  }

  delayMs(): number {
    return this.#delayMs;
  }

  release(): void {
    if (this.#order === undefined) return;
    this.#limit.abort();
    this.#keeper.letGo();
  }

  async suspend(): Promise<void> {
    try {
      const socket = join(this.#parts.runtimeDir, "suspend.sock");
      if (existsSync(socket)) await knockAt(socket);
      else await this.#parts.bus.call({ ...MANAGER, member: "Suspend", signature: "b", body: [false] });
    } catch (thrown) {
      throw suspendFault(thrown);
    }
  }

  async stop(): Promise<void> {
    this.#sink = undefined;
    this.#limit.abort();
    this.#endWatch?.();
    this.#keeper.stop();
  }

  async #takeLock(signal: AbortSignal): Promise<DelayLock> {
    const { runtimeDir, address } = this.#parts;
    await this.#look();
    return takeDelayLock({ socket: join(runtimeDir, "sleep-lock.sock"), address }, signal);
  }

  /** How things stand: what was missed while logind or the bus was away. */
  async #look(): Promise<void> {
    const signals = this.#signals;
    const found = await this.#parts.bus.properties(MANAGER);
    const { InhibitDelayMaxUSec: maxUs } = found;
    if (typeof maxUs === "number") {
      const maxMs = maxUs / 1000;
      this.#delayMs = Math.max(0, maxMs - Math.min(MARGIN.mostMs, maxMs * MARGIN.share));
    }
    if (signals !== this.#signals) return;
    if (found.PreparingForShutdown === true) this.#begin("shutdown");
    else if (found.PreparingForSleep === true) this.#begin("suspend");
    else if (this.#order !== undefined) this.#end(this.#order);
  }

  #found(isThere: boolean): void {
    const { log } = this.#parts;
    if (!isThere) return log.warn("power.manager-gone");
    this.#look().catch((thrown: unknown) => log.warn("power.manager-silent", { what: messageOf(thrown) }));
    if (this.#order === undefined) this.#keeper.want();
  }

  #take({ member, body }: BusSignal): void {
    if (member !== "PrepareForSleep" && member !== "PrepareForShutdown") return;
    this.#signals += 1;
    if (body[0] === true) this.#begin(ORDERS[member]);
    else if (body[0] === false) this.#end(ORDERS[member]);
  }

  #begin(kind: Ordered): void {
    if (this.#order === kind || this.#sink === undefined) return;
    this.#order = kind;
    this.#limit.abort();
    this.#limit = new AbortController();
    void this.#letGoInTime(this.#limit.signal);
    this.#sink.onOrder({ kind });
  }

  /** The lock goes with the order's time, whoever is not ready. */
  async #letGoInTime(signal: AbortSignal): Promise<void> {
    await this.#parts.clock.sleep(this.#delayMs, signal);
    if (signal.aborted) return;
    this.#parts.log.warn("power.released-late", { delayMs: this.#delayMs });
    this.release();
  }

  #end(kind: Ordered): void {
    if (this.#order !== kind) return;
    this.#order = undefined;
    this.#limit.abort();
    this.#keeper.want();
    this.#sink?.onWake();
  }
}

/** One connection is one request; nothing is sent. */
async function knockAt(path: string): Promise<void> {
  const socket = createConnection(path);
  try {
    await once(socket, "connect");
  } finally {
    socket.destroy();
  }
}

function suspendFault(thrown: unknown): AgentError {
  const detail = { what: `the system was not suspended: ${messageOf(thrown)}`, cause: thrown };
  if (thrown instanceof AgentError && thrown.code === "dbus.refused") {
    const remedy =
      "enable causeway-suspend.socket, or let polkit allow org.freedesktop.login1.suspend to the agent's user";
    return new AgentError("power.denied", { ...detail, remedy });
  }
  return new AgentError("power.unavailable", {
    ...detail,
    remedy: "see: systemctl status systemd-logind causeway-suspend.socket",
  });
}
