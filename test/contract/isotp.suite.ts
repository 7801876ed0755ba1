import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { AgentError } from "../../agent/core/errors.ts";
import { type CanFrame, FRAME_FLAG } from "../../agent/ports/frame.ts";
import type { IsoTp, IsoTpAddress, IsoTpChannel, IsoTpSettings } from "../../agent/ports/isotp.ts";
import { until } from "../bench/core/wait.ts";
import { IsoTpRecorder } from "../fakes/diagnostics/isotp-line.ts";
import { modelFrames } from "../fakes/diagnostics/isotp-model.ts";

/** ISO-TP on one bus, with the far side of the bus as frames. */
export type IsoTpUnderTest = {
  readonly isotp: IsoTp;
  /** Puts a frame on the bus from outside. */
  deliver(frame: CanFrame): Promise<void>;
  /** Frames that reached the far side, in order; those that were delivered may be among them. */
  sent(): readonly CanFrame[];
  dispose(): Promise<void>;
};

const ADDRESS: IsoTpAddress = { txId: 0x7e0, rxId: 0x7e8, extended: false };
const SETTINGS: IsoTpSettings = {
  fd: false,
  bitRateSwitch: false,
  txDataBytes: 8,
  padding: undefined,
  blockSize: 0,
  separationUs: 0,
  maxWaitFrames: 2,
  maxPduBytes: 66_000,
};
const FD: Partial<IsoTpSettings> = { fd: true, txDataBytes: 64 };
const WAIT_MS = 10_000;

function pduOf(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (index * 7 + length) & 0xff);
}

function hex(data: Uint8Array): string {
  return Buffer.from(data).toString("hex");
}

async function outcome(sending: Promise<void>): Promise<string> {
  return sending.then(
    () => "sent",
    (thrown: unknown) => (thrown instanceof AgentError ? thrown.code : String(thrown)),
  );
}

