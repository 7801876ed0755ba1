import { GLOBAL_ADDRESS, groupAt, groupBytes } from "./groups.ts";

/** What a node says to a request that it does not answer with the group itself, by its control byte (SAE J1939-21, 5.4.4); the last of another one. */
export const MEANINGS = ["acknowledged", "not-supported", "denied", "busy", "unknown"] as const;
export type Meaning = (typeof MEANINGS)[number];

/** An acknowledgement of somebody. */
export type Acknowledgement = {
  readonly meaning: Meaning;
  /** The group that was asked for. */
  readonly pgn: number;
  /** Whose request it is; 255 of nodes that do not say. */
  readonly asker: number;
};

const ACKNOWLEDGEMENT_BYTES = 8;
const NOT_SUPPORTED = 1;
const UNUSED = 0xff;

/** Reads group 59392; undefined where it has not eight bytes. */
export function parseAcknowledgement(data: Uint8Array): Acknowledgement | undefined {
  if (data.length !== ACKNOWLEDGEMENT_BYTES) return undefined;
  return {
    meaning: MEANINGS.at(Math.min(data[0], MEANINGS.length - 1)) ?? "unknown",
    asker: data[4],
    pgn: groupAt(data, 5),
  };
}

/** Whether it may be the answer to a request of `own` for `pgn`. */
export function acknowledges({ pgn, asker }: Acknowledgement, asked: number, own: number): boolean {
  return pgn === asked && (asker === own || asker === GLOBAL_ADDRESS);
}

/** "Not supported": what a node has to say to `asker` who wants a group that it does not have. */
export function notSupportedBytes(asker: number, pgn: number): Uint8Array {
  return Uint8Array.of(NOT_SUPPORTED, UNUSED, UNUSED, UNUSED, asker, ...groupBytes(pgn));
}
