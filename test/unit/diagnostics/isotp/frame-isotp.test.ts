import { beforeEach, describe, expect, it } from "vitest";
import { AgentError } from "../../../../agent/core/errors.ts";
import { DEFAULT_ISOTP } from "../../../../agent/diagnostics/isotp/default-settings.ts";
import { createFrameIsoTp } from "../../../../agent/diagnostics/isotp/frame-isotp.ts";
import { FRAME_FLAG } from "../../../../agent/ports/frame.ts";
import type { IsoTp, IsoTpAddress, IsoTpChannel, IsoTpSettings } from "../../../../agent/ports/isotp.ts";
import { ManualClock } from "../../../fakes/core/clock.ts";
import { IsoTpLine, IsoTpRecorder } from "../../../fakes/diagnostics/isotp-line.ts";

const ADDRESS: IsoTpAddress = { txId: 0x7e0, rxId: 0x7e8, extended: false };
const SETTINGS: IsoTpSettings = { ...DEFAULT_ISOTP, padding: undefined };
const TWENTY = Uint8Array.from({ length: 20 }, (_, index) => index);

/** How a `send` ended: "sent", or the code of its fault. */
async function outcome(sending: Promise<void>): Promise<string> {
  return sending.then(
    () => "sent",
    (thrown: unknown) => (thrown instanceof AgentError ? thrown.code : String(thrown)),
  );
}

