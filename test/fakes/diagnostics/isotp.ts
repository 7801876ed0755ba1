import { AgentError } from "../../../agent/core/errors.ts";
import type {
  IsoTp,
  IsoTpAddress,
  IsoTpChannel,
  IsoTpCounters,
  IsoTpFunctionalAddress,
  IsoTpSettings,
  IsoTpSink,
} from "../../../agent/ports/isotp.ts";

/** A PDU that went out. */
export type SentPdu = { readonly txId: number; readonly pdu: Uint8Array; readonly isFunctional: boolean };

type Open = { readonly address: IsoTpAddress; readonly sink: IsoTpSink };

/** ISO-TP without frames: PDUs that are sent are kept, and those of an ECU come when the test says so. */
export class FakeIsoTp implements IsoTp {
  readonly kind = "frames";
  readonly sent: SentPdu[] = [];
  /** Called after each PDU that is sent, as an ECU that answers would. */
  onSent: (sent: SentPdu) => void = () => undefined;
  /** `send` rejects with it when set. */
  sendFault: AgentError | undefined;
  /** While true, a `send` ends only with its signal or its channel. */
  isStuck = false;
  readonly #open = new Set<Open>();

  open(address: IsoTpAddress, _settings: IsoTpSettings, sink: IsoTpSink): IsoTpChannel {
    const opened = { address, sink };
    this.#open.add(opened);
    const closing = new AbortController();
    return {
      send: async (pdu, signal) => {
        if (this.isStuck) await endOf(AbortSignal.any([closing.signal, ...(signal === undefined ? [] : [signal])]));
        this.#take({ txId: address.txId, pdu: pdu.slice(), isFunctional: false });
      },
      close: () => {
        closing.abort();
        this.#open.delete(opened);
      },
    };
  }

  async sendFunctional(address: IsoTpFunctionalAddress, _settings: IsoTpSettings, pdu: Uint8Array): Promise<void> {
    this.#take({ txId: address.txId, pdu: pdu.slice(), isFunctional: true });
  }

  counters(): IsoTpCounters {
    return { sent: this.sent.length, received: 0, faults: 0, ignored: 0 };
  }

  close(): void {
    this.#open.clear();
  }

  /** Conversations that are open, by the id of their answers. */
  openIds(): readonly number[] {
    return [...this.#open].map(({ address }) => address.rxId);
  }

  /** An ECU sends a PDU; gives whether anybody listened. */
  answer(rxId: number, pdu: Uint8Array, receivedAtUs = 0): boolean {
    const taking = [...this.#open].filter(({ address }) => address.rxId === rxId);
    for (const { sink } of taking) sink.onPdu(pdu, receivedAtUs);
    return taking.length > 0;
  }

  /** A reception breaks. */
  fail(rxId: number, fault: AgentError): void {
    for (const { address, sink } of this.#open) if (address.rxId === rxId) sink.onFault(fault);
  }

  #take(sent: SentPdu): void {
    if (this.sendFault !== undefined) throw this.sendFault;
    this.sent.push(sent);
    this.onSent(sent);
  }
}

async function endOf(signal: AbortSignal): Promise<never> {
  await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
  throw new AgentError("isotp.aborted", { what: "the conversation was ended", remedy: "none is needed" });
}
