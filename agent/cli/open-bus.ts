import { loadConfig } from "../../config/load.ts";
import type { AgentConfig, BusConfig } from "../../config/schema.ts";
import { createCanBus } from "../../drivers/can/can-bus.ts";
import { describeInterface, listInterfaces, readInterface } from "../../drivers/can/can-interface.ts";
import { isOnHost } from "../../drivers/can/controller.ts";
import { loadNativeAddon } from "../../drivers/can/native-addon.ts";
import { AgentError } from "../core/errors.ts";
import type { Log, LogFacts } from "../core/log.ts";
import { type BusSink, type BusState, type CanBus, type FrameFilter, upWith } from "../ports/can-bus.ts";
import { type CliContext, note } from "./context.ts";

/** Receive buffer and ring of a bus that the command line opens by itself; the defaults of the configuration. */
const DEFAULT_BUFFERS = { receiveBufferBytes: 8_388_608, ringFrames: 65_536 } as const;

/**
 * The configuration, or undefined when there is none: the verbs about buses work without one. A configuration that is there
 * but wrong is told on stderr and then left aside.
 */
export async function optionalConfig(context: CliContext): Promise<AgentConfig | undefined> {
  try {
    return await loadConfig(context.options().config);
  } catch (error) {
    if (!(error instanceof AgentError)) throw error;
    if (error.code !== "config.missing") note(context, `configuration not used: ${error.message}`);
    return undefined;
  }
}

/**
 * How to reach the bus that a user named: `socketcand://host[:port]/bus`, a bus of the configuration, or a CAN interface.
 * Throws `bus.unknown` for anything else.
 */
export async function resolveBus(context: CliContext, named: string): Promise<BusConfig> {
  if (named.includes("://")) return parseAddress(named);
  const buses = (await optionalConfig(context))?.buses ?? [];
  const configured = buses.find((bus) => bus.name === named);
  if (configured !== undefined) return configured;
  const link = readInterface(named);
  if (link === undefined || link === "not-can") {
    const known = [...buses.map((bus) => bus.name), ...listInterfaces().map((one) => one.interface)];
    throw new AgentError("bus.unknown", {
      what: `no bus ${named} in the configuration, and ${describeInterface(named, link)}`,
      remedy:
        known.length > 0
          ? `use one of ${[...new Set(known)].join(", ")}`
          : "name a bus as socketcand://HOST:PORT/BUS, or see causeway bus list",
    });
  }
  return busOfInterface(named);
}

/** How to reach a CAN interface of this host, whatever the configuration has of this name. */
export function busOfInterface(name: string): BusConfig {
  if (hasNativeAddon()) return { name, driver: "native", interface: name, ...DEFAULT_BUFFERS };
  return { name, driver: "socketcan", interface: name };
}

/** Every CAN interface of this host that is up (all of them where none is), or every bus of the configuration where the host has none. Throws `bus.unknown` without either. */
export async function everyBusName(context: CliContext): Promise<readonly string[]> {
  const links = listInterfaces();
  const up = links.filter((link) => link.up);
  const interfaces = (up.length > 0 ? up : links).map((link) => link.interface);
  const names = interfaces.length > 0 ? interfaces : (await optionalConfig(context))?.buses.map(({ name }) => name);
  if (names !== undefined && names.length > 0) return names;
  throw new AgentError("bus.unknown", {
    what: "any: this host has no CAN interface, and there is no bus in the configuration",
    remedy: "name a bus as socketcand://HOST:PORT/BUS, or see causeway bus list",
  });
}

