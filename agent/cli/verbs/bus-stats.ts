import type { Command } from "commander";
import { isOnHost } from "../../../drivers/can/controller.ts";
import {
  type ControllerDetails,
  type LinkCounters,
  type LinkDetails,
  linkOf,
  readLinks,
} from "../../../drivers/can/link-details.ts";
import { AgentError } from "../../core/errors.ts";
import { formatBytes, formatCount } from "../../core/quantity.ts";
import { type CliContext, note, printJson, printLine } from "../context.ts";
import { resolveBus } from "../open-bus.ts";
import { bitRateText } from "../traffic/bit-rates.ts";
import { controllerJson, stateText } from "../traffic/link-text.ts";

/** `causeway bus stats`. */
export function registerBusStats(bus: Command, context: CliContext): void {
  bus
    .command("stats [buses...]")
    .description("all that the kernel counts of CAN interfaces of this host: frames, errors, the controller's state")
    .addHelpText(
      "after",
      "\nCounts are since the interface was made. The load is in causeway bus list and causeway can load.\n\n" +
        "Example:\n  causeway bus stats\n  causeway bus stats can0 --json",
    )
    .action(async (buses: readonly string[]) => stats(context, buses));
}

async function stats(context: CliContext, named: readonly string[]): Promise<void> {
  const links = await readLinks();
  const wanted = named.length === 0 ? links : await Promise.all(named.map((name) => linkNamed(context, name, links)));
  if (context.options().json) {
    printJson(context, { schemaVersion: 1, interfaces: wanted.map(linkJson) });
    return;
  }
  if (wanted.length === 0) note(context, "no CAN interface on this host");
  for (const link of wanted) for (const line of linkLines(link)) printLine(context, line);
}

async function linkNamed(context: CliContext, name: string, links: readonly LinkDetails[]): Promise<LinkDetails> {
  const bus = await resolveBus(context, name);
  const link = linkOf(bus, links);
  if (link !== undefined) return link;
  throw new AgentError(isOnHost(bus) ? "bus.unknown" : "bus.unsupported", {
    what: isOnHost(bus)
      ? `there is no interface ${bus.interface}`
      : `${name} is no interface of this host, so the kernel counts nothing of it`,
    remedy: "see causeway bus list; causeway status has what the running agent counts",
  });
}

function linkJson(link: LinkDetails): unknown {
  const { interface: name, up, mtu, fd, controller, received, sent } = link;
  return {
    interface: name,
    state: up ? "up" : "down",
    mtu,
    fd,
    bitrate: controller?.bitrate,
    ...controllerJson(link),
    received,
    sent,
  };
}

function linkLines(link: LinkDetails): readonly string[] {
  const kind = link.kind === undefined || link.kind === "can" ? "" : `, ${link.kind}`;
  const lines = [`${link.interface}  ${stateText(link)}  ${link.fd ? "CAN FD" : "classic CAN"}${kind}`];
  const add = (name: string, text: string | undefined): void => {
    if (text !== undefined) lines.push(`  ${name.padEnd(15)} ${text}`);
  };
  if (link.controller !== undefined) for (const [name, text] of controllerLines(link.controller)) add(name, text);
  add("received", countersText(link.received));
  add("sent", countersText(link.sent));
  return lines;
}

function controllerLines(controller: ControllerDetails): readonly (readonly [string, string | undefined])[] {
  const { bitrate, samplePoint, dataBitrate, dataSamplePoint, modes, restartMs, errorCounters, events } = controller;
  return [
    ["bit rate", rateText(bitrate, samplePoint) ?? "not set: causeway bus up sets it"],
    ["data bit rate", rateText(dataBitrate, dataSamplePoint)],
    ["modes", modes.length === 0 ? undefined : modes.join(", ")],
    [
      "after bus-off",
      restartMs === undefined
        ? undefined
        : restartMs === 0
          ? "stays off until it is restarted by hand"
          : `starts again after ${restartMs} ms`,
    ],
    [
      "error counters",
      errorCounters === undefined
        ? undefined
        : `sending ${errorCounters.transmit}, receiving ${errorCounters.receive} (error-passive from 128 on)`,
    ],
    [
      "counted",
      events === undefined
        ? undefined
        : `bus errors ${events.busErrors}, arbitration lost ${events.arbitrationLost}, error-warning ${events.errorWarning}, error-passive ${events.errorPassive}, bus-off ${events.busOff}, restarts ${events.restarts}`,
    ],
  ];
}

function rateText(bits: number | undefined, samplePoint: number | undefined): string | undefined {
  if (bits === undefined) return undefined;
  return `${bitRateText(bits)}${samplePoint === undefined ? "" : `, sample point ${Math.round(samplePoint * 1000) / 10} %`}`;
}

function countersText(counters: LinkCounters | undefined): string | undefined {
  if (counters === undefined) return undefined;
  const { packets, bytes, errors, dropped } = counters;
  return `${formatCount(packets)} frames, ${formatBytes(bytes)}, ${formatCount(errors)} errors, ${formatCount(dropped)} dropped`;
}