/** The promises of the IsoTp port (agent/ports/isotp.ts), in the time of the machine. Run it on each driver. */
export function describeIsoTp(name: string, open: () => Promise<IsoTpUnderTest>): void {
  describe(`IsoTp: ${name}`, () => {
    let under: IsoTpUnderTest;
    let sink: IsoTpRecorder;
    let address: IsoTpAddress;
    let isFd: boolean;

    beforeEach(async () => {
      under = await open();
      sink = new IsoTpRecorder();
    });
    afterEach(async () => {
      under.isotp.close();
      await under.dispose();
    });

    function channel(settings: Partial<IsoTpSettings> = {}, other: Partial<IsoTpAddress> = {}): IsoTpChannel {
      address = { ...ADDRESS, ...other };
      isFd = settings.fd ?? false;
      return under.isotp.open(address, { ...SETTINGS, ...settings }, sink);
    }

    /** The far side sends frames in hexadecimal. */
    async function far(...frames: readonly string[]): Promise<void> {
      const flags = (address.extended ? FRAME_FLAG.extended : 0) | (isFd ? FRAME_FLAG.fd : 0);
      for (const data of frames) {
        await under.deliver({
          id: address.rxId,
          flags,
          data: Uint8Array.from(Buffer.from(data, "hex")),
          receivedAtUs: 0,
        });
      }
    }

    const ours = (id = address.txId): readonly string[] =>
      under
        .sent()
        .filter((frame) => frame.id === id)
        .map(({ data }) => hex(data));

    async function untilOurs(count: number): Promise<void> {
      const what = `${count} frames of ours`;
      await until(() => ours().length >= count || undefined, { what, timeoutMs: WAIT_MS, everyMs: 2 });
    }

    async function untilEvents(count: number): Promise<void> {
      const what = `${count} events`;
      await until(() => sink.events.length >= count || undefined, { what, timeoutMs: WAIT_MS, everyMs: 2 });
    }

    /** The far side answers each of our frames that asks for it with `flow`, until all frames of a PDU are there. */
    async function takeAll(expected: readonly string[], flow: string, block: number): Promise<void> {
      for (let count = 1; count < expected.length; count = block === 0 ? expected.length : count + block) {
        await untilOurs(count);
        await far(flow);
      }
      await untilOurs(expected.length);
      expect(ours()).toEqual(expected);
    }

    /** The far side sends a PDU, and waits for a flow control after the first frame and each block. */
    async function give(frames: readonly string[], block: number): Promise<void> {
      const before = ours().length;
      let asked = 0;
      for (const [index, frame] of frames.entries()) {
        await far(frame);
        const asks = index === 0 ? frames.length > 1 : block > 0 && index % block === 0 && index < frames.length - 1;
        if (asks) await untilOurs(before + ++asked);
      }
    }

    it.each([
      ["without padding", { padding: undefined }, {}],
      ["with padding", { padding: 0x55 }, {}],
      ["with 29-bit ids", {}, { txId: 0x18da_10f1, rxId: 0x18da_f110, extended: true }],
      ["with address bytes", { padding: 0xaa }, { txByte: 0x10, rxByte: 0xf1 }],
      ["on CAN FD", FD, {}],
      ["on CAN FD with address bytes and padding", { ...FD, padding: 0 }, { txByte: 0x10, rxByte: 0x10 }],
      [
        "on CAN FD with short frames and 29 bits",
        { ...FD, txDataBytes: 12 },
        { txId: 0x18da_10f1, rxId: 0x18da_f110, extended: true },
      ],
    ] as const)("sends and receives PDUs of all lengths %s", async (_, settings, other) => {
      const near = channel(settings, other);
      const twoDigits = (byte: number | undefined): string =>
        byte === undefined ? "" : byte.toString(16).padStart(2, "0");
      const size = isFd ? ("txDataBytes" in settings ? settings.txDataBytes : 8) : 8;
      const padding = "padding" in settings ? settings.padding : undefined;
      const pad = padding === undefined ? undefined : twoDigits(padding);
      const flow = `${twoDigits(address.rxByte)}300000`;
      let before = 0;
      for (const length of [1, 6, 7, 8, 20, 62, 63, 200, 4095]) {
        const pdu = pduOf(length);
        const out = modelFrames({ address: twoDigits(address.txByte), size, pad }, pdu);
        const sending = outcome(near.send(pdu));
        if (out.length > 1) {
          await untilOurs(before + 1);
          await far(flow);
        }
        expect(await sending).toBe("sent");
        await untilOurs(before + out.length);
        expect(ours().slice(before)).toEqual(out);
        await give(modelFrames({ address: twoDigits(address.rxByte), size, pad: "cc" }, pdu), 0);
        await untilEvents(1);
        expect(sink.events.splice(0)).toEqual([hex(pdu)]);
        before = ours().length;
      }
      expect(under.isotp.counters()).toMatchObject({ sent: 9, received: 9, faults: 0 });
    });

    it("sends a PDU of 5000 bytes with its length in 32 bits, and takes one", async () => {
      const near = channel();
      const frames = modelFrames({ address: "", size: 8, pad: undefined }, pduOf(5000));
      const sending = outcome(near.send(pduOf(5000)));
      await takeAll(frames, "300000", 0);
      expect(await sending).toBe("sent");
      await give(frames, 0);
      await untilEvents(1);
      expect(sink.events).toEqual([hex(pduOf(5000))]);
    });

    it("stops after each block of the other side", async () => {
      const near = channel();
      const sending = outcome(near.send(pduOf(60)));
      await takeAll(modelFrames({ address: "", size: 8, pad: undefined }, pduOf(60)), "300300", 3);
      expect(await sending).toBe("sent");
    });

    it("asks for blocks and a separation time", async () => {
      channel({ blockSize: 2, separationUs: 10_000, padding: 0xcc });
      await give(modelFrames({ address: "", size: 8, pad: "00" }, pduOf(40)), 2);
      await untilEvents(1);
      expect(sink.events).toEqual([hex(pduOf(40))]);
      expect(ours()).toEqual(Array.from({ length: 3 }, () => "30020acccccccccc"));
    });

    it.each([
      ["0a", 9.5],
      ["f9", 0.85],
      ["fa", 120],
    ])("keeps a separation time of 0x%s", async (separation, leastMs) => {
      const near = channel();
      const sending = outcome(near.send(pduOf(20)));
      await untilOurs(1);
      await far(`3000${separation}`);
      expect(await sending).toBe("sent");
      await untilOurs(3);
      const times = under
        .sent()
        .filter(({ id }) => id === address.txId)
        .map(({ receivedAtUs }) => receivedAtUs);
      expect((times[2] - times[1]) / 1000).toBeGreaterThanOrEqual(leastMs);
    });

    it("waits when it is told to", async () => {
      const near = channel();
      const sending = outcome(near.send(pduOf(20)));
      await untilOurs(1);
      await far("310000", "310000", "300000");
      expect(await sending).toBe("sent");
      await untilOurs(3);
    });

    it("ends with isotp.overflow when the other side has no room, and sends on after it", async () => {
      const near = channel();
      const sending = outcome(near.send(pduOf(20)));
      await untilOurs(1);
      await far("320000");
      expect(await sending).toBe("isotp.overflow");
      expect(await outcome(near.send(pduOf(3)))).toBe("sent");
      await untilOurs(2);
    });

    it("ends with isotp.timeout-flow-control when nobody answers, a second later", async () => {
      const near = channel();
      const since = performance.now();
      expect(await outcome(near.send(pduOf(20)))).toBe("isotp.timeout-flow-control");
      expect(performance.now() - since).toBeGreaterThan(950);
      expect(await outcome(near.send(pduOf(3)))).toBe("sent");
    });

    it("ends with isotp.timeout-consecutive when a PDU stops, and takes the next one", async () => {
      channel();
      await far("1014000102030405");
      await untilEvents(1);
      expect(sink.events).toEqual(["timeout-consecutive"]);
      await far("0150");
      await untilEvents(2);
      expect(sink.events[1]).toBe("50");
    });

    it("ends with isotp.wrong-sequence when a frame is missing, and takes the next PDU", async () => {
      channel();
      await far("1014000102030405", "220d0e0f10111213", "0150");
      await untilEvents(2);
      expect(sink.events).toEqual(["wrong-sequence", "50"]);
    });

    it("lets a PDU that begins in the middle of one take its place", async () => {
      channel();
      await far("1014000102030405", "1014ffffffffffff", "21ffffffffffffff", "22ffffffffffffff");
      await until(() => sink.events.includes("ff".repeat(20)) || undefined, { what: "the second", timeoutMs: WAIT_MS });
      expect(sink.events.filter((event) => event !== "interrupted")).toEqual(["ff".repeat(20)]);
    });

    it("answers a PDU that nobody has room for with overflow", async () => {
      channel();
      await far("1000fffffff00000");
      await untilOurs(1);
      expect(ours()).toEqual(["320000"]);
    });

    it("tells a PDU that is longer than its settings as isotp.overflow", async () => {
      channel({ maxPduBytes: 10 });
      await far("1014000102030405");
      // The kernel takes it, and it is refused here.
      await far("21060708090a0b0c", "220d0e0f10111213");
      await untilEvents(1);
      expect(sink.events).toEqual(["overflow"]);
    });

    it("sends and receives at the same time", async () => {
      const near = channel();
      const sending = outcome(near.send(pduOf(20)));
      await untilOurs(1);
      await far("1014000102030405");
      await untilOurs(2);
      await far("300000", "21060708090a0b0c", "220d0e0f10111213");
      expect(await sending).toBe("sent");
      await untilEvents(1);
      await untilOurs(4);
    });

    it("sends one PDU at a time, and none that is empty", async () => {
      const near = channel();
      const first = outcome(near.send(pduOf(20)));
      expect(await outcome(near.send(pduOf(3)))).toBe("isotp.busy");
      await untilOurs(1);
      await far("300000");
      expect(await first).toBe("sent");
      expect(await outcome(near.send(new Uint8Array()))).toBe("isotp.unsupported");
    });

    it("stops a transmission within 100 ms when its signal aborts, and goes on after it", async () => {
      const near = channel();
      const abort = new AbortController();
      const sending = outcome(near.send(pduOf(400), abort.signal));
      await untilOurs(1);
      await far("300014");
      await untilOurs(4);
      abort.abort();
      expect(await sending).toBe("isotp.aborted");
      const count = ours().length;
      const next = outcome(near.send(pduOf(3)));
      expect(await next).toBe("sent");
      const last = modelFrames({ address: "", size: 8, pad: undefined }, pduOf(3))[0];
      await until(() => ours().includes(last) || undefined, { what: "the next PDU", timeoutMs: WAIT_MS });
      // 57 frames were to come, 20 ms apart; what was under way may still be.
      expect(ours().length - count).toBeLessThanOrEqual(6);
      await far("0150");
      await untilEvents(1);
      expect(sink.events).toEqual(["50"]);
    });

    it("ends what is sent when the channel is closed, and says nothing after it", async () => {
      const near = channel();
      const sending = outcome(near.send(pduOf(400)));
      await untilOurs(1);
      near.close();
      near.close();
      expect(await sending).toBe("isotp.aborted");
      expect(await outcome(near.send(pduOf(3)))).toBe("isotp.aborted");
      const other = new IsoTpRecorder();
      under.isotp.open(address, SETTINGS, other);
      await far("0150");
      await until(() => other.events.length > 0 || undefined, { what: "the answer", timeoutMs: WAIT_MS });
      expect(other.events).toEqual(["50"]);
      expect(sink.events).toEqual([]);
    });

    it("holds several conversations apart", async () => {
      channel();
      const other = new IsoTpRecorder();
      under.isotp.open({ txId: 0x7e1, rxId: 0x7e9, extended: false }, SETTINGS, other);
      expect(() => channel()).toThrow(expect.objectContaining({ code: "isotp.busy" }));
      await far("1008000102030405");
      address = { ...ADDRESS, rxId: 0x7e9 };
      await far("0151");
      address = ADDRESS;
      await far("210607");
      await untilEvents(1);
      expect(sink.events).toEqual(["0001020304050607"]);
      expect(other.events).toEqual(["51"]);
    });

    it("sends a request to many as one frame", async () => {
      const many = { txId: 0x7df, extended: false };
      address = ADDRESS;
      await under.isotp.sendFunctional(many, { ...SETTINGS, padding: 0 }, Uint8Array.of(1, 0));
      await until(() => ours(0x7df).length > 0 || undefined, { what: "the request", timeoutMs: WAIT_MS });
      expect(ours(0x7df)).toEqual(["0201000000000000"]);
      expect(await outcome(under.isotp.sendFunctional(many, SETTINGS, pduOf(8)))).toBe("isotp.unsupported");
    });

    it("gives receive times of the bus", async () => {
      channel();
      const beforeUs = Date.now() * 1000;
      await far("0150");
      await untilEvents(1);
      expect(sink.times[0]).toBeGreaterThan(beforeUs - 1_000_000);
      expect(sink.times[0]).toBeLessThan(Date.now() * 1000 + 1_000_000);
    });

    it("refuses settings that cannot be", () => {
      expect(() => channel({ txDataBytes: 12 })).toThrow(expect.objectContaining({ code: "isotp.unsupported" }));
      expect(() => channel({}, { rxId: 0x7e0 })).toThrow(expect.objectContaining({ code: "isotp.unsupported" }));
      expect(() => channel({}, { rxByte: 1 })).toThrow(expect.objectContaining({ code: "isotp.unsupported" }));
    });
  });
}
