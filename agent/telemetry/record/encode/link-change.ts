import type { ProtobufWriter } from "./protobuf-writer.ts";

/** Field numbers of config/proto/telemetry.proto. */
const CHANGE = { link: 1, cost: 2, metered: 3, modem: 4, reason: 5, untold: 6, timeUs: 7 } as const;
const MODEM = { state: 1, failure: 2, registration: 3, operator: 4, technology: 5, signalPercent: 6 } as const;

/** Names come from the network; what is longer is cut, so that a change always fits its record. */
const MAX_NAME_CHARACTERS = 100;

/** Why a change of the link is told: the first that holds. */
export const LINK_REASONS = ["start", "link", "metered", "roaming", "modem"] as const;
export type LinkReason = (typeof LINK_REASONS)[number];

/** How a modem stands, in ModemManager's words. */
export type ModemStanding = {
  readonly state: string;
  /** Why it failed; "" where it has not. */
  readonly failure: string;
  readonly registration: string;
  /** Name or code of the network's operator. */
  readonly operator: string;
  /** "5g lte", best first. */
  readonly technology: string;
  /** Undefined where it is not known. */
  readonly signalPercent: number | undefined;
};

/** Another network interface leads to the broker, or what is known of it has changed. */
export type LinkChange = {
  /** As the kernel calls it; "" while there was none yet. */
  readonly link: string;
  /** "free", "low" or "high". */
  readonly cost: string;
  readonly metered: boolean;
  readonly modem: ModemStanding | undefined;
  readonly reason: LinkReason;
  /** Changes before this one that were not told, as there were too many. */
  readonly untold: number;
  /** µs since the Unix epoch. */
  readonly timeUs: number;
};

/** Writes the `LinkChange` message as field `field`. */
export function writeLinkChange(writer: ProtobufWriter, field: number, change: LinkChange): void {
  writer.begin(field, 128);
  writer.stringField(CHANGE.link, cut(change.link));
  writer.stringField(CHANGE.cost, change.cost);
  writer.uintField(CHANGE.metered, change.metered ? 1 : 0);
  if (change.modem !== undefined) writeModem(writer, change.modem);
  writer.stringField(CHANGE.reason, change.reason);
  writer.uintField(CHANGE.untold, change.untold);
  writer.sintField(CHANGE.timeUs, change.timeUs);
  writer.end();
}

function writeModem(writer: ProtobufWriter, modem: ModemStanding): void {
  writer.begin(CHANGE.modem, 64);
  writer.stringField(MODEM.state, modem.state);
  writer.stringField(MODEM.failure, modem.failure);
  writer.stringField(MODEM.registration, modem.registration);
  writer.stringField(MODEM.operator, cut(modem.operator));
  writer.stringField(MODEM.technology, cut(modem.technology));
  if (modem.signalPercent !== undefined) writer.presentUintField(MODEM.signalPercent, modem.signalPercent);
  writer.end();
}

function cut(text: string): string {
  return text.slice(0, MAX_NAME_CHARACTERS);
}
