import type { Command } from "commander";
import type { BusConfig } from "../../../config/schema.ts";
import { type CanInterface, listInterfaces } from "../../../drivers/can/can-interface.ts";
import { type CliContext, note, printJson, printLine } from "../context.ts";
import { optionalConfig } from "../open-bus.ts";
import { alignColumns } from "../text.ts";

/** `causeway bus list`: works with the daemon down. */
export function registerBus(program: Command, context: CliContext): void {
  const bus = program.command("bus").description("CAN buses");

  bus
    .command("list")
    .description("configured buses, and CAN interfaces of this host with their state")
    .addHelpText("after", "\nExample:\n  causeway bus list\n  causeway bus list --json --config ./agent.yaml")
    .action(async () => listBuses(context));
}

/** One line of the list: a configured bus, an interface, or both in one. */
type Row = {
  readonly name: string;
  readonly driver: string | undefined;
  readonly where: string;
  readonly link: CanInterface | undefined;
};

async function listBuses(context: CliContext): Promise<void> {
  const buses = (await optionalConfig(context))?.buses ?? [];
  const rows = rowsOf(buses, listInterfaces());
  if (context.options().json) {
    printJson(context, { schemaVersion: 1, buses: rows.map(rowJson) });
    return;
  }
  if (rows.length === 0) {
    note(context, "no CAN interface on this host, and no bus in the configuration");
    return;
  }
  const cells = rows.map((row) => [
    row.name,
    row.driver ?? "-",
    row.where,
    stateOf(row) ?? "-",
    framesOf(row.link) ?? "-",
  ]);
  for (const line of alignColumns([["NAME", "DRIVER", "WHERE", "STATE", "FRAMES"], ...cells])) printLine(context, line);
}

function rowsOf(buses: readonly BusConfig[], links: readonly CanInterface[]): readonly Row[] {
  const linkOf = (name: string): CanInterface | undefined => links.find((link) => link.interface === name);
  const configured = buses.map((bus): Row => {
    switch (bus.driver) {
      case "native":
      case "socketcan":
        return { name: bus.name, driver: bus.driver, where: bus.interface, link: linkOf(bus.interface) };
      case "socketcand":
        return {
          name: bus.name,
          driver: bus.driver,
          where: `${bus.host}:${bus.port}/${bus.interface}`,
          link: undefined,
        };
      case "replay":
        return { name: bus.name, driver: bus.driver, where: bus.file, link: undefined };
    }
  });
  const used = new Set(configured.map((row) => row.link?.interface));
  const others = links.filter((link) => !used.has(link.interface));
  return [
    ...configured,
    ...others.map((link) => ({ name: link.interface, driver: undefined, where: link.interface, link })),
  ];
}

/** What the kernel says; undefined for a bus that is no interface of this host. */
function stateOf({ driver, link }: Row): "up" | "down" | "absent" | undefined {
  if (link !== undefined) return link.up ? "up" : "down";
  return driver === "native" || driver === "socketcan" ? "absent" : undefined;
}

function framesOf(link: CanInterface | undefined): "CAN FD" | "classic" | undefined {
  if (link === undefined) return undefined;
  return link.fd ? "CAN FD" : "classic";
}

function rowJson(row: Row): unknown {
  const { name, driver, where, link } = row;
  return { name, driver, where, interface: link?.interface, state: stateOf(row), mtu: link?.mtu, fd: link?.fd };
}
