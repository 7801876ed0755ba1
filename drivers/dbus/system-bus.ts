import { type BackoffBounds, fullJitterMs } from "../../agent/core/backoff.ts";
import type { Clock } from "../../agent/core/clock.ts";
import { AgentError, messageOf } from "../../agent/core/errors.ts";
import type { Log } from "../../agent/core/log.ts";
import { type BusCall, BusConnection, type BusObject, type BusSignal, unavailable } from "./bus-connection.ts";

const BUS = "org.freedesktop.DBus";
const BUS_OBJECT = { service: BUS, path: "/org/freedesktop/DBus", interface: BUS } as const;
const PROPERTIES = "org.freedesktop.DBus.Properties";
/** Every call that we make is answered at once by a service that is well; one that is started for it takes longer. */
const CALL_MS = 15_000;
const RETRY: BackoffBounds = { minMs: 1000, maxMs: 30_000 };
/** The bus is never asked more often. */
const LEAST_RETRY_MS = 500;

/** How to reach the bus. `address`: a D-Bus address in place of the system bus. */
export type SystemBusParts = {
  readonly address: string | undefined;
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
};

/** Which signals are wanted: those of the owner of `service`, of one interface, and of one member or of all. */
export type BusWatch = { readonly service: string; readonly interface: string; readonly member?: string };

/** Who hears them. A call that throws is logged, and nothing else comes of it. */
export type BusListener = {
  onSignal(signal: BusSignal): void;
  /** The service is there, by another owner too, or gone; not called for a service that was never there. What was known of it is void: ask again. */
  onOwner(isThere: boolean): void;
};

type Watched = { readonly watch: BusWatch; readonly listener: BusListener };

/** What has become of the connection, since the start. */
export type BusCounts = { connections: number; losses: number; strangers: number; listenerFaults: number };

/**
 * The system bus (D-Bus), one connection for all who need it: made at the first call or watch, and made anew when it is lost, as long as
 * somebody watches. Nothing of the library is loaded before.
 *
 * Anyone on the bus may send a signal of any name: a watch hears only the connection that owns the service, whose name the bus vouches for.
 */
export class SystemBus {
  readonly #parts: SystemBusParts;
  readonly #watched = new Set<Watched>();
  /** Unique names of the services that are watched; of one that is not there none. */
  readonly #owners = new Map<string, string>();
  readonly #counts: BusCounts = { connections: 0, losses: 0, strangers: 0, listenerFaults: 0 };
  readonly #ending = new AbortController();
  #connection: Promise<BusConnection> | undefined;
  #isKept = false;
  #wasLost = false;

  constructor(parts: SystemBusParts) {
    this.#parts = parts;
  }

