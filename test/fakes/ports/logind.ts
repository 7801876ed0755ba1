import type { EventEmitter } from "node:events";
import { join } from "node:path";
import { Message, type MessageBus, sessionBus, Variant } from "@jellybrick/dbus-next";
import { startChild } from "../../bench/core/child.ts";
import { startPrivateBus } from "../../bench/core/private-bus.ts";
import { until } from "../../bench/core/wait.ts";

const LOGIN = "org.freedesktop.login1";
const MANAGER = `${LOGIN}.Manager`;
const MOCK = "org.freedesktop.DBus.Mock";

/** systemd-logind of python-dbusmock, on a bus of the test's own: it counts locks as the real one does, and sleeps only by the test's word. */
export type LogindStub = {
  readonly address: string;
  prepare(kind: "suspend" | "shutdown", begins: boolean): Promise<void>;
  /** What the locks are for, "sleep:shutdown causeway delay" each. */
  locks(): Promise<readonly string[]>;
  /** How often suspend was asked for. */
  suspends(): Promise<number>;
  /** Ends the service, and starts it anew: it knows of no suspend then. */
  restart(): Promise<void>;
  stopService(): Promise<void>;
  /** In place of the service: one that denies every lock, as without polkit. */
  deny(): Promise<void>;
  stop(): Promise<void>;
};

/** Starts both; `folder` needs a short path. `delayMaxMs` is InhibitDelayMaxSec. */
export async function startLogind(folder: string, delayMaxMs: number): Promise<LogindStub> {
  const daemon = await startPrivateBus(folder);
  const bus = sessionBus({ busAddress: daemon.address });
  ignoreErrors(bus);
  const call = (name: string, member: string, signature = "", body: unknown[] = []): Promise<readonly unknown[]> =>
    bus
      .call(
        new Message({ destination: LOGIN, path: "/org/freedesktop/login1", interface: name, member, signature, body }),
      )
      .then((reply) => reply?.body ?? []);
  const update = (values: Readonly<Record<string, Variant>>) =>
    call(MOCK, "UpdateProperties", "sa{sv}", [MANAGER, values]);
  const start = async () => {
    const child = await startMock(folder, daemon.address);
    await until(() => call(MANAGER, "CanSuspend").catch(() => undefined), {
      what: "logind of dbusmock",
      timeoutMs: 30_000,
    });
    const delay = { InhibitDelayMaxUSec: new Variant("t", BigInt(delayMaxMs * 1000)) };
    await call(MOCK, "AddProperties", "sa{sv}", [MANAGER, delay]);
    return child;
  };
  let service = await start();
  let denier: MessageBus | undefined;
  return {
    address: daemon.address,
    prepare: async (kind, begins) => {
      const name = kind === "suspend" ? "Sleep" : "Shutdown";
      await update({ [`PreparingFor${name}`]: new Variant("b", begins) });
      await call(MOCK, "EmitSignal", "sssav", [MANAGER, `PrepareFor${name}`, "b", [new Variant("b", begins)]]);
    },
    locks: async () => {
      const [locks] = await call(MANAGER, "ListInhibitors");
      return Array.isArray(locks) ? locks.map(([what, who, , mode]) => `${what} ${who} ${mode}`) : [];
    },
    suspends: async () => {
      const [calls] = await call(MOCK, "GetMethodCalls", "s", ["Suspend"]);
      return Array.isArray(calls) ? calls.length : 0;
    },
    restart: async () => {
      await service.stop();
      service = await start();
    },
    stopService: async () => void (await service.stop()),
    deny: async () => {
      await service.stop();
      // Of its own: the other one knows who had the name, and hears nothing for it.
      denier = sessionBus({ busAddress: daemon.address });
      ignoreErrors(denier);
      denier.addMethodHandler((message: Message) => {
        if (message.member !== "Inhibit") return false;
        denier?.send(Message.newError(message, "org.freedesktop.DBus.Error.AccessDenied", "Permission denied"));
        return true;
      });
      await denier.requestName(LOGIN, 0);
    },
    stop: async () => {
      denier?.disconnect();
      bus.disconnect();
      await service.stop();
      await daemon.stop();
    },
  };
}

function startMock(folder: string, address: string) {
  return startChild({
    command: "/usr/bin/python3",
    args: ["-m", "dbusmock", "--template", "logind"],
    environment: { DBUS_SYSTEM_BUS_ADDRESS: address },
    logFile: join(folder, "dbusmock.log"),
  });
}

/** Its daemon goes away before it; the library's types leave this event out. */
function ignoreErrors(connection: EventEmitter): void {
  connection.on("error", () => undefined);
}