function parseAddress(text: string): BusConfig {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const bus = url?.pathname.replace(/^\//, "") ?? "";
  if (url?.protocol !== "socketcand:" || url.hostname === "" || bus === "") {
    throw new AgentError("usage.invalid", {
      what: `${text} is no address of a bus`,
      remedy: "write it as socketcand://HOST:PORT/BUS, for example socketcand://127.0.0.1:29536/can0",
    });
  }
  const port = url.port === "" ? 29_536 : Number(url.port);
  return { name: bus, driver: "socketcand", host: url.hostname.replace(/^\[|\]$/g, ""), port, interface: bus };
}

function hasNativeAddon(): boolean {
  try {
    loadNativeAddon();
    return true;
  } catch {
    // Not built: npm socketcan receives instead, at more CPU a frame.
    return false;
  }
}

/** A bus that was opened, and its state then. */
export type OpenedBus = { readonly bus: CanBus; readonly state: BusState; readonly detail: string };

/**
 * Opens a bus for one verb, whatever its state. Changes of its state after the first are told on stderr. Throws `bus.unavailable` when there
 * is no way to it now: unlike the daemon, a verb does not wait for it to come.
 */
export async function startBus(
  context: CliContext,
  config: BusConfig,
  filters: readonly FrameFilter[],
  sink: Pick<BusSink, "onFrames"> & Partial<Pick<BusSink, "onState">>,
): Promise<OpenedBus> {
  // One client has no herd to spread: half of each back-off will do.
  const parts = { clock: context.clock, log: stderrLog(context), random: () => 0.5 };
  const bus = createCanBus(config, filters, "any", parts);
  let first: { readonly state: BusState; readonly detail: string } | undefined;
  await bus.start({
    onFrames: sink.onFrames,
    onState: (state, detail) => {
      if (first === undefined) first = { state, detail };
      else note(context, `${bus.name} is ${state}: ${detail}`);
      sink.onState?.(state, detail);
    },
  });
  if (first === undefined || first.state === "absent") {
    await bus.stop();
    throw new AgentError("bus.unavailable", {
      what: `${config.name} cannot be reached: ${first?.detail ?? "no answer"}`,
      remedy: "see causeway bus list; for socketcand check host, port and the name of the bus there",
    });
  }
  return { bus, ...first };
}

/** As `startBus`; a first state that is not up is told too. */
export async function openBus(
  context: CliContext,
  config: BusConfig,
  filters: readonly FrameFilter[],
  onFrames: BusSink["onFrames"],
  onState: BusSink["onState"] = () => undefined,
): Promise<CanBus> {
  const { bus, state, detail } = await startBus(context, config, filters, { onFrames, onState });
  if (state !== "up") note(context, `${bus.name} is ${state}: ${detail}`);
  return bus;
}

/** As `startBus`, for a verb that can do nothing with a bus that is down: throws `bus.unavailable` with what brings it up. */
export async function openUpBus(context: CliContext, config: BusConfig): Promise<CanBus> {
  const { bus, state, detail } = await startBus(context, config, [], { onFrames: () => undefined });
  if (state !== "down" || config.driver === "replay") return bus;
  await bus.stop();
  throw busDown(config, detail);
}

/** Kinds of frames that a bus takes besides classic data frames. What is not of this host is not asked: it may refuse FD frames. */
export function carriedBy(config: BusConfig): { readonly fd: boolean; readonly remote: boolean } {
  if (!isOnHost(config)) return { fd: true, remote: false };
  const link = readInterface(config.interface);
  return { fd: link !== undefined && link !== "not-can" && link.fd, remote: true };
}

/** A bus whose interface is there, but down. */
export function busDown(config: BusConfig, detail: string): AgentError {
  return new AgentError("bus.unavailable", {
    what: `${config.name}: ${detail}`,
    remedy: isOnHost(config) ? upWith(config.interface) : "bring it up where it is; see causeway bus list",
  });
}

/** What drivers log, as remarks on stderr: warnings always, the rest with --verbose. */
export function stderrLog(context: CliContext): Log {
  const write = (event: string, facts: LogFacts = {}): void =>
    note(context, [event, ...Object.entries(facts).map(([key, value]) => `${key}=${String(value)}`)].join(" "));
  const whenVerbose = (event: string, facts?: LogFacts): void => {
    if (context.options().verbose) write(event, facts);
  };
  return { error: write, warn: write, info: whenVerbose, debug: whenVerbose };
}