  counts(): Readonly<BusCounts> {
    return { ...this.#counts };
  }

  /** Gives the body of the answer as `plainOf` gives values. Starts the service where it can be. Throws `dbus.unavailable`, also when it does not answer in time, `dbus.refused` or `dbus.failed`. */
  async call(call: BusCall): Promise<readonly unknown[]> {
    return this.#within(`${call.service}: ${call.member}`, async () => (await this.#connected()).call(call));
  }

  /** All properties of an interface. Throws as `call` does. */
  async properties(of: BusObject): Promise<Readonly<Record<string, unknown>>> {
    const { interface: name, ...object } = of;
    const get = { ...object, interface: PROPERTIES, member: "GetAll", signature: "s", body: [name] };
    const [found] = await this.call(get);
    return isRecord(found) ? found : {};
  }

  /** Hears signals until the returned function is called. Returns at once; `onOwner` says when the service has been found. */
  watch(watch: BusWatch, listener: BusListener): () => void {
    const watched = { watch, listener };
    this.#watched.add(watched);
    if (this.#isKept) void this.#armLate(watched);
    else void this.#keep();
    return () => void this.#watched.delete(watched);
  }

  /** Ends the connection for good. */
  async close(): Promise<void> {
    this.#ending.abort();
    this.#watched.clear();
    const connection = await this.#connection?.catch(() => undefined);
    connection?.close();
  }

  /** Keeps the connection while somebody watches. Never rejects. */
  async #keep(): Promise<void> {
    this.#isKept = true;
    const { clock, random } = this.#parts;
    let attempt = 0;
    while (this.#watched.size > 0 && !this.#ending.signal.aborted) {
      try {
        const connection = await this.#within("the bus", () => this.#connected());
        for (const watched of this.#watched) await this.#arm(connection, watched);
        attempt = 0;
        this.#lost(await connection.closed);
      } catch (thrown) {
        this.#lost(messageOf(thrown));
      }
      const waitMs = LEAST_RETRY_MS + fullJitterMs(attempt, RETRY, random);
      attempt += 1;
      await clock.sleep(waitMs, this.#ending.signal);
    }
    this.#isKept = false;
  }

  async #armLate(watched: Watched): Promise<void> {
    // Without a connection it is armed with the others when there is one; with a fault of the connection, too.
    if (this.#connection === undefined) return;
    await this.#within(watched.watch.service, async () => this.#arm(await this.#connected(), watched)).catch(
      () => undefined,
    );
  }

  async #arm(connection: BusConnection, { watch, listener }: Watched): Promise<void> {
    const { service, interface: name, member } = watch;
    const ofMember = member === undefined ? "" : `,member='${member}'`;
    await addMatch(connection, `type='signal',sender='${BUS}',member='NameOwnerChanged',arg0='${service}'`);
    await addMatch(connection, `type='signal',sender='${service}',interface='${name}'${ofMember}`);
    const known = this.#owners.get(service);
    const owner = await ownerOf(connection, service);
    if (owner === undefined) return;
    if (owner === known) this.#guarded(() => listener.onOwner(true));
    else this.#owned(service, owner);
  }

  #connected(): Promise<BusConnection> {
    if (this.#ending.signal.aborted) return Promise.reject(unavailable("D-Bus: closed"));
    this.#connection ??= this.#open();
    return this.#connection;
  }

  async #open(): Promise<BusConnection> {
    try {
      const connection = await BusConnection.open(this.#parts.address, (signal) => this.#take(signal));
      this.#counts.connections += 1;
      if (this.#wasLost) this.#parts.log.info("dbus.connected");
      this.#wasLost = false;
      void connection.closed.then(() => {
        this.#connection = undefined;
      });
      return connection;
    } catch (thrown) {
      this.#connection = undefined;
      throw thrown;
    }
  }

  #lost(why: string): void {
    if (this.#ending.signal.aborted) return;
    if (!this.#wasLost) this.#parts.log.warn("dbus.lost", { why });
    this.#wasLost = true;
    this.#counts.losses += 1;
    for (const service of this.#owners.keys()) this.#owned(service, undefined);
  }

  #take(signal: BusSignal): void {
    if (signal.sender === BUS) {
      const [service, , owner] = signal.body;
      if (signal.member !== "NameOwnerChanged" || typeof service !== "string") return;
      this.#owned(service, typeof owner === "string" && owner !== "" ? owner : undefined);
      return;
    }
    let isKnown = false;
    for (const { watch, listener } of this.#watched) {
      if (this.#owners.get(watch.service) !== signal.sender || watch.interface !== signal.interface) continue;
      isKnown = true;
      if (watch.member === undefined || watch.member === signal.member) this.#guarded(() => listener.onSignal(signal));
    }
    if (!isKnown) this.#counts.strangers += 1;
  }

  #owned(service: string, owner: string | undefined): void {
    if (this.#owners.get(service) === owner) return;
    if (owner === undefined) this.#owners.delete(service);
    else this.#owners.set(service, owner);
    for (const { watch, listener } of this.#watched) {
      if (watch.service === service) this.#guarded(() => listener.onOwner(owner !== undefined));
    }
  }

  #guarded(act: () => void): void {
    try {
      act();
    } catch (thrown) {
      this.#counts.listenerFaults += 1;
      this.#parts.log.error("dbus.listener-failed", { what: messageOf(thrown) });
    }
  }

  async #within<T>(what: string, work: () => Promise<T>): Promise<T> {
    const done = new AbortController();
    const late = this.#parts.clock.sleep(CALL_MS, done.signal).then(() => "late" as const);
    const outcome = await Promise.race([work().then((value) => ({ value })), late]).finally(() => done.abort());
    if (outcome === "late") throw unavailable(`${what}: no answer within ${CALL_MS} ms`);
    return outcome.value;
  }
}

async function addMatch(connection: BusConnection, rule: string): Promise<void> {
  await connection.call({ ...BUS_OBJECT, member: "AddMatch", signature: "s", body: [rule] });
}

async function ownerOf(connection: BusConnection, service: string): Promise<string | undefined> {
  try {
    const [owner] = await connection.call({ ...BUS_OBJECT, member: "GetNameOwner", signature: "s", body: [service] });
    return typeof owner === "string" ? owner : undefined;
  } catch (thrown) {
    if (thrown instanceof AgentError && thrown.facts.name === `${BUS}.Error.NameHasNoOwner`) return undefined;
    throw thrown;
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
