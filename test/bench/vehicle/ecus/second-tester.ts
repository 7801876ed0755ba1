import type { Clock } from "../../../../agent/core/clock.ts";
import { FRAME_FLAG } from "../../../../agent/ports/frame.ts";
import type { EcuBus } from "./ecu-bus.ts";
import { FaultSwitches } from "./ecu-faults.ts";
import { IsoTpNode, type IsoTpPlace } from "./isotp-node.ts";

const PENDING = 0x78;

/** A workshop's tester that somebody else has plugged in. It needs a connection of its own to a hub. */
export class SecondTester {
  readonly #bus: EcuBus;
  readonly #clock: Clock;
  readonly #stops: (() => void)[] = [];
  /** What was asked, and what came, in order. */
  readonly log: { readonly request: Uint8Array; readonly answer: Uint8Array | undefined }[] = [];

  constructor(bus: EcuBus, clock: Clock) {
    this.#bus = bus;
    this.#clock = clock;
  }

  /** Asks one unit and waits for its answer, beyond any response pending; undefined when none comes in `patienceMs`. */
  async ask(
    place: Pick<IsoTpPlace, "rxId" | "txId" | "extended"> & Partial<IsoTpPlace>,
    request: readonly number[],
    patienceMs = 1000,
  ): Promise<Uint8Array | undefined> {
    const came: Uint8Array[] = [];
    let wake = new AbortController();
    const parts = { bus: this.#bus, clock: this.#clock, faults: new FaultSwitches() };
    const node = new IsoTpNode(parts, { padding: 0x55, ...place }, (pdu) => {
      came.push(pdu);
      wake.abort();
    });
    let answer: Uint8Array | undefined;
    await node.send(Uint8Array.from(request));
    do {
      if (came.length === 0) await this.#clock.sleep(patienceMs, wake.signal);
      wake = new AbortController();
      answer = came.shift();
    } while (answer !== undefined && answer[0] === 0x7f && answer[2] === PENDING);
    node.stop();
    this.log.push({ request: Uint8Array.from(request), answer });
    return answer;
  }

  /** A request to all; whoever answers answers. */
  async askAll(request: readonly number[], extended = false): Promise<void> {
    const data = new Uint8Array(8).fill(0x55);
    data.set([request.length, ...request]);
    const id = extended ? 0x18db_33f1 : 0x7df;
    await this.#bus.send({ id, flags: extended ? FRAME_FLAG.extended : 0, data, receivedAtUs: 0 });
  }

  /** Tester present to all every two seconds, as a workshop's tester sends while it is plugged in, until `leave`. */
  stay(): void {
    const say = (): void => void this.askAll([0x3e, 0x80]);
    say();
    this.#stops.push(this.#clock.every(2000, say));
  }

  leave(): void {
    for (const stop of this.#stops.splice(0)) stop();
  }
}
