import type { MessageEntry } from "../../signals/signal-entry.ts";
import type { SignalTable } from "../../signals/signal-table.ts";
import type { Pipeline } from "../../telemetry/pipeline.ts";
import type { PidData } from "./current-data.ts";
import { obdMessageName, obdPdu } from "./obd-table.ts";

/** The way of the values of one bus into the data line. */
export class ObdValues {
  readonly #line: Pick<Pipeline, "takePdu">;
  readonly #also: (pdu: Uint8Array, receivedAtUs: number) => void;
  readonly #messages: ReadonlyMap<string, MessageEntry>;

  /** `also` gets every answer too, of PIDs that the table does not have as well. */
  constructor(
    bus: string,
    table: Pick<SignalTable, "messages">,
    line: Pick<Pipeline, "takePdu">,
    also: (pdu: Uint8Array, receivedAtUs: number) => void = () => undefined,
  ) {
    this.#line = line;
    this.#also = also;
    const own = table.messages.filter((message) => message.bus === bus && message.carriage === "pdus");
    this.#messages = new Map(own.map((message) => [keyOf(message.name, message.arbitrationId), message]));
  }

  /** Takes the data of one PID. Those of an ECU or a PID that is not in the table become no signals. */
  take(ecu: string, { pid, data }: PidData, receivedAtUs: number): void {
    const pdu = obdPdu(pid, data);
    const message = this.#messages.get(keyOf(obdMessageName(ecu), pid));
    if (message !== undefined) this.#line.takePdu(message, pdu, receivedAtUs);
    this.#also(pdu, receivedAtUs);
  }
}

function keyOf(message: string, pid: number): string {
  return `${message} ${pid}`;
}
