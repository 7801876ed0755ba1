import type { CodeReading } from "../../../agent/diagnostics/codes/trouble-code.ts";
import { DEFAULT_ISOTP } from "../../../agent/diagnostics/isotp/default-settings.ts";
import { createFrameIsoTp } from "../../../agent/diagnostics/isotp/frame-isotp.ts";
import type { CodeSink } from "../../../agent/diagnostics/obd/code-polls.ts";
import type { PidData } from "../../../agent/diagnostics/obd/current-data.ts";
import { obdTable } from "../../../agent/diagnostics/obd/obd-table.ts";
import { ObdValues } from "../../../agent/diagnostics/obd/obd-values.ts";
import { PIDS } from "../../../agent/diagnostics/obd/pid-table.ts";
import { BusTester, type TesterSettings } from "../../../agent/diagnostics/tester/bus-tester.ts";
import type { FrameTap } from "../../../agent/diagnostics/tester/frame-tap.ts";
import { type CanFrame, FRAME_FLAG } from "../../../agent/ports/frame.ts";
import { createSignalTable } from "../../../agent/signals/build-table.ts";
import type { CodeOrigin } from "../../../agent/telemetry/record/encode/trouble-code.ts";
import { Wire } from "../../bench/vehicle/ecus/ecu-bus.ts";
import { type EcusSettings, VehicleEcus } from "../../bench/vehicle/ecus/vehicle-ecus.ts";
import { ManualClock } from "../core/clock.ts";

/** A data line that remembers what it took, as "ECU PID DATA", hexadecimal. */
export class TakenValues {
  readonly list: string[] = [];
  readonly times: number[] = [];
  readonly sink: ObdValues;

  /** With all PIDs of these ECUs in its table. */
  constructor(ecus: readonly string[] = ["engine", "transmission"], bus = "can0") {
    const table = createSignalTable([obdTable({ bus, ecus, pids: PIDS.map(({ pid }) => pid), file: "test" })]);
    this.sink = new ObdValues(bus, table, {
      takePdu: ({ name }, pdu, receivedAtUs) => {
        const [, pid, ...data] = pdu;
        this.list.push(`${name.replace("obd.", "")} ${hexOf({ pid, data: Uint8Array.from(data) })}`);
        this.times.push(receivedAtUs);
      },
    });
  }
}

function hexOf({ pid, data }: PidData): string {
  return `${pid.toString(16).padStart(2, "0")} ${Buffer.from(data).toString("hex")}`;
}

/** What readings of codes are told to, as "ECU LIST CODE CODE", with the freeze data apart. */
export class TakenCodes implements CodeSink {
  readonly list: string[] = [];
  readonly readings: CodeReading[] = [];
  readonly cleared: string[] = [];
  /** Codes that want no freeze frame any more. */
  readonly known = new Set<string>();

  take(readings: readonly CodeReading[]): void {
    this.readings.push(...readings);
    for (const { origin, list, codes } of readings) {
      for (const { code } of codes) this.known.add(code);
      this.list.push([origin.ecu, list, ...codes.map(({ code }) => code)].join(" "));
    }
  }

  wantsFreeze(_origin: CodeOrigin, codes: readonly string[]): readonly string[] {
    return codes.filter((code) => !this.known.has(code));
  }

  noteClear({ bus, ecu = "all" }: { readonly bus: string; readonly ecu?: string | undefined }, by: string): void {
    this.cleared.push(`${bus} ${ecu} by ${by}`);
  }
}

const TESTER: TesterSettings = {
  requestsPerSecond: 100,
  busLoadShare: 0.5,
  bitRate: 500_000,
  silenceMs: 60_000,
  backOff: { firstMs: 10_000, longestMs: 3_600_000 },
  pendingMs: 120_000,
  isotp: DEFAULT_ISOTP,
};

/** A bus in memory with the bench's control units, and a tester with our own ISO-TP on it; a fake clock. */
export class VehicleRig {
  readonly clock = new ManualClock();
  readonly wire = new Wire(() => this.clock.wallUs());
  readonly ecus: VehicleEcus;
  readonly tap: FrameTap;
  readonly tester: BusTester;

  constructor(settings: EcusSettings) {
    const { clock, wire } = this;
    this.ecus = new VehicleEcus(wire.node(), clock, settings);
    const node = wire.node();
    this.tap = {
      on: (filters, take) =>
        node.listen((frame) => {
          const isExtended = (frame.flags & FRAME_FLAG.extended) !== 0;
          const isWanted = filters.some(
            ({ id, mask, extended }) => extended === isExtended && (frame.id & mask) === id,
          );
          if (isWanted) take(frame);
        }),
    };
    const bus = { name: "can0", send: async (frame: CanFrame) => node.send(frame) };
    this.tester = new BusTester({
      bus,
      isotp: createFrameIsoTp({ bus: bus.name, send: bus.send, tap: this.tap, clock }),
      tap: this.tap,
      settings: TESTER,
      refusal: () => undefined,
      notice: () => undefined,
      clock,
    });
  }
}