describe("ISO-TP over frames", () => {
  let clock: ManualClock;
  let line: IsoTpLine;
  let isotp: IsoTp;
  let sink: IsoTpRecorder;

  beforeEach(() => {
    clock = new ManualClock();
    line = new IsoTpLine();
    isotp = createFrameIsoTp({ bus: "can0", ...line.end(), clock });
    sink = new IsoTpRecorder();
  });

  function open(settings: Partial<IsoTpSettings> = {}, address: Partial<IsoTpAddress> = {}): IsoTpChannel {
    return isotp.open({ ...ADDRESS, ...address }, { ...SETTINGS, ...settings }, sink);
  }

  /** The control unit sends frames, written as "id#data". */
  function far(...frames: readonly string[]): void {
    for (const frame of frames) {
      const [id, data] = frame.split("#");
      const flags = id.length > 3 ? FRAME_FLAG.extended : 0;
      line.put({
        id: Number.parseInt(id, 16),
        flags,
        data: Uint8Array.from(Buffer.from(data, "hex")),
        receivedAtUs: 0,
      });
    }
  }

  const ours = (): readonly string[] => line.log.filter((frame) => frame.startsWith("7e0#"));

  describe("sending", () => {
    it("sends consecutive frames after a flow control, and none before it", async () => {
      const sending = outcome(open().send(TWENTY));
      await clock.run(500);
      expect(ours()).toEqual(["7e0#1014000102030405"]);
      far("7e8#300000");
      expect(await sending).toBe("sent");
      expect(ours().slice(1)).toEqual(["7e0#21060708090a0b0c", "7e0#220d0e0f10111213"]);
      expect(clock.waiting()).toBe(0);
    });

    it("stops after each block until told to go on, and takes the newest block size", async () => {
      const sending = outcome(open().send(new Uint8Array(60)));
      await clock.run(1);
      far("7e8#300200");
      await clock.run(1);
      expect(ours()).toHaveLength(3);
      far("7e8#300100");
      await clock.run(1);
      expect(ours()).toHaveLength(4);
      far("7e8#300000");
      expect(await sending).toBe("sent");
      expect(ours()).toHaveLength(9);
    });

    it.each([
      ["14", 20],
      ["f5", 0.5],
      ["80", 127],
      ["7f", 127],
    ])("keeps a separation time of 0x%s, %d ms, between consecutive frames", async (separation, ms) => {
      const sending = outcome(open().send(TWENTY));
      await clock.run(1);
      far(`7e8#3000${separation}`);
      await clock.run(ms - 0.1);
      expect(ours()).toHaveLength(2);
      await clock.run(0.2);
      expect(await sending).toBe("sent");
      expect(ours()).toHaveLength(3);
    });

    it("ends with isotp.timeout-flow-control a second (N_Bs) after the last frame that asks for it", async () => {
      const sending = outcome(open().send(new Uint8Array(60)));
      await clock.run(900);
      far("7e8#300100");
      await clock.run(999);
      expect(ours()).toHaveLength(2);
      await clock.run(2);
      expect(await sending).toBe("isotp.timeout-flow-control");
      far("7e8#300000");
      await clock.run(1);
      expect(ours()).toHaveLength(2);
    });

    it("waits a second anew for each flow control that says so, up to a limit", async () => {
      const channel = open({ maxWaitFrames: 2 });
      const first = outcome(channel.send(TWENTY));
      for (let wait = 0; wait < 2; wait += 1) {
        await clock.run(900);
        far("7e8#310000");
      }
      await clock.run(900);
      far("7e8#300000");
      expect(await first).toBe("sent");
      const second = outcome(channel.send(TWENTY));
      await clock.run(1);
      far("7e8#310000", "7e8#310000", "7e8#310000");
      expect(await second).toBe("isotp.too-many-waits");
    });

    it.each([
      ["32", "isotp.overflow"],
      ["33", "isotp.bad-frame"],
      ["3f", "isotp.bad-frame"],
    ])("ends at flow control 0x%s with %s", async (status, code) => {
      const channel = open();
      const sending = outcome(channel.send(TWENTY));
      await clock.run(1);
      far(`7e8#${status}0000`);
      expect(await sending).toBe(code);
      // It is free for the next one.
      expect(await outcome(channel.send(Uint8Array.of(0x3e, 0)))).toBe("sent");
    });

    it("ends with isotp.timeout-send when the bus does not take a frame within a second (N_As)", async () => {
      line.held = new Promise(() => undefined);
      const sending = outcome(open().send(Uint8Array.of(1)));
      await clock.run(1001);
      expect(await sending).toBe("isotp.timeout-send");
    });

    it("gives the fault of the bus to whoever sends", async () => {
      const fault = new AgentError("bus.transmit-failed", { what: "can0: bus-off", remedy: "restart it" });
      line.held = Promise.reject(fault);
      await expect(open().send(TWENTY)).rejects.toBe(fault);
      expect(isotp.counters()).toEqual({ sent: 0, received: 0, faults: 1, ignored: 0 });
    });

    it("takes a flow control that comes before the bus says that the frame is gone", async () => {
      const gone = Promise.withResolvers<void>();
      line.held = gone.promise;
      const sending = outcome(open().send(TWENTY));
      far("7e8#300000");
      line.held = undefined;
      gone.resolve();
      expect(await sending).toBe("sent");
      expect(ours()).toHaveLength(3);
    });

    it("ignores and counts flow controls that nothing waits for", async () => {
      const channel = open();
      far("7e8#300000");
      const sending = outcome(channel.send(TWENTY));
      await clock.run(1);
      far("7e8#300014");
      await clock.run(1);
      far("7e8#320000");
      await clock.run(30);
      expect(await sending).toBe("sent");
      expect(isotp.counters().ignored).toBe(2);
    });

    it("sends one PDU at a time, and none that is empty", async () => {
      const channel = open();
      const first = outcome(channel.send(TWENTY));
      expect(await outcome(channel.send(TWENTY))).toBe("isotp.busy");
      await clock.run(1);
      far("7e8#300000");
      expect(await first).toBe("sent");
      expect(await outcome(channel.send(new Uint8Array()))).toBe("isotp.unsupported");
    });

    it("stops at once when its signal aborts or the channel is closed", async () => {
      const channel = open();
      const abort = new AbortController();
      const first = outcome(channel.send(TWENTY, abort.signal));
      await clock.run(1);
      far("7e8#30007f");
      await clock.run(1);
      abort.abort();
      expect(await first).toBe("isotp.aborted");
      expect(await outcome(channel.send(TWENTY, abort.signal))).toBe("isotp.aborted");
      const second = outcome(channel.send(TWENTY));
      await clock.run(1);
      channel.close();
      expect(await second).toBe("isotp.aborted");
      expect(await outcome(channel.send(TWENTY))).toBe("isotp.aborted");
      await clock.run(200);
      expect(ours()).toHaveLength(3);
      expect(clock.waiting()).toBe(0);
    });

    it("sends CAN FD frames with the flags that were asked for", async () => {
      const flags: number[] = [];
      line.loses = (frame) => {
        flags.push(frame.flags);
        return false;
      };
      const fd = { fd: true, bitRateSwitch: true, txDataBytes: 64, padding: 0 } as const;
      await open(fd, { txId: 0x18da_10f1, rxId: 0x18da_f110, extended: true }).send(TWENTY);
      expect(flags).toEqual([FRAME_FLAG.fd | FRAME_FLAG.bitRateSwitch | FRAME_FLAG.extended]);
      expect(line.log).toEqual([`18da10f1#0014${Buffer.from(TWENTY).toString("hex")}0000`]);
    });
  });

  describe("receiving", () => {
    const FIRST = "7e8#1014000102030405";
    const REST = ["7e8#21060708090a0b0c", "7e8#220d0e0f10111213"] as const;
    const WHOLE = Buffer.from(TWENTY).toString("hex");

    it("asks for the rest of a first frame and gives the PDU with the time of its last frame", async () => {
      open({ padding: 0xcc });
      line.now = () => clock.wallUs();
      far(FIRST);
      await clock.run(5);
      expect(ours()).toEqual(["7e0#300000cccccccccc"]);
      far(...REST);
      expect(sink.events).toEqual([WHOLE]);
      expect(sink.times).toEqual([clock.wallUs()]);
      await clock.run(5000);
      expect(sink.events).toHaveLength(1);
      expect(clock.waiting()).toBe(0);
    });

    it("takes a last frame that is filled up and one that is not", async () => {
      open();
      far("7e8#100c000102030405", "7e8#21060708090a0bcc", "7e8#100a000102030405", "7e8#2106070809");
      expect(sink.events).toEqual(["000102030405060708090a0b", "00010203040506070809"]);
    });

    it("asks again after each block, with the separation time of its settings", async () => {
      open({ blockSize: 1, separationUs: 250 });
      far(FIRST);
      await clock.run(1);
      far(REST[0]);
      await clock.run(1);
      far(REST[1]);
      expect(ours()).toEqual(["7e0#3001f3", "7e0#3001f3"]);
      expect(sink.events).toEqual([WHOLE]);
    });

    it("ends with isotp.timeout-consecutive a second (N_Cr) after the last frame", async () => {
      open();
      far(FIRST);
      await clock.run(900);
      far(REST[0]);
      await clock.run(999);
      expect(sink.events).toEqual([]);
      await clock.run(2);
      expect(sink.events).toEqual(["timeout-consecutive"]);
      far(REST[1]);
      expect(sink.events).toHaveLength(1);
    });

    it("ends with isotp.timeout-flow-control-send when the bus does not take the flow control (N_Ar)", async () => {
      open();
      line.held = new Promise(() => undefined);
      far(FIRST);
      await clock.run(1001);
      expect(sink.events).toEqual(["timeout-flow-control-send"]);
    });

    it("tells the fault of a bus that refuses the flow control", async () => {
      open();
      const fault = new AgentError("bus.transmit-forbidden", { what: "no", remedy: "allow it" });
      line.held = Promise.reject(fault);
      far(FIRST);
      await clock.run(1);
      expect(sink.faults).toEqual([fault]);
    });

    it("gives a PDU up at a wrong sequence number, and takes the next one", async () => {
      open();
      far(FIRST, REST[1], REST[0], FIRST, ...REST);
      expect(sink.events).toEqual(["wrong-sequence", WHOLE]);
    });

    it("gives way to a PDU that begins in the middle of one", () => {
      open();
      far(FIRST, "7e8#0150", FIRST, REST[0], FIRST, ...REST);
      expect(sink.events).toEqual(["interrupted", "50", "interrupted", WHOLE]);
    });

    it("answers a PDU that is too long with overflow, and takes no memory for it", async () => {
      open({ maxPduBytes: 19 });
      far(FIRST, ...REST, "7e8#1000ffffffff0102");
      await clock.run(1);
      expect(sink.events).toEqual(["overflow", "overflow"]);
      expect(ours()).toEqual(["7e0#320000", "7e0#320000"]);
    });

    it("passes over frames of another length, kind, address byte or bus", () => {
      open({}, { txByte: 0x10, rxByte: 0xf1 });
      far("7e8#f202aabb", "7e9#f102aabb", "7e8#f100", "7e8#f12105");
      line.put({ id: 0x7e8, flags: FRAME_FLAG.fd, data: Uint8Array.of(0xf1, 2, 0xaa, 0xbb), receivedAtUs: 0 });
      expect(sink.events).toEqual([]);
      expect(isotp.counters().ignored).toBe(3);
      far("7e8#f102aabb");
      expect(sink.events).toEqual(["aabb"]);
    });

    it("takes short frames of a CAN FD conversation whose driver does not tell that they are", () => {
      open({ fd: true, txDataBytes: 64 });
      far("7e8#0150");
      expect(sink.events).toEqual(["50"]);
    });

    it("passes over a short frame in the middle", async () => {
      open();
      far(FIRST, "7e8#2106", ...REST);
      expect(sink.events).toEqual([WHOLE]);
    });

    it("says nothing after close, and lets somebody else take the answers", () => {
      const channel = open();
      expect(() => open()).toThrow(expect.objectContaining({ code: "isotp.busy" }));
      far(FIRST);
      channel.close();
      channel.close();
      far(...REST);
      expect(sink.events).toEqual([]);
      open();
      far("7e8#0150");
      expect(sink.events).toEqual(["50"]);
      isotp.close();
      far("7e8#0150");
      expect(sink.events).toHaveLength(1);
      expect(clock.waiting()).toBe(0);
    });

    it("says nothing more when it is closed by what it says", () => {
      const channel = open();
      sink.onFault = () => channel.close();
      far(FIRST, "7e8#0150");
      expect(sink.events).toEqual([]);
    });
  });

  it("sends a request to many as one frame", async () => {
    await isotp.sendFunctional({ txId: 0x7df, extended: false }, { ...SETTINGS, padding: 0 }, Uint8Array.of(1, 0));
    expect(line.log).toEqual(["7df#0201000000000000"]);
    for (const length of [0, 8]) {
      const sending = isotp.sendFunctional({ txId: 0x7df, extended: false }, SETTINGS, new Uint8Array(length));
      expect(await outcome(sending)).toBe("isotp.unsupported");
    }
  });

  it.each([
    [{ txId: 0x800 }, {}],
    [{ rxId: 0x2000_0000, extended: true }, {}],
    [{ rxId: 0x7e0 }, {}],
    [{ txByte: 256 }, {}],
    [{}, { txDataBytes: 12 }],
    [{}, { padding: -1 }],
    [{}, { blockSize: 256 }],
    [{}, { maxPduBytes: 0 }],
  ] as const)("refuses %j with %j", (address, settings) => {
    expect(() => open(settings, address)).toThrow(expect.objectContaining({ code: "isotp.unsupported" }));
  });
});
