import type { MessageEntry } from "../../signals/signal-entry.ts";
import type { SignalTable } from "../../signals/signal-table.ts";
import { LOCATION_BUS } from "../../telemetry/campaigns/plan/position-signals.ts";
import type { Fix } from "./fix.ts";
import { LOCATION_MESSAGE, type LocationPdu, locationPdus, NO_FIX, odometerPdu } from "./location-table.ts";

/** Takes a PDU into the line of samples; see `Pipeline.takePdu`. */
export type TakePdu = (message: MessageEntry, bytes: Uint8Array, timeUs: number) => void;

/** What has passed the gate, as samples of `location.*`. */
export class LocationSignals {
  readonly #messages: readonly MessageEntry[];
  readonly #take: TakePdu;
  #timeUs = 0;
  /** Of the newest fix, by message. */
  #told = new Map<number, string>();

  constructor({ messages }: Pick<SignalTable, "messages">, take: TakePdu) {
    this.#messages = messages.filter(({ bus, name }) => bus === LOCATION_BUS && name === LOCATION_MESSAGE);
    this.#take = take;
  }

  /** `timeUs`: of the samples. A fix of the same moment as the one before adds what it knows more. */
  take(fix: Fix, timeUs: number): void {
    if (timeUs !== this.#timeUs) this.#told = new Map();
    this.#timeUs = timeUs;
    for (const pdu of locationPdus(fix)) this.#tell(pdu, timeUs);
  }

  /** The way by position, m. */
  takeOdometer(metres: number, timeUs: number): void {
    this.#tell(odometerPdu(metres), timeUs);
  }

  /** There is no fix any more. */
  takeNone(timeUs: number): void {
    this.#told = new Map();
    this.#tell(NO_FIX, timeUs);
  }

  #tell({ id, bytes }: LocationPdu, timeUs: number): void {
    const key = bytes.join();
    const message = this.#messages.find(({ arbitrationId }) => arbitrationId === id);
    if (message === undefined || this.#told.get(id) === key) return;
    this.#told.set(id, key);
    this.#take(message, bytes, timeUs);
  }
}
