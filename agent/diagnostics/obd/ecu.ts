import type { BusDiagnosticsConfig } from "../../../config/diagnostics.ts";
import { largestId } from "../../ports/arbitration-id.ts";
import type { FrameFilter } from "../../ports/can-bus.ts";
import type { Functional } from "../tester/tester-bus.ts";

/** One ECU of OBD-II on a bus, by the arbitration id of its answers. */
export type ObdAddress = {
  /** 0x7e8..0x7ef, or 0x18daf1xx when `extended`; xx is the address of the ECU. */
  readonly response: number;
  readonly extended: boolean;
};

/** An ECU and its name among those of the bus. */
export type ObdEcu = ObdAddress & { readonly name: string };

/** Which ids are tried: 11 bits, 29 bits, or both. */
export type ObdAddressing = "auto" | "11-bit" | "29-bit";

const STANDARD_OFFSET = 8;
const LARGEST_STANDARD = largestId(false);
const FIRST_RESPONSE = 0x7e8;
const EXTENDED_RESPONSE = 0x18da_f100;
const EXTENDED_REQUEST = 0x18da_00f1;

/** All 11-bit ids that an ECU may answer with (ISO 15765-4). */
const STANDARD_ANSWERS: FrameFilter = { id: FIRST_RESPONSE, mask: 0x7f8, extended: false };
/** All 29-bit ids with which an ECU answers the tester F1 (ISO 15765-4). */
const EXTENDED_ANSWERS: FrameFilter = { id: EXTENDED_RESPONSE, mask: 0x1fff_ff00, extended: true };

/** Whatever an ECU of OBD-II answers with. */
export const OBD_ANSWERS: readonly FrameFilter[] = [STANDARD_ANSWERS, EXTENDED_ANSWERS];

/** Requests to all ECUs, 11 bits first. */
export function functionalOf(addressing: ObdAddressing): readonly Functional[] {
  const standard = { txId: 0x7df, extended: false, responses: [STANDARD_ANSWERS] };
  const extended = { txId: 0x18db_33f1, extended: true, responses: [EXTENDED_ANSWERS] };
  switch (addressing) {
    case "auto":
      return [standard, extended];
    case "11-bit":
      return [standard];
    case "29-bit":
      return [extended];
  }
}

/** The address whose answers have this id; undefined where no ECU of OBD-II answers so. */
export function addressOf(response: number, extended: boolean): ObdAddress | undefined {
  const { id, mask } = extended ? EXTENDED_ANSWERS : STANDARD_ANSWERS;
  return (response & mask) === id ? { response, extended } : undefined;
}

/** Id of a request to this ECU alone: 8 below its answers, or with source and target exchanged (ISO 15765-4). */
export function requestIdOf({ response, extended }: ObdAddress): number {
  return extended ? EXTENDED_REQUEST | ((response & 0xff) << 8) : response - STANDARD_OFFSET;
}

/** "0x7e8", "0x18daf110". */
export function addressText({ response, extended }: ObdAddress): string {
  return `0x${response.toString(16).padStart(extended ? 8 : 3, "0")}`;
}

/** Whether both are the same ECU of a bus. */
export function isSameAddress(left: ObdAddress, right: ObdAddress): boolean {
  return left.response === right.response && left.extended === right.extended;
}

/** The ECUs that the settings of a bus name; none where they are left to be found. */
export function namedEcus({ obd }: Pick<BusDiagnosticsConfig, "obd">): readonly ObdEcu[] {
  return (obd?.ecus ?? []).map((ecu) => ({ ...ecu, extended: ecu.response > LARGEST_STANDARD }));
}
