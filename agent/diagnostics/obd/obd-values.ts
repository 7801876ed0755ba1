import type { MessageEntry } from "../../signals/signal-entry.ts";
import type { SignalTable } from "../../signals/signal-table.ts";
import type { Pipeline } from "../../telemetry/pipeline.ts";
import type { PidData } from "./current-data.ts";
import { obdMessageName, obdPdu } from "./obd-table.ts";

/** The way of the values of one bus into the data line. */
export class ObdValues {
  readonly #line: Pick<Pipeline, "takePdu">;
  readonly #messages: ReadonlyMap<string, MessageEntry>;

  constructor(bus: string, table: Pick<SignalTable, "messages">, line: Pick<Pipeline, "takePdu">) {
    this.#line = line;
    const own = table.messages.filter((message) => message.bus === bus && message.carriage === "pdus");
    this.#messages = new Map(own.map((message) => [keyOf(message.name, message.arbitrationId), message]));
  }

  /** Takes the data of one PID. Of an ECU or a PID that is not in the table nothing becomes of it. */
  take(ecu: string, { pid, data }: PidData, receivedAtUs: number): void {
    const message = this.#messages.get(keyOf(obdMessageName(ecu), pid));
    if (message !== undefined) this.#line.takePdu(message, obdPdu(pid, data), receivedAtUs);
  }
}

function keyOf(message: string, pid: number): string {
  return `${message} ${pid}`;
}
