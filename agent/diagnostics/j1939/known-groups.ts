import type { Lamps } from "../../telemetry/record/encode/trouble-code.ts";
import type { SeenCode } from "../codes/trouble-code.ts";
import { FREEZE_FRAME_GROUP, parseFreezeFrames } from "./freeze-frames.ts";
import { GROUP } from "./groups.ts";
import {
  type Calibration,
  IDENTIFICATION,
  parseCalibrations,
  parseComponent,
  parseSoftware,
  parseVin,
} from "./identification.ts";
import { nameIn } from "./name.ts";
import { parseReadiness, READINESS_GROUP, type Readiness } from "./readiness.ts";
import { CODE_MESSAGES, parseCodeMessage } from "./trouble-codes.ts";

/** What a message says, where its group is one that this room reads. */
export type GroupContent =
  | { readonly kind: "codes"; readonly lamps: Lamps | undefined; readonly codes: readonly SeenCode[] }
  | { readonly kind: "readiness"; readonly readiness: Readiness }
  | { readonly kind: "calibrations"; readonly calibrations: readonly Calibration[] }
  | { readonly kind: "fields"; readonly fields: Readonly<Record<string, string>> }
  | { readonly kind: "claim"; readonly name: bigint };

/** Groups that may be asked for by a name. */
export const GROUP_NAMES: ReadonlyMap<string, number> = new Map([
  ...[...CODE_MESSAGES].map(([pgn, { name }]) => [name.toLowerCase(), pgn] as const),
  ["dm4", FREEZE_FRAME_GROUP],
  ["dm5", READINESS_GROUP],
  ["dm19", IDENTIFICATION.calibrations],
  ["vin", IDENTIFICATION.vin],
  ["component", IDENTIFICATION.component],
  ["software", IDENTIFICATION.software],
  ["claim", GROUP.addressClaim],
]);

/** Reads a message of one of `GROUP_NAMES`; undefined for another group, and for one that is too short. */
export function readGroup(pgn: number, data: Uint8Array): GroupContent | undefined {
  if (CODE_MESSAGES.has(pgn)) {
    const message = parseCodeMessage(data);
    return message === undefined ? undefined : { kind: "codes", ...message };
  }
  switch (pgn) {
    case FREEZE_FRAME_GROUP:
      return { kind: "codes", lamps: undefined, codes: parseFreezeFrames(data).frames };
    case READINESS_GROUP: {
      const readiness = parseReadiness(data);
      return readiness === undefined ? undefined : { kind: "readiness", readiness };
    }
    case IDENTIFICATION.calibrations:
      return { kind: "calibrations", calibrations: parseCalibrations(data) };
    case IDENTIFICATION.vin:
      return { kind: "fields", fields: { vin: parseVin(data) } };
    case IDENTIFICATION.component:
      return { kind: "fields", fields: parseComponent(data) };
    case IDENTIFICATION.software:
      return { kind: "fields", fields: { software: parseSoftware(data).join(", ") } };
    case GROUP.addressClaim: {
      const name = nameIn(data);
      return name === undefined ? undefined : { kind: "claim", name };
    }
    default:
      return undefined;
  }
}
