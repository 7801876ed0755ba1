import { z } from "zod";
import type { Clock } from "../../agent/core/clock.ts";
import { AgentError } from "../../agent/core/errors.ts";
import type { Log } from "../../agent/core/log.ts";
import type { ModemFacts, ModemSource } from "../../agent/ports/link-facts.ts";
import { ServiceWatch } from "./service-watch.ts";
import type { SystemBus } from "./system-bus.ts";

const SERVICE = "org.freedesktop.ModemManager1";
const ROOT = "/org/freedesktop/ModemManager1";
const MODEM = `${SERVICE}.Modem`;
const SIGNAL = `${MODEM}.Signal`;
const OBJECT_MANAGER = "org.freedesktop.DBus.ObjectManager";
const PROPERTIES = "org.freedesktop.DBus.Properties";
/** Data sessions that are looked at of one modem. */
const MAX_BEARERS = 4;
/** Modems that are told of; a vehicle has one or two. */
const MAX_MODEMS = 8;

/** MMModemState, by its number from -1 on. */
const STATES = [
  "failed",
  "unknown",
  "initializing",
  "locked",
  "disabled",
  "disabling",
  "enabling",
  "enabled",
  "searching",
  "registered",
  "disconnecting",
  "connecting",
  "connected",
];
/** MMModemStateFailedReason. */
const FAILURES = ["", "unknown", "sim-missing", "sim-error", "unknown-capabilities", "esim-without-profiles"];
/** MMModem3gppRegistrationState; those with SMS only or without CSFB roam, or do not, as the others. */
const REGISTRATIONS = [
  "idle",
  "home",
  "searching",
  "denied",
  "unknown",
  "roaming",
  "home",
  "roaming",
  "emergency-only",
  "home",
  "roaming",
  "emergency-only",
];
/** MMModemAccessTechnology: bits, best first. */
const TECHNOLOGIES: readonly (readonly [bit: number, name: string])[] = [
  [15, "5g"],
  [14, "lte"],
  [16, "lte-cat-m"],
  [17, "lte-nb-iot"],
  [9, "hspa+"],
  [8, "hspa"],
  [7, "hsupa"],
  [6, "hsdpa"],
  [5, "umts"],
  [4, "edge"],
  [3, "gprs"],
  [2, "gsm"],
  [1, "gsm"],
];
/** MMModemPortType of a network interface. */
const NET_PORT = 2;

const modemObject = z.object({
  State: z.int().catch(0),
  StateFailedReason: z.int().catch(0),
  AccessTechnologies: z.int().min(0).catch(0),
  SignalQuality: z
    .tuple([z.int().min(0).max(100), z.boolean()])
    .optional()
    .catch(undefined),
  Ports: z.array(z.tuple([z.string(), z.int()])).catch([]),
  Bearers: z.array(z.string()).catch([]),
});
const networkObject = z.object({
  RegistrationState: z.int().catch(4),
  OperatorName: z.string().catch(""),
  OperatorCode: z.string().catch(""),
});
const cell = z.object({ rsrp: z.number().optional(), rsrq: z.number().optional() }).catch({});
const signalObject = z.object({ Rate: z.int().catch(0), Lte: cell.default({}), Nr5g: cell.default({}) });
const bearerObject = z.object({ Interface: z.string().catch("") });
const managedObjects = z.record(z.string(), z.record(z.string(), z.unknown()));

export type ModemManagerParts = {
  readonly bus: Pick<SystemBus, "watch" | "call" | "properties">;
  /** How often a modem is to measure its cell, s; 0 leaves that as it is. */
  readonly signalSeconds: number;
  readonly clock: Pick<Clock, "sleep">;
  readonly log: Log;
};

/** Modems as ModemManager knows them over D-Bus (ModemManager 1.20, org.freedesktop.ModemManager1); any of its values may be missing. */
export class ModemManager implements ModemSource {
  readonly #parts: ModemManagerParts;
  #watch: ServiceWatch<readonly ModemFacts[]> | undefined;
  /** Where it may not be asked to measure: that is logged once. */
  #isRefused = false;

  constructor(parts: ModemManagerParts) {
    this.#parts = parts;
  }

