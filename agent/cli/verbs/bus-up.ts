import { type Command, InvalidArgumentError, Option } from "commander";
import { isOnHost } from "../../../drivers/can/controller.ts";
import { type LinkDetails, readLinks } from "../../../drivers/can/link-details.ts";
import { changeLink, type LinkSettings, networkdFile, upWords } from "../../../drivers/can/link-setup.ts";
import { AgentError, EXIT } from "../../core/errors.ts";
import { type CliContext, note, printJson, printLine } from "../context.ts";
import { resolveBus } from "../open-bus.ts";
import { bitRateArgument, bitRateText } from "../traffic/bit-rates.ts";

type UpOptions = {
  readonly bitrate?: number;
  readonly dbitrate?: number;
  readonly samplePoint?: number;
  readonly dsamplePoint?: number;
  readonly restartMs?: number;
  readonly listenOnly: boolean;
  readonly print: boolean;
};

/** `causeway bus up`. */
export function registerBusUp(bus: Command, context: CliContext): void {
  bus
    .command("up <bus>")
    .description("bring a CAN interface of this host up; without the permission it says the command that does it")
    .addOption(new Option("--bitrate <bits>", "bits a second: 500000, 500k, 1M").argParser(bitRateArgument))
    .addOption(
      new Option("--dbitrate <bits>", "bits a second of the data of CAN FD frames; turns CAN FD on").argParser(
        bitRateArgument,
      ),
    )
    .option("--sample-point <part>", "part of a bit, such as 0.875; as the kernel chooses when absent", samplePoint)
    .option("--dsample-point <part>", "the same for the data of CAN FD frames", samplePoint)
    .option("--restart-ms <ms>", "start again so long after bus-off; 0: never", restartMs)
    .option("--listen-only", "neither send nor acknowledge", false)
    .option("--print", "only say what would do it: the command, and the file of systemd-networkd", false)
    .addHelpText(
      "after",
      "\nIt holds until the next boot; a file of systemd-networkd, which is printed, does it at each. Settings of an interface that is up are not\n" +
        "changed: others may be using it. Ends with 2 when it is up already, and with 77 without the permission (CAP_NET_ADMIN).\n\n" +
        "Example:\n  causeway bus up can0 --bitrate 500k\n  causeway bus up can1 --bitrate 500k --dbitrate 2M --restart-ms 100\n  causeway bus up can0 --bitrate 250k --print",
    )
    .action(async (name: string, options: UpOptions) => bringUp(context, name, options));
}

async function bringUp(context: CliContext, name: string, options: UpOptions): Promise<void> {
  const link = await linkOf(context, name);
  const settings = settingsOf(link, options);
  const command = `ip ${upWords(link.interface, settings).join(" ")}`;
  if (options.print) return printPlan(context, link.interface, settings, command);
  if (link.up) return alreadyUp(context, link, settings);
  const change = await changeLink(upWords(link.interface, settings));
  if (change !== "done") throw refusal(context, link, settings, command, change);
  const rate = settings?.bitrate === undefined ? "" : `, ${bitRateText(settings.bitrate)}`;
  if (context.options().json) printJson(context, { schemaVersion: 1, interface: link.interface, state: "up", command });
  else
    note(
      context,
      `${link.interface} is up${rate}, until the next boot; for good: causeway bus up ${link.interface} --print`,
    );
}

async function linkOf(context: CliContext, name: string): Promise<LinkDetails> {
  const bus = await resolveBus(context, name);
  if (!isOnHost(bus)) {
    throw new AgentError("bus.unsupported", {
      what: `${name} is no interface of this host`,
      remedy: "bring it up where it is",
    });
  }
  const link = (await readLinks()).find((one) => one.interface === bus.interface);
  if (link !== undefined) return link;
  throw new AgentError("bus.unknown", {
    what: `there is no interface ${bus.interface}`,
    remedy: `check the adapter and its driver (dmesg); a virtual one is made by: ip link add dev ${bus.interface} type vcan`,
  });
}

/** Undefined for a virtual interface, which has none. Throws `usage.invalid` without a bit rate. */
function settingsOf(link: LinkDetails, options: UpOptions): LinkSettings | undefined {
  if (link.kind !== undefined && link.kind !== "can") return undefined;
  // A controller keeps the rate that it had before it went down.
  const bitrate = options.bitrate ?? (link.controller?.bitrate || undefined);
  if (bitrate === undefined) {
    throw new AgentError("usage.invalid", {
      what: `${link.interface} has no bit rate yet`,
      remedy: `say that of the bus: causeway bus up ${link.interface} --bitrate 500k (cars 500k, trucks with J1939 250k or 500k)`,
    });
  }
  return {
    bitrate: options.bitrate === undefined ? undefined : bitrate,
    samplePoint: options.samplePoint,
    dataBitrate: options.dbitrate,
    dataSamplePoint: options.dsamplePoint,
    restartMs: options.restartMs,
    listenOnly: options.listenOnly,
  };
}

function printPlan(context: CliContext, name: string, settings: LinkSettings | undefined, command: string): void {
  const [path, lines] = networkdFile(name, settings);
  if (context.options().json)
    return printJson(context, { schemaVersion: 1, interface: name, command, networkd: { path, lines } });
  for (const line of [command, "", `# for good, ${path}; then: networkctl reload`, ...lines]) printLine(context, line);
}

function alreadyUp(context: CliContext, link: LinkDetails, settings: LinkSettings | undefined): void {
  const { bitrate } = link.controller ?? {};
  const isOther = settings?.bitrate !== undefined && bitrate !== settings.bitrate;
  if (isOther) {
    throw new AgentError("usage.invalid", {
      what: `${link.interface} is up with ${bitrate === undefined ? "another bit rate" : bitRateText(bitrate)}, and a bit rate changes only while it is down`,
      remedy: `see that nobody uses it, then: ip link set ${link.interface} down`,
    });
  }
  note(context, `${link.interface} is up already`);
  if (context.options().json) printJson(context, { schemaVersion: 1, interface: link.interface, state: "up" });
  context.finish(EXIT.nothingToDo);
}

function refusal(
  context: CliContext,
  link: LinkDetails,
  settings: LinkSettings | undefined,
  command: string,
  change: "not-permitted" | "no-ip" | { readonly said: string },
): AgentError {
  if (typeof change === "object") {
    return new AgentError("bus.unavailable", {
      what: `${link.interface} did not come up: ${change.said}`,
      remedy: `check that the controller can have these rates: ip -details link show ${link.interface}`,
    });
  }
  const [path, lines] = networkdFile(link.interface, settings);
  note(context, [`for good, ${path}:`, ...lines.map((line) => `  ${line}`.trimEnd())].join("\n"));
  if (change === "no-ip") {
    return new AgentError("bus.unsupported", {
      what: "there is no ip (iproute2) on this system",
      remedy: `install it, then as root: ${command}`,
    });
  }
  return new AgentError("bus.not-permitted", {
    what: `${link.interface}: this user may not bring interfaces up`,
    remedy: `as root: ${command}`,
  });
}

function samplePoint(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value < 1)) throw new InvalidArgumentError("Give a part of a bit between 0 and 1, such as 0.875.");
  return value;
}

function restartMs(text: string): number {
  const value = Number(text);
  if (!(Number.isSafeInteger(value) && value >= 0 && value <= 3_600_000))
    throw new InvalidArgumentError("Give milliseconds, 0 to an hour.");
  return value;
}
