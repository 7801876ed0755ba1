import type { EventEmitter } from "node:events";
import type { MessageBus } from "@jellybrick/dbus-next";
import { AgentError, messageOf } from "../../agent/core/errors.ts";
import type { Rauc } from "../../agent/ports/update.ts";

const SERVICE = "de.pengutronix.rauc";
const INSTALLER = "de.pengutronix.rauc.Installer";
const PROPERTIES = "org.freedesktop.DBus.Properties";
const BUS = "org.freedesktop.DBus";
/** Installing is started by a call and ends with a signal; every call by itself is short. */
const CALL_MS = 30_000;

/** Loaded when it is needed: it costs 14 MB and some tenths of a second on a small machine, and most agents never ask RAUC. */
const loadLibrary = () => import("@jellybrick/dbus-next");
type BusConnection = { readonly bus: MessageBus; readonly dbus: Awaited<ReturnType<typeof loadLibrary>> };

/** How to reach RAUC. `address`: a D-Bus address in place of the system bus. */
export type RaucServiceParts = {
  readonly address: string | undefined;
  readonly installMs: number;
  sleep(ms: number, signal: AbortSignal): Promise<void>;
};

/**
 * RAUC's D-Bus interface `de.pengutronix.rauc.Installer` (RAUC reference manual, D-Bus API). Each call has a connection of its own: the
 * bus may be started anew between two updates.
 */
export class RaucService implements Rauc {
  readonly #parts: RaucServiceParts;

  constructor(parts: RaucServiceParts) {
    this.#parts = parts;
  }

  bootSlot(): Promise<string> {
    return this.#with((link) => this.#property(link, "BootSlot"));
  }

  install(file: string): Promise<void> {
    return this.#with(async (link) => {
      const completion = await this.#completion(link);
      const { sender } = await this.#reply(link, INSTALLER, "InstallBundle", "sa{sv}", [file, {}]);
      const completed = completion.of(sender);
      const result = await this.#within(completed, this.#parts.installMs, "the installation");
      if (result !== 0) throw failed(`RAUC could not install: ${await this.#property(link, "LastError")}`);
    });
  }

  mark(state: "good" | "bad" | "active", slot: "booted" | "other"): Promise<void> {
    return this.#with(async (link) => void (await this.#reply(link, INSTALLER, "Mark", "ss", [state, slot])));
  }

  /**
   * Listens before anything is asked, so that the signal cannot come too early. Anyone on the bus may send a signal of this name: only
   * that of the connection that took the call counts, whose name the bus itself vouches for. The result is -1 when it goes away.
   */
  async #completion({ bus, dbus }: BusConnection): Promise<{ of(owner: string | undefined): Promise<number> }> {
    const { promise, resolve } = Promise.withResolvers<number>();
    const early: { readonly sender: string | undefined; readonly result: number }[] = [];
    let owner: string | undefined;
    const take = (sender: string | undefined, result: number): void => {
      if (owner === undefined) early.push({ sender, result });
      else if (sender === owner) resolve(result);
    };
    bus.on("message", ({ type, interface: from, member, sender, body }) => {
      if (type !== dbus.MessageType.SIGNAL) return;
      if (from === INSTALLER && member === "Completed") take(sender, Number(body[0]));
      // Its name is lost with the connection that had it, which is named second.
      if (sender === BUS && member === "NameOwnerChanged" && body[0] === SERVICE) take(String(body[1]), -1);
    });
    await this.#listen({ bus, dbus });
    return {
      of: (name) => {
        owner = name;
        for (const { sender, result } of early) take(sender, result);
        return promise;
      },
    };
  }

  async #listen({ bus, dbus }: BusConnection): Promise<void> {
    const rules = [
      `type='signal',sender='${SERVICE}',interface='${INSTALLER}',member='Completed'`,
      `type='signal',sender='${BUS}',member='NameOwnerChanged',arg0='${SERVICE}'`,
    ];
    for (const rule of rules) {
      const call = { destination: BUS, path: "/org/freedesktop/DBus", interface: BUS };
      const message = new dbus.Message({ ...call, member: "AddMatch", signature: "s", body: [rule] });
      await this.#within(bus.call(message), CALL_MS, "AddMatch");
    }
  }

  async #property(link: BusConnection, name: string): Promise<string> {
    const [value]: readonly unknown[] = (await this.#reply(link, PROPERTIES, "Get", "ss", [INSTALLER, name])).body;
    const held: unknown = typeof value === "object" && value !== null && "value" in value ? value.value : undefined;
    if (typeof held !== "string") throw failed(`RAUC has no property ${name}`);
    return held;
  }

  /** The answer of the service, whose sender the bus vouches for. */
  async #reply(
    { bus, dbus }: BusConnection,
    name: string,
    member: string,
    signature: string,
    body: unknown[],
  ): Promise<{ readonly sender: string | undefined; readonly body: readonly unknown[] }> {
    const message = new dbus.Message({ destination: SERVICE, path: "/", interface: name, member, signature, body });
    const reply = await this.#within(bus.call(message), CALL_MS, member);
    return { sender: reply?.sender, body: reply?.body ?? [] };
  }

  async #with<T>(work: (link: BusConnection) => Promise<T>): Promise<T> {
    const { address } = this.#parts;
    const dbus = await loadLibrary();
    const bus = address === undefined ? dbus.systemBus() : dbus.sessionBus({ busAddress: address });
    const broken = Promise.withResolvers<never>();
    onError(bus, (error) => broken.reject(error));
    try {
      return await Promise.race([work({ bus, dbus }), broken.promise]);
    } catch (thrown) {
      if (thrown instanceof AgentError) throw thrown;
      throw failed(thrown instanceof dbus.DBusError ? `RAUC: ${thrown.text}` : messageOf(thrown), thrown);
    } finally {
      bus.disconnect();
    }
  }

  async #within<T>(work: Promise<T>, ms: number, what: string): Promise<T> {
    const done = new AbortController();
    const late = this.#parts.sleep(ms, done.signal).then(() => "late" as const);
    const outcome = await Promise.race([work.then((value) => ({ value })), late]).finally(() => done.abort());
    if (outcome === "late") throw failed(`RAUC: ${what}: no answer within ${ms} ms`);
    return outcome.value;
  }
}

/** The library's types leave this event out. */
function onError(emitter: EventEmitter, listener: (error: unknown) => void): void {
  emitter.on("error", listener);
}

function failed(what: string, cause?: unknown): AgentError {
  return new AgentError("update.installer-failed", {
    what,
    remedy:
      "see: rauc status, and the journal of rauc.service; the agent's user must be allowed to use it (polkit, D-Bus policy)",
    ...(cause === undefined ? {} : { cause }),
  });
}
