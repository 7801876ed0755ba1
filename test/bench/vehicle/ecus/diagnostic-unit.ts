import type { Clock } from "../../../../agent/core/clock.ts";
import type { EcuBus } from "./ecu-bus.ts";
import { FaultSwitches } from "./ecu-faults.ts";
import { IsoTpNode, type IsoTpPlace } from "./isotp-node.ts";

const NEGATIVE = 0x7f;
const PENDING = 0x78;

/** What a unit says to a request: an answer, a negative answer by its code, or nothing. */
export type Said = readonly number[] | { readonly negative: number } | undefined;

/** Bus and time of a unit. `seconds` is how long the vehicle has driven. */
export type UnitParts = { readonly bus: EcuBus; readonly clock: Clock; readonly seconds: () => number };

/**
 * One control unit that answers requests over ISO-TP, one after the other, with all that can be set wrong on the way. What it answers is
 * the given function. Counts what it was asked.
 */
export class DiagnosticUnit {
  readonly name: string;
  readonly faults = new FaultSwitches();
  /** Requests that came whole, by service; what it sent as answers, response pending included. */
  readonly asked = new Map<number, number>();
  answers = 0;
  /** Told of each request by its service, whether it is answered or not. */
  onRequest: (service: number) => void = () => undefined;
  readonly #clock: Clock;
  readonly #node: IsoTpNode;
  readonly #answer: (request: Uint8Array, isFunctional: boolean) => Said;
  readonly #stopping = new AbortController();
  #turn: Promise<void> = Promise.resolve();

  constructor(
    name: string,
    parts: UnitParts,
    place: IsoTpPlace,
    answer: (request: Uint8Array, isFunctional: boolean) => Said,
  ) {
    this.name = name;
    this.#clock = parts.clock;
    this.#answer = answer;
    const { bus, clock } = parts;
    this.#node = new IsoTpNode({ bus, clock, faults: this.faults }, place, (pdu, isFunctional) => {
      this.#turn = this.#turn.then(() => this.#serve(pdu, isFunctional));
    });
  }

  /** Requests of all services. */
  get requests(): number {
    return [...this.asked.values()].reduce((sum, one) => sum + one, 0);
  }

  /** A PDU of its own accord, as a broken unit may send. */
  async say(pdu: readonly number[]): Promise<void> {
    this.answers += 1;
    await this.#node.send(Uint8Array.from(pdu));
  }

  stop(): void {
    this.#stopping.abort();
    this.#node.stop();
  }

  async #serve(request: Uint8Array, isFunctional: boolean): Promise<void> {
    const [service] = request;
    if (service === undefined) return;
    this.onRequest(service);
    if (this.faults.now.silent) return;
    this.asked.set(service, (this.asked.get(service) ?? 0) + 1);
    if (this.faults.now.delayMs > 0) await this.#clock.sleep(this.faults.now.delayMs, this.#stopping.signal);
    const forced = this.faults.takesNegative(service);
    if (forced !== undefined) return await this.say([NEGATIVE, service, forced]);
    if (!(await this.#keepWaiting(service))) return;
    const said = this.#answer(request, isFunctional);
    if (said === undefined || this.#stopping.signal.aborted || this.faults.now.silent) return;
    if (!("negative" in said)) await this.say(said);
    else if (!isFunctional || !HIDDEN_WHEN_FUNCTIONAL.includes(said.negative)) {
      await this.say([NEGATIVE, service, said.negative]);
    }
  }

  /** False when no answer follows. */
  async #keepWaiting(service: number): Promise<boolean> {
    for (let sent = 0; ; sent += 1) {
      const { pendings, pendingEveryMs } = this.faults.now;
      if (pendings !== "always" && sent >= pendings) return true;
      await this.say([NEGATIVE, service, PENDING]);
      await this.#clock.sleep(pendingEveryMs, this.#stopping.signal);
      if (this.#stopping.signal.aborted) return false;
    }
  }
}

/** Negative answers that a functional request does not get (ISO 14229-1, 7.5.5): service, subfunction and range not supported, not in this session. */
const HIDDEN_WHEN_FUNCTIONAL: readonly number[] = [0x11, 0x12, 0x31, 0x7e, 0x7f];
