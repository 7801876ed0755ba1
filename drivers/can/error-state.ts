import type { BusState } from "../../agent/ports/can-bus.ts";
import { FRAME_DATA_OFFSET, FRAME_FLAG, FRAME_STRIDE_BYTES, type FrameBatch } from "../../agent/ports/frame.ts";

/** Error class bits in the id of an error frame (linux/can/error.h, "error class (mask) in can_id"). */
export const ERROR_CLASS = { controller: 0x004, busOff: 0x040, restarted: 0x100 } as const;

/** Bits of data byte 1 of an error frame of class `controller` (linux/can/error.h, "error status of CAN-controller / data[1]"). */
export const CONTROLLER_STATUS = { warning: 0x0c, passive: 0x30, active: 0x40 } as const;

/** What is known of the interface of a bus, or of the way to it. */
export type InterfaceState = "up" | "down" | "absent";
type ErrorState = "active" | "error-passive" | "bus-off";

/**
 * Joins what is known of the interface with what its error frames say, and reports each change once.
 *
 * Bus-off ends with the controller's restart or with the next data frame, since no controller receives while it is bus-off.
 * Error-passive ends only with an error frame that says so: an error-passive controller goes on receiving.
 */
export class BusStateTracker {
  readonly #report: (state: BusState, detail: string) => void;
  #link: InterfaceState | undefined;
  #linkDetail = "";
  #error: ErrorState = "active";
  #reported: BusState | undefined;

  constructor(report: (state: BusState, detail: string) => void) {
    this.#report = report;
  }

  get isBusOff(): boolean {
    return this.#error === "bus-off";
  }

  /** The interface changed. A controller that was stopped starts again error-active. */
  link(state: InterfaceState, detail: string): void {
    if (state !== this.#link) this.#error = "active";
    this.#link = state;
    this.#linkDetail = detail;
    this.#reportChange();
  }

  /** Call after handing on a batch. Costs nothing when there is nothing to learn from it. */
  frames(batch: FrameBatch, errorFrames: number): void {
    if (errorFrames === 0 && this.#error !== "bus-off") return;
    for (let index = 0; index < batch.count; index += 1) {
      if ((batch.flags(index) & FRAME_FLAG.error) === 0) {
        if (this.#error === "bus-off") this.#error = "active";
      } else {
        this.#error = afterErrorFrame(this.#error, batch, index);
      }
      this.#reportChange();
    }
  }

  #reportChange(): void {
    if (this.#link === undefined) return;
    const state = this.#link === "up" && this.#error !== "active" ? this.#error : this.#link;
    if (state === this.#reported) return;
    this.#reported = state;
    this.#report(state, describe(state, this.#linkDetail));
  }
}

function afterErrorFrame(before: ErrorState, batch: FrameBatch, index: number): ErrorState {
  const errorClass = batch.id(index);
  if ((errorClass & ERROR_CLASS.busOff) !== 0) return "bus-off";
  if ((errorClass & ERROR_CLASS.restarted) !== 0) return "active";
  if ((errorClass & ERROR_CLASS.controller) === 0 || batch.length(index) < 2) return before;
  const status = batch.bytes[index * FRAME_STRIDE_BYTES + FRAME_DATA_OFFSET + 1];
  if ((status & CONTROLLER_STATUS.passive) !== 0) return "error-passive";
  return (status & (CONTROLLER_STATUS.warning | CONTROLLER_STATUS.active)) === 0 ? before : "active";
}

function describe(state: BusState, linkDetail: string): string {
  switch (state) {
    case "error-passive":
      return "the controller counts many errors: check termination, bit rate and wiring";
    case "bus-off":
      return "the controller left the bus after too many errors; it receives nothing until it is restarted";
    case "up":
    case "down":
    case "absent":
      return linkDetail;
  }
}
