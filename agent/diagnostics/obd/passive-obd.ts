import type { CodeReading, SeenCode } from "../codes/trouble-code.ts";
import { dtcOf2Bytes } from "../codes/trouble-code.ts";
import type { PassivePdu } from "../isotp/passive-isotp.ts";
import { CLEAR_CODES_ANSWER } from "./clear-codes.ts";
import { codeKindOf, parseCodes } from "./code-answers.ts";
import type { CodeSink } from "./code-polls.ts";
import { CURRENT_DATA_ANSWER, parseCurrentData } from "./current-data.ts";
import { addressOf, type ObdAddress, type ObdEcu } from "./ecu.ts";
import type { KnownEcus } from "./known-ecus.ts";
import type { ObdValues } from "./obd-values.ts";
import type { OwnAnswers } from "./own-answers.ts";
import { INFO_TYPES, parseVehicleInfo, VEHICLE_INFO_ANSWER } from "./vehicle-info.ts";

export type PassiveObdParts = {
  readonly bus: string;
  readonly ecus: KnownEcus;
  readonly values: ObdValues;
  readonly codes: CodeSink;
  readonly own: OwnAnswers;
  /** An ECU answered that was not known. */
  readonly onStranger: (address: ObdAddress) => void;
  readonly onVin: (vin: string) => void;
};

/** Counts since start. */
export type PassiveCounters = {
  /** Answers that told something. */
  readonly taken: number;
  /** Not as SAE J1979 says. */
  readonly malformed: number;
  /** Of ECUs for which there is no name. */
  readonly nameless: number;
};

/** What ECUs answer to somebody else's tester: live data, codes, cleared codes and the VIN. Everything else is left alone. */
export class PassiveObd {
  readonly #parts: PassiveObdParts;
  readonly #counters = { taken: 0, malformed: 0, nameless: 0 };

  constructor(parts: PassiveObdParts) {
    this.#parts = parts;
  }

  /** Takes a PDU that was on the bus. Those for this agent are passed over. */
  take(passive: PassivePdu): void {
    const address = addressOf(passive.id, passive.extended);
    if (address === undefined || !isOfInterest(passive.pdu) || this.#parts.own.has(passive.id, passive)) return;
    const ecu = this.#ecuAt(address);
    if (ecu === undefined) {
      this.#counters.nameless += 1;
      return;
    }
    const isTaken = this.#tell(ecu, passive);
    if (isTaken) this.#counters.taken += 1;
    else this.#counters.malformed += 1;
  }

  counters(): PassiveCounters {
    return { ...this.#counters };
  }

  #ecuAt(address: ObdAddress): ObdEcu | undefined {
    const { ecus, onStranger } = this.#parts;
    const known = ecus.at(address);
    if (known !== undefined) return known;
    onStranger(address);
    return ecus.at(address);
  }

  /** Whether it could be read. */
  #tell({ name }: ObdEcu, { pdu, receivedAtUs }: PassivePdu): boolean {
    const { bus, values, codes } = this.#parts;
    switch (pdu[0]) {
      case CURRENT_DATA_ANSWER: {
        const read = parseCurrentData(pdu);
        if (read.kind === "malformed") return false;
        for (const value of read.values) values.take(name, value, receivedAtUs);
        return true;
      }
      case CLEAR_CODES_ANSWER:
        codes.noteClear({ bus, ecu: name }, "another tester");
        return true;
      case VEHICLE_INFO_ANSWER:
        return this.#tellVin(pdu);
      default:
        return this.#tellCodes(name, { pdu, receivedAtUs });
    }
  }

  #tellVin(pdu: Uint8Array): boolean {
    const read = parseVehicleInfo(pdu);
    if (read.kind === "vin") this.#parts.onVin(read.vin);
    return read.kind !== "malformed";
  }

  #tellCodes(ecu: string, { pdu, receivedAtUs }: Pick<PassivePdu, "pdu" | "receivedAtUs">): boolean {
    const { bus, codes } = this.#parts;
    const read = parseCodes(pdu);
    if (read.kind === "malformed") return false;
    const seen = read.codes.map((raw): SeenCode => ({ code: dtcOf2Bytes(raw), raw }));
    const origin = { bus, ecu, protocol: "obd" as const };
    const reading: CodeReading = { origin, list: read.of, codes: seen, timeUs: receivedAtUs };
    codes.take([reading]);
    return true;
  }
}

function isOfInterest(pdu: Uint8Array): boolean {
  const [service, type] = pdu;
  if (service === VEHICLE_INFO_ANSWER) return type === INFO_TYPES.vin;
  return service === CURRENT_DATA_ANSWER || service === CLEAR_CODES_ANSWER || codeKindOf(pdu) !== undefined;
}
