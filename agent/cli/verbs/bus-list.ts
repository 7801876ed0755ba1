import { type Command, InvalidArgumentError } from "commander";
import type { BusConfig } from "../../../config/schema.ts";
import { isOnHost } from "../../../drivers/can/controller.ts";
import { type LinkDetails, linkOf, readLinks } from "../../../drivers/can/link-details.ts";
import { AgentError } from "../../core/errors.ts";
import { EVERY_FRAME } from "../../ports/can-bus.ts";
import { type CliContext, note, printJson, printLine } from "../context.ts";
import { busOfInterface, openBus, optionalConfig } from "../open-bus.ts";
import { tableLines } from "../text.ts";
import { bitRateText } from "../traffic/bit-rates.ts";
import { BusMeter, type Load } from "../traffic/bus-meter.ts";
import { controllerJson, stateText } from "../traffic/link-text.ts";

const SECOND_MS = 1000;
const MEASURED_SECONDS = 0.5;

/** One line of the list: a configured bus, an interface, or both in one. */
type Row = {
  readonly name: string;
  readonly driver: BusConfig["driver"] | undefined;
  readonly where: string;
  readonly link: LinkDetails | undefined;
  /** Of the controller, else of the configuration. */
  readonly bitrate: number | undefined;
};

/** `causeway bus list`. */
export function registerBusList(bus: Command, context: CliContext): void {
  bus
    .command("list")
    .description("configured buses, and CAN interfaces of this host: state, bit rate, load, errors, what they carried")
    .option(
      "--measure <seconds>",
      "listen for so long for the load of those that are up; 0: not at all",
      measured,
      MEASURED_SECONDS,
    )
    .addHelpText(
      "after",
      "\nERRORS are the controller's error counters, sent/received: error-passive from 128 on. A virtual interface has no controller and no bit rate.\n" +
        "causeway bus stats shows all of it.\n\nExample:\n  causeway bus list\n  causeway bus list --json --config ./agent.yaml",
    )
    .action(async ({ measure }: { readonly measure: number }) => listBuses(context, measure));
}

async function listBuses(context: CliContext, seconds: number): Promise<void> {
  const buses = (await optionalConfig(context))?.buses ?? [];
  const rows = rowsOf(buses, await readLinks());
  const loads = await loadsOf(context, rows, seconds);
  if (context.options().json) {
    printJson(context, { schemaVersion: 1, buses: rows.map((row) => rowJson(row, loads.get(row))) });
    return;
  }
  if (rows.length === 0) {
    note(context, "no CAN interface on this host, and no bus in the configuration");
    return;
  }
  const cells = rows.map((row) => cellsOf(row, loads.get(row)));
  const { stdout } = context.terminal;
  for (const line of tableLines([HEADING, ...cells], stdout.isTerminal ? stdout.columns() : undefined))
    printLine(context, line);
}

const HEADING = [
  "NAME",
  "DRIVER",
  "WHERE",
  "STATE",
  "FRAMES",
  "BIT RATE",
  "SAMPLE",
  "LOAD",
  "ERRORS",
  "RESTARTS",
  "RX",
  "TX",
  "DROPPED",
];

function cellsOf(row: Row, load: Load | undefined): readonly string[] {
  const { name, driver, where, link, bitrate } = row;
  const { controller, received, sent } = link ?? {};
  const rates = [bitrate, controller?.dataBitrate].filter((rate) => rate !== undefined);
  const errors = controller?.errorCounters;
  const cells = [
    rates.map(bitRateText).join(" / "),
    controller?.samplePoint === undefined ? undefined : `${Math.round(controller.samplePoint * 1000) / 10} %`,
    load === undefined ? undefined : `${(load.exact * 100).toFixed(1)} %`,
    errors === undefined ? undefined : `${errors.transmit}/${errors.receive}`,
    controller?.events?.restarts,
    received?.packets,
    sent?.packets,
    received === undefined ? undefined : received.dropped + (sent?.dropped ?? 0),
  ];
  return [
    name,
    driver ?? "-",
    where,
    stateOf(row) ?? "-",
    framesOf(link) ?? "-",
    ...cells.map((cell) => (cell === undefined || cell === "" ? "-" : String(cell))),
  ];
}

function rowsOf(buses: readonly BusConfig[], links: readonly LinkDetails[]): readonly Row[] {
  const configured = buses.map((bus): Row => {
    const link = linkOf(bus, links);
    const bitrate = link?.controller?.bitrate ?? (isOnHost(bus) ? bus.bitrate : undefined);
    return { name: bus.name, driver: bus.driver, where: whereOf(bus), link, bitrate };
  });
  const used = new Set(configured.map((row) => row.link?.interface));
  const others = links
    .filter((link) => !used.has(link.interface))
    .map(
      (link): Row => ({
        name: link.interface,
        driver: undefined,
        where: link.interface,
        link,
        bitrate: link.controller?.bitrate,
      }),
    );
  return [...configured, ...others];
}

function whereOf(bus: BusConfig): string {
  switch (bus.driver) {
    case "native":
    case "socketcan":
      return bus.interface;
    case "socketcand":
      return `${bus.host}:${bus.port}/${bus.interface}`;
    case "replay":
      return bus.file;
  }
}

/** The loads of interfaces that are up and whose bit rate is known. One that cannot be listened to has none. */
async function loadsOf(context: CliContext, rows: readonly Row[], seconds: number): Promise<ReadonlyMap<Row, Load>> {
  const loads = new Map<Row, Load>();
  if (seconds === 0) return loads;
  await Promise.all(
    rows.map(async (row) => {
      const load = await loadOf(context, row, seconds);
      if (load !== undefined) loads.set(row, load);
    }),
  );
  return loads;
}

async function loadOf(context: CliContext, { link, bitrate }: Row, seconds: number): Promise<Load | undefined> {
  if (link?.up !== true || bitrate === undefined) return undefined;
  const meter = new BusMeter({ bitrate, dataBitrate: link.controller?.dataBitrate });
  try {
    const bus = await openBus(context, busOfInterface(link.interface), EVERY_FRAME, (batch) => {
      for (let at = 0; at < batch.count; at += 1) meter.add(batch.frame(at));
    });
    const startMs = context.clock.monotonicMs();
    await context.clock.sleep(seconds * SECOND_MS, context.signal);
    await bus.stop();
    return meter.total((context.clock.monotonicMs() - startMs) / SECOND_MS).load;
  } catch (error) {
    // The rest of the line is true all the same.
    if (error instanceof AgentError) return undefined;
    throw error;
  }
}

/** What the kernel says; undefined for a bus that is no interface of this host. */
function stateOf({ driver, link }: Row): string | undefined {
  if (link !== undefined) return stateText(link);
  return driver === "native" || driver === "socketcan" ? "absent" : undefined;
}

function framesOf(link: LinkDetails | undefined): "CAN FD" | "classic" | undefined {
  if (link === undefined) return undefined;
  return link.fd ? "CAN FD" : "classic";
}

function rowJson(row: Row, load: Load | undefined): unknown {
  const { name, driver, where, link, bitrate } = row;
  const state = link === undefined ? stateOf(row) : link.up ? "up" : "down";
  const carried = { received: link?.received, sent: link?.sent };
  return {
    name,
    driver,
    where,
    interface: link?.interface,
    state,
    mtu: link?.mtu,
    fd: link?.fd,
    bitrate,
    load,
    ...controllerJson(link),
    ...carried,
  };
}

function measured(text: string): number {
  const value = Number(text);
  if (!(value >= 0 && value <= 60) || text.trim() === "") throw new InvalidArgumentError("Give seconds, 0 to 60.");
  return value;
}