  start(onModems: (modems: readonly ModemFacts[] | undefined) => void): void {
    const { bus, clock, log } = this.#parts;
    this.#watch = new ServiceWatch({
      bus,
      service: SERVICE,
      interfaces: [OBJECT_MANAGER, PROPERTIES],
      read: () => this.#read(),
      told: onModems,
      clock,
      log,
    });
    this.#watch.start();
  }

  stop(): void {
    this.#watch?.stop();
  }

  async #read(): Promise<readonly ModemFacts[]> {
    const { bus } = this.#parts;
    const [found] = await bus.call({
      service: SERVICE,
      path: ROOT,
      interface: OBJECT_MANAGER,
      member: "GetManagedObjects",
    });
    const objects = managedObjects.safeParse(found).data ?? {};
    const modems = Object.entries(objects).filter(([, interfaces]) => Object.hasOwn(interfaces, MODEM));
    const facts: ModemFacts[] = [];
    for (const [path, interfaces] of modems.slice(0, MAX_MODEMS)) {
      await this.#setUp(path, interfaces);
      facts.push(factsOf(interfaces, await this.#bearerInterfaces(interfaces)));
    }
    return facts;
  }

  /** Where several data sessions share a modem, none of its ports is their interface. */
  async #bearerInterfaces(interfaces: Readonly<Record<string, unknown>>): Promise<readonly string[]> {
    const { bus } = this.#parts;
    const { Bearers } = modemObject.parse(interfaces[MODEM] ?? {});
    const names: string[] = [];
    for (const path of Bearers.slice(0, MAX_BEARERS)) {
      const found = await bus.properties({ service: SERVICE, path, interface: `${SERVICE}.Bearer` });
      names.push(bearerObject.parse(found).Interface);
    }
    return names.filter((name) => name !== "");
  }

  /** A modem measures its cell only for who asks it to, from the time on when it is enabled. */
  async #setUp(path: string, interfaces: Readonly<Record<string, unknown>>): Promise<void> {
    const { bus, signalSeconds, log } = this.#parts;
    const { data: signal } = signalObject.safeParse(interfaces[SIGNAL]);
    if (signalSeconds === 0 || signal === undefined || signal.Rate === signalSeconds || this.#isRefused) return;
    try {
      await bus.call({
        service: SERVICE,
        path,
        interface: SIGNAL,
        member: "Setup",
        signature: "u",
        body: [signalSeconds],
      });
    } catch (thrown) {
      if (!(thrown instanceof AgentError)) throw thrown;
      if (thrown.code === "dbus.unavailable") throw thrown;
      this.#isRefused = true;
      log.warn("link.signal-not-set-up", { code: thrown.code, what: thrown.message, remedy: thrown.remedy });
    }
  }
}

function factsOf(interfaces: Readonly<Record<string, unknown>>, ofBearers: readonly string[]): ModemFacts {
  const modem = modemObject.parse(interfaces[MODEM] ?? {});
  const network = networkObject.parse(interfaces[`${MODEM}.Modem3gpp`] ?? {});
  const { Lte, Nr5g } = signalObject.safeParse(interfaces[SIGNAL] ?? {}).data ?? { Lte: {}, Nr5g: {} };
  const { State, StateFailedReason, AccessTechnologies, SignalQuality, Ports } = modem;
  const known = TECHNOLOGIES.filter(([bit]) => (AccessTechnologies & (1 << bit)) !== 0).map(([, name]) => name);
  return {
    interfaces: [...new Set([...Ports.filter(([, type]) => type === NET_PORT).map(([name]) => name), ...ofBearers])],
    state: STATES[State + 1] ?? "unknown",
    failure: FAILURES[StateFailedReason] ?? "unknown",
    registration: REGISTRATIONS[network.RegistrationState] ?? "unknown",
    operator: network.OperatorName === "" ? network.OperatorCode : network.OperatorName,
    technology: [...new Set(known)].join(" "),
    signalPercent: SignalQuality?.[0],
    rsrpDbm: Nr5g.rsrp ?? Lte.rsrp,
    rsrqDb: Nr5g.rsrq ?? Lte.rsrq,
  };
}
