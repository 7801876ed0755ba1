import type { Ecu } from "../../../config/ecu.ts";
import type { Clock } from "../../core/clock.ts";
import type { ActGuard } from "../ecu-acts.ts";
import type { AskedEcu, TesterBus, Who } from "../tester/tester-bus.ts";
import { AccessTurns } from "./access-turns.ts";
import { nrcOf } from "./nrc.ts";
import type { UdsOutcome } from "./outcome.ts";
import { repeatedBytes } from "./requests.ts";

/** How often a request is sent to an ECU that says "busy, repeat request". */
const BUSY_TRIES = 4;
/** Before the first repetition; twice as long before each one after. */
const BUSY_WAIT_MS = 100;
/** What the way to an ECU and back takes besides its own time, ms (ISO 14229-2, delta P2). */
const TRANSPORT_MS = 250;

/** An answer, from the service on. `receivedAtUs` is µs since the Unix epoch. */
export type Answered = { readonly pdu: Uint8Array; readonly receivedAtUs: number };

/** One ECU and who asks it. */
export type UdsAskerParts = {
  readonly tester: TesterBus;
  readonly ecu: Ecu;
  readonly who: Who;
  readonly clock: Clock;
  /** Shared by all who ask the ECU; its own when absent. */
  readonly turns?: AccessTurns | undefined;
};

/** Asks one ECU: its timing, and the repetitions that it wants itself. */
export class UdsAsker {
  readonly ecu: Ecu;
  readonly clock: Clock;
  readonly turns: AccessTurns;
  readonly #parts: UdsAskerParts;
  readonly #address: AskedEcu;
  #timing: { readonly p2Ms: number; readonly p2StarMs: number };

  constructor(parts: UdsAskerParts) {
    this.ecu = parts.ecu;
    this.clock = parts.clock;
    this.turns = parts.turns ?? new AccessTurns();
    this.#parts = parts;
    this.#address = askedEcu(parts.ecu);
    this.#timing = parts.ecu.timing;
  }

  /** What the ECU says of its own time in a session; what the way takes is added. Back to the catalogue's where it is undefined. */
  setTiming(server: { readonly p2Ms: number; readonly p2StarMs: number } | undefined): void {
    const { timing } = this.ecu;
    this.#timing =
      server === undefined ? timing : { p2Ms: server.p2Ms + TRANSPORT_MS, p2StarMs: server.p2StarMs + TRANSPORT_MS };
  }

  /** Sends a request, again where the ECU says that it is busy, and gives its positive answer. `before` is asked right before each is sent. */
  async ask(pdu: Uint8Array, signal: AbortSignal, before?: ActGuard): Promise<UdsOutcome<Answered>> {
    let waitMs = BUSY_WAIT_MS;
    for (let tries = 1; ; tries++) {
      const outcome = await this.#once(pdu, signal, before);
      const isBusy = outcome.kind === "negative" && nrcOf(outcome.code).retry === "soon";
      if (!isBusy || tries === BUSY_TRIES || signal.aborted) return outcome;
      await this.#parts.clock.sleep(waitMs, signal);
      waitMs *= 2;
    }
  }

  /** Sends a request that wants no answer. */
  async tell(pdu: Uint8Array, signal: AbortSignal): Promise<"told" | "not-told"> {
    const { tester, who } = this.#parts;
    const reply = await tester.ask({ ecu: this.#address, pdu, who, answerless: true }, signal);
    return reply.kind === "answer" ? "told" : "not-told";
  }

  async #once(pdu: Uint8Array, signal: AbortSignal, before: ActGuard | undefined): Promise<UdsOutcome<Answered>> {
    const { tester, who } = this.#parts;
    const reply = await tester.ask(
      { ecu: this.#address, pdu, who, repeats: repeatedBytes(pdu), before, ...this.#timing },
      signal,
    );
    if (reply.kind === "answer") return { kind: "done", value: { pdu: reply.pdu, receivedAtUs: reply.receivedAtUs } };
    if (reply.kind === "negative") return { kind: "negative", code: reply.code, name: nrcOf(reply.code).name };
    if (reply.kind === "silent") return { kind: "silent", waitedMs: reply.waitedMs };
    return reply;
  }
}

/** Where an ECU of the catalogue is asked. */
export function askedEcu({ name, idBits, request, response, requestByte, responseByte, fd, isotp }: Ecu): AskedEcu {
  const { padding, blockSize, separationMs, maxPduBytes } = isotp;
  return {
    name,
    address: { txId: request, rxId: response, extended: idBits === 29, txByte: requestByte, rxByte: responseByte },
    // What is not said must not be there: padding that is undefined means none.
    isotp: {
      ...(padding === undefined ? {} : { padding }),
      ...(blockSize === undefined ? {} : { blockSize }),
      ...(separationMs === undefined ? {} : { separationUs: separationMs * 1000 }),
      ...(maxPduBytes === undefined ? {} : { maxPduBytes }),
      ...(fd ? { fd, txDataBytes: 64 } : {}),
    },
  };
}
