import { InvalidArgumentError, Option } from "commander";
import type { BusConfig } from "../../../config/schema.ts";
import { isOnHost } from "../../../drivers/can/controller.ts";
import { linkOf, readLinks } from "../../../drivers/can/link-details.ts";

/** Bits a second of a bus, and of the data of its FD frames with a switched bit rate; undefined where nobody says. */
export type BitRates = { readonly bitrate: number | undefined; readonly dataBitrate: number | undefined };

/** What `bitRateOptions` add to the options of a verb. */
export type BitRateOptions = { readonly bitrate?: number; readonly dbitrate?: number };

/** `--bitrate` and `--dbitrate`, as `ip link` calls them. */
export function bitRateOptions(): readonly Option[] {
  return [
    new Option(
      "--bitrate <bits>",
      "bits a second of the bus (500000, 500k, 1M); as its controller or the configuration says when absent",
    ).argParser(bitRateArgument),
    new Option(
      "--dbitrate <bits>",
      "bits a second of the data of CAN FD frames; as the controller says when absent",
    ).argParser(bitRateArgument),
  ];
}

/** Bits a second of an argument: 500000, 500k or 0.5M. Throws commander's error. */
export function bitRateArgument(text: string): number {
  const match = /^(\d{1,8}(?:\.\d{1,6})?)([kM]?)$/i.exec(text);
  const factor = match === null ? Number.NaN : { "": 1, k: 1000, m: 1_000_000 }[match[2].toLowerCase()];
  const bits = Math.round(Number(match?.[1]) * (factor ?? Number.NaN));
  if (!(bits >= 1000 && bits <= 20_000_000))
    throw new InvalidArgumentError("Give bits a second, 1000 to 20M: 500000, 500k or 1M.");
  return bits;
}

/** The rates of each of the buses: those given, else the controller's, else the configuration's. */
export async function bitRatesOf(buses: readonly BusConfig[], given: BitRateOptions): Promise<readonly BitRates[]> {
  const needsLook = buses.some(isOnHost) && (given.bitrate === undefined || given.dbitrate === undefined);
  const links = needsLook ? await readLinks() : [];
  return buses.map((bus) => {
    const controller = linkOf(bus, links)?.controller;
    return {
      bitrate: given.bitrate ?? controller?.bitrate ?? (isOnHost(bus) ? bus.bitrate : undefined),
      dataBitrate: given.dbitrate ?? controller?.dataBitrate,
    };
  });
}

/** `500 kbit/s`, `1 Mbit/s` */
export function bitRateText(bits: number): string {
  if (bits % 1_000_000 === 0) return `${bits / 1_000_000} Mbit/s`;
  return bits % 100 === 0 ? `${bits / 1000} kbit/s` : `${bits} bit/s`;
}
