import { DEFAULT_ISOTP } from "../../../agent/diagnostics/isotp/default-settings.ts";
import { createFrameIsoTp } from "../../../agent/diagnostics/isotp/frame-isotp.ts";
import { BusTester, type TesterSettings } from "../../../agent/diagnostics/tester/bus-tester.ts";
import type { SilenceNotice } from "../../../agent/diagnostics/tester/silence.ts";
import type { Ask, Who, Withheld } from "../../../agent/diagnostics/tester/tester-bus.ts";
import { type CanFrame, FRAME_FLAG } from "../../../agent/ports/frame.ts";
import { ManualClock } from "../core/clock.ts";
import { ShownTap } from "./tester-bus.ts";

/** A frame that went over the bus of a rig, and when, ms of its monotonic clock. */
export type TimedFrame = { readonly id: number; readonly data: Uint8Array; readonly atMs: number };

/** What an ECU of a rig answers to a request; undefined is silence. Bytes after `after` ms. */
export type EcuAnswer = { readonly afterMs?: number; readonly pdus: readonly string[] } | undefined;

export type RigSettings = {
  readonly settings?: Partial<TesterSettings>;
  /** Whether the bus gives back what is sent on it, as SocketCAN does. */
  readonly echoes?: boolean;
};

const SETTINGS: TesterSettings = {
  requestsPerSecond: 1000,
  busLoadShare: 0.5,
  bitRate: 500_000,
  silenceMs: 300_000,
  backOff: { firstMs: 10_000, longestMs: 3_600_000 },
  pendingMs: 120_000,
  isotp: DEFAULT_ISOTP,
};

/** A tester with our own ISO-TP on a bus that exists only in the test, with a fake clock; every frame is counted. */
export class TesterRig {
  readonly clock = new ManualClock();
  readonly tap = new ShownTap();
  /** What the agent sent. */
  readonly sent: TimedFrame[] = [];
  readonly notices: SilenceNotice[] = [];
  readonly tester: BusTester;
  /** Why nothing may be sent. */
  refusal: Withheld | undefined;
  readonly #echoes: boolean;
  readonly #ecus = new Map<number, (pdu: string) => EcuAnswer>();

  constructor({ settings = {}, echoes = true }: RigSettings = {}) {
    const { clock, tap } = this;
    this.#echoes = echoes;
    const bus = { name: "can0", send: async (frame: CanFrame) => this.#take(frame) };
    this.tester = new BusTester({
      bus,
      isotp: createFrameIsoTp({ bus: bus.name, send: bus.send, tap, clock }),
      tap,
      settings: { ...SETTINGS, ...settings },
      refusal: () => this.refusal,
      notice: (notice) => this.notices.push(notice),
      clock,
    });
  }

  /** An ECU that answers single-frame requests on `txId`, in single frames on `rxId`. Bytes are hex. */
  ecu(txId: number, rxId: number, answer: (pdu: string) => EcuAnswer): void {
    this.#ecus.set(txId, (pdu) => answer(pdu));
    this.#answerIds.set(txId, rxId);
  }

  /** A frame of somebody else comes. */
  hear(id: number, data: string, extended = false): void {
    const bytes = Uint8Array.from(Buffer.from(data.replaceAll(" ", ""), "hex"));
    const flags = extended ? FRAME_FLAG.extended : 0;
    this.tap.show({ id, flags, data: bytes, receivedAtUs: this.clock.wallUs() });
  }

  /** Ids of what the agent sent since `from`. */
  sentIds(from = 0): readonly number[] {
    return this.sent.slice(from).map(({ id }) => id);
  }

  readonly #answerIds = new Map<number, number>();

  #take(frame: CanFrame): void {
    const { id, flags, data } = frame;
    this.sent.push({ id, data: data.slice(), atMs: this.clock.monotonicMs() });
    if (this.#echoes) {
      queueMicrotask(() => this.tap.show({ ...frame, receivedAtUs: this.clock.wallUs() }));
    }
    const rxId = this.#answerIds.get(id);
    const ecu = this.#ecus.get(id);
    if (rxId === undefined || ecu === undefined || data[0] === 0 || data[0] > 7) return;
    const answer = ecu(Buffer.from(data.subarray(1, 1 + data[0])).toString("hex"));
    if (answer !== undefined) void this.#answer(rxId, flags, answer);
  }

  async #answer(rxId: number, flags: number, { afterMs = 1, pdus }: NonNullable<EcuAnswer>): Promise<void> {
    for (const hex of pdus) {
      await this.clock.sleep(afterMs);
      const pdu = Buffer.from(hex.replaceAll(" ", ""), "hex");
      const data = new Uint8Array(8);
      data[0] = pdu.length;
      data.set(pdu, 1);
      this.tap.show({ id: rxId, flags, data, receivedAtUs: this.clock.wallUs() });
    }
  }
}

/** A request to an ECU of legislated OBD with the address `unit`, 0 to 7. Bytes are hex. */
export function askOf(pdu: string, who: Who = "poll", unit = 0): Ask {
  return {
    ecu: { name: `unit ${unit}`, address: { txId: 0x7e0 + unit, rxId: 0x7e8 + unit, extended: false } },
    pdu: Uint8Array.from(Buffer.from(pdu.replaceAll(" ", ""), "hex")),
    who,
  };
}
