import type { PidData } from "../../../agent/diagnostics/obd/current-data.ts";
import { obdTable } from "../../../agent/diagnostics/obd/obd-table.ts";
import { ObdValues } from "../../../agent/diagnostics/obd/obd-values.ts";
import { PIDS } from "../../../agent/diagnostics/obd/pid-table.ts";
import { createSignalTable } from "../../../agent/signals/build-table.ts";

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
