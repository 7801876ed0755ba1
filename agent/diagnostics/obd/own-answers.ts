import type { FunctionalReply, Reply, TesterBus } from "../tester/tester-bus.ts";

/** A copy of an answer of ours may come past on the bus so much later, µs: a socket of ISO-TP and one of frames do not wait for each other. */
const COPY_US = 200_000;

/** What a positive answer adds to the service. */
const POSITIVE = 0x40;

type Own = { readonly pdu: Uint8Array; readonly receivedAtUs: number };

/**
 * Knows which answers on the bus are for this agent, so that what listens to other testers does not take them twice. Goes between a
 * tester and who asks.
 */
export class OwnAnswers {
  readonly #waiting = new Map<number, number>();
  readonly #last = new Map<number, Own>();
  /** Requests to all that are under way. */
  readonly #functional = new Set<Uint8Array>();

  /** The tester, with what it asks and gets noted. */
  noting(tester: TesterBus): TesterBus {
    return {
      bus: tester.bus,
      ask: async (ask, signal): Promise<Reply> => {
        const { rxId } = ask.ecu.address;
        this.#waiting.set(rxId, (this.#waiting.get(rxId) ?? 0) + 1);
        const reply = await tester.ask(ask, signal);
        this.#waiting.set(rxId, (this.#waiting.get(rxId) ?? 1) - 1);
        if (reply.kind === "answer") this.#last.set(rxId, reply);
        return reply;
      },
      askAll: async (functional, pdu, ...rest): Promise<FunctionalReply> => {
        this.#functional.add(pdu);
        const reply = await tester.askAll(functional, pdu, ...rest);
        this.#functional.delete(pdu);
        return reply;
      },
      sendFrame: async (...frame) => await tester.sendFrame(...frame),
      state: () => tester.state(),
    };
  }

  /** Whether an answer of the ECU that answers with `rxId` is one that this agent asked for. */
  has(rxId: number, { pdu, receivedAtUs }: Own): boolean {
    if ((this.#waiting.get(rxId) ?? 0) > 0) return true;
    if ([...this.#functional].some(([service, id]) => pdu[0] === service + POSITIVE && pdu[1] === id)) return true;
    const last = this.#last.get(rxId);
    if (last === undefined || Math.abs(receivedAtUs - last.receivedAtUs) > COPY_US) return false;
    return Buffer.compare(last.pdu, pdu) === 0;
  }
}
