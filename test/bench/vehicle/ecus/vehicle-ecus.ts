import type { Clock } from "../../../../agent/core/clock.ts";
import type { DiagnosticUnit } from "./diagnostic-unit.ts";
import type { EcuBus } from "./ecu-bus.ts";
import type { FaultMemory, FaultNote } from "./fault-memory.ts";
import type { IsoTpPlace } from "./isotp-node.ts";
import { J1939Ecu } from "./j1939-ecu.ts";
import { ObdEcu } from "./obd-ecu.ts";
import { ENGINE_PIDS, GEARBOX_PIDS } from "./obd-values.ts";
import { UdsEcu } from "./uds-ecu.ts";

/** The vehicle identification number of the bench's vehicle, whose check digit is right. */
export const BENCH_VIN = "1M8GDM9AXKP042788";
/** Legislated OBD asks a tester and its units to fill frames up. */
const OBD_PADDING = 0x00;

/** Which units there are, and how they speak. */
export type EcusSettings = {
  /** 11 or 29 bits; undefined for a vehicle without OBD units. */
  readonly obdIds?: 11 | 29 | undefined;
  /** Frame size of the body controller: 8, or up to 64 for CAN FD; undefined for a vehicle without it. */
  readonly bodyFrameBytes?: number | undefined;
  /** Whether there is a truck's engine. */
  readonly isTruck?: boolean | undefined;
  /** Seconds of the drive at the start; the vehicle stands still when `isParked`. */
  readonly startSeconds?: number | undefined;
  readonly isParked?: boolean | undefined;
};

/** A passenger car's: OBD of 11 bits and the body controller. */
export const CAR: EcusSettings = { obdIds: 11, bodyFrameBytes: 8 };

/** The control units of the bench's vehicle on one bus. */
export class VehicleEcus {
  readonly engine: ObdEcu | undefined;
  readonly gearbox: ObdEcu | undefined;
  readonly body: UdsEcu | undefined;
  readonly truck: J1939Ecu | undefined;
  /** Whether the vehicle stands still, at the second of its drive at which it stopped. */
  isParked: boolean;
  readonly #clock: Clock;
  readonly #startMs: number;

  constructor(bus: EcuBus, clock: Clock, settings: EcusSettings = CAR) {
    const { obdIds, bodyFrameBytes, isTruck, startSeconds = 0 } = settings;
    this.isParked = settings.isParked ?? false;
    this.#clock = clock;
    this.#startMs = clock.monotonicMs() - startSeconds * 1000;
    // A parked vehicle is one at the start of its drive, which begins with four seconds of standstill.
    const seconds = (): number => (this.isParked ? 0 : this.seconds);
    const parts = { bus, clock, seconds };
    if (obdIds !== undefined) {
      const [first, second] = PLACES[obdIds];
      this.engine = new ObdEcu("engine", parts, first, { ...ENGINE, pids: ENGINE_PIDS, vin: BENCH_VIN });
      this.gearbox = new ObdEcu("gearbox", parts, second, { ...GEARBOX, pids: GEARBOX_PIDS });
    }
    if (bodyFrameBytes !== undefined) {
      this.body = new UdsEcu("body", parts, { ...BODY, frameBytes: bodyFrameBytes }, BENCH_VIN);
    }
    if (isTruck === true) this.truck = new J1939Ecu("truck-engine", parts, TRUCK);
    this.truck?.start();
  }

  /** Seconds that it has driven. */
  get seconds(): number {
    return (this.#clock.monotonicMs() - this.#startMs) / 1000;
  }

  /** Trouble codes by unit. */
  get memories(): readonly FaultMemory[] {
    const units = [this.engine, this.gearbox, this.body, this.truck];
    return units.flatMap((unit) => (unit === undefined ? [] : [unit.memory]));
  }

  /** Trouble codes of one unit. Throws for a unit that this vehicle does not have. */
  memory(name: string): FaultMemory {
    const found = [this.engine, this.gearbox, this.body, this.truck].find((one) => one?.memory.ecu === name);
    if (found === undefined) throw new Error(`this vehicle has no unit ${name}`);
    return found.memory;
  }

  /** Those that answer over ISO-TP. */
  get units(): readonly DiagnosticUnit[] {
    return [this.engine, this.gearbox, this.body].flatMap((one) => (one === undefined ? [] : [one.unit]));
  }

  /** One of them. Throws for one that this vehicle does not have. */
  unit(name: string): DiagnosticUnit {
    const found = this.units.find((one) => one.name === name);
    if (found === undefined) throw new Error(`this vehicle has no unit ${name}`);
    return found;
  }

  /** Everything that became of trouble codes, of all units, in order. */
  get notes(): readonly FaultNote[] {
    return this.memories.flatMap(({ notes }) => notes).toSorted((left, right) => left.atUs - right.atUs);
  }

  stop(): void {
    for (const unit of this.units) unit.stop();
    this.truck?.stop();
  }
}

function obdPlace(rxId: number, txId: number): IsoTpPlace {
  const extended = rxId > 0x7ff;
  return { rxId, txId, functionalId: extended ? 0x18db_33f1 : 0x7df, extended, padding: OBD_PADDING };
}

/** Engine and gearbox (SAE J1979, ISO 15765-4). */
const PLACES = {
  11: [obdPlace(0x7e0, 0x7e8), obdPlace(0x7e1, 0x7e9)],
  29: [obdPlace(0x18da_10f1, 0x18da_f110), obdPlace(0x18da_18f1, 0x18da_f118)],
} as const;

const ENGINE = {
  calibrations: [
    { id: "BENCH-ECM-0412", cvn: 0x1791_bc82 },
    { id: "BENCH-ECM-DATA7", cvn: 0x3e56_0004 },
  ],
  name: "ECM-EngineControl",
  takesSeveral: true,
};
const GEARBOX = {
  calibrations: [{ id: "BENCH-TCM-0007", cvn: 0x0000_84f1 }],
  name: "TCM-Transmission",
  takesSeveral: false,
};

/** As in config/ecus.example.yaml; every eighth frame waits for flow control, 1 ms apart. */
const BODY: IsoTpPlace = {
  rxId: 0x740,
  txId: 0x748,
  extended: false,
  padding: 0x55,
  flow: { blockSize: 8, separation: 1 },
};

/** NAME: identity 4711, manufacturer 10, engine (function 0), on-highway (industry group 1), keeps its address. */
const TRUCK = {
  address: 0x00,
  name: (1n << 60n) | (10n << 21n) | 4711n,
  vin: BENCH_VIN,
  component: ["BENCH", "D13-500", "SN004711", "U1"],
  software: ["BENCH-ENG-07.31"],
  sendsSpeed: false,
};
