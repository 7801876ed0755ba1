import type { BusState } from "../../ports/can-bus.ts";
import type { Withheld } from "./tester-bus.ts";

export type TransmitGateParts = {
  readonly bus: string;
  /** Why the state of the vehicle is not one in which requests go out. */
  readonly condition: () => string | undefined;
  /** The configuration says so. */
  readonly isListenOnly: boolean;
  /** Whether the controller only listens; undefined where nothing can be asked, which counts as not listen-only. */
  readonly lookAtController: (() => Promise<boolean>) | undefined;
  /** The controller turned out to be listen-only. */
  readonly onListenOnly: () => void;
};

/**
 * Whether a bus may be sent on at this moment, for all but other testers. The mode of a controller changes only while its interface is
 * down, so that it is looked at before the first request, and whenever the bus comes up again; until it is known, nothing is sent.
 */
export class TransmitGate {
  readonly #parts: TransmitGateParts;
  #mode: "unknown" | "sends" | "listens";
  #looks = 0;

  constructor(parts: TransmitGateParts) {
    this.#parts = parts;
    this.#mode = parts.lookAtController === undefined ? "sends" : "unknown";
  }

  refusal(): Withheld | undefined {
    const { bus, isListenOnly, condition } = this.#parts;
    if (isListenOnly) return listenOnly(`bus ${bus} is listenOnly in the configuration`);
    if (this.#mode === "listens") return listenOnly(`the controller of bus ${bus} is set to listen only`);
    if (this.#mode === "unknown") return listenOnly(`whether the controller of bus ${bus} may send is not known yet`);
    const what = condition();
    return what === undefined ? undefined : { kind: "withheld", reason: "condition", what };
  }

  /** Looks at the controller. */
  async look(): Promise<void> {
    const { lookAtController, onListenOnly } = this.#parts;
    if (lookAtController === undefined) return;
    this.#looks += 1;
    const look = this.#looks;
    const listens = await lookAtController();
    // The interface has been down in between.
    if (look !== this.#looks) return;
    if (listens && this.#mode !== "listens") onListenOnly();
    this.#mode = listens ? "listens" : "sends";
  }

  /** The bus has changed its state. */
  onState(state: BusState): void {
    if (this.#parts.lookAtController === undefined) return;
    if (state === "down" || state === "absent") {
      this.#looks += 1;
      this.#mode = "unknown";
    } else if (state === "up" && this.#mode === "unknown") void this.look();
  }
}

function listenOnly(what: string): Withheld {
  return { kind: "withheld", reason: "listen-only", what };
}
