import { beforeEach, describe, expect, it } from "vitest";
import { AgentError } from "../../../../agent/core/errors.ts";
import { DEFAULT_ISOTP } from "../../../../agent/diagnostics/isotp/default-settings.ts";
import type { IsoTp, IsoTpChannel, IsoTpSettings } from "../../../../agent/ports/isotp.ts";
import { createIsoTp } from "../../../../drivers/can/isotp.ts";
import { createKernelIsoTp } from "../../../../drivers/can/kernel-isotp.ts";
import { NATIVE_ISOTP_NEWS, type NativeAddon } from "../../../../drivers/can/native-addon.ts";
import { MemoryLog } from "../../../fakes/core/log.ts";
import { FakeIsoTp } from "../../../fakes/diagnostics/isotp.ts";
import { IsoTpRecorder } from "../../../fakes/diagnostics/isotp-line.ts";

const ADDRESS = { txId: 0x7e0, rxId: 0x7e8, extended: false };
const TWENTY = new Uint8Array(20);

type News = Parameters<NativeAddon["isotpOpen"]>[2];

/** The addon as far as ISO-TP goes; what it tells comes from the test. */
class FakeAddon {
  readonly options: Uint32Array[] = [];
  readonly sent: Uint8Array[] = [];
  readonly closed: number[] = [];
  openErrno: string | undefined;
  #news: News[] = [];

  isotpOpen(_interface: string, options: Uint32Array, onNews: News): number {
    if (this.openErrno !== undefined) throw Object.assign(new Error(this.openErrno), { code: this.openErrno });
    this.options.push(options);
    return this.#news.push(onNews) - 1;
  }

  isotpSend(_slot: number, pdu: Uint8Array): void {
    this.sent.push(pdu);
  }

  isotpClose(slot: number): void {
    this.closed.push(slot);
  }

  /** The newest socket tells something. */
  tell(kind: (typeof NATIVE_ISOTP_NEWS)[number], value?: number | string, pdu?: Uint8Array): void {
    this.#news.at(-1)?.(NATIVE_ISOTP_NEWS.indexOf(kind), value, pdu);
  }
}

async function outcome(sending: Promise<void>): Promise<string> {
  return sending.then(
    () => "sent",
    (thrown: unknown) => (thrown instanceof AgentError ? thrown.code : String(thrown)),
  );
}

describe("ISO-TP through the kernel", () => {
  let addon: FakeAddon;
  let isotp: IsoTp;
  let sink: IsoTpRecorder;

  beforeEach(() => {
    addon = new FakeAddon();
    isotp = createKernelIsoTp({ bus: "can0", interface: "can0", addon, frames: new FakeIsoTp() });
    sink = new IsoTpRecorder();
  });

  const open = (settings: Partial<IsoTpSettings> = {}): IsoTpChannel =>
    isotp.open(ADDRESS, { ...DEFAULT_ISOTP, ...settings }, sink);

  it("hands the kernel its settings as linux/can/isotp.h has them", () => {
    open({ separationUs: 300, blockSize: 4, maxPduBytes: 500 });
    const extended = { txId: 0x18da_10f1, rxId: 0x18da_f110, extended: true, txByte: 0x22, rxByte: 0x33 };
    const fd = { ...DEFAULT_ISOTP, fd: true, txDataBytes: 64, bitRateSwitch: true, padding: undefined } as const;
    isotp.open(extended, fd, sink);
    expect(addon.options.map((options) => [...options])).toEqual([
      [0x7e0, 0x7e8, 0x004, 0, 0, 0xcc, 16, 8, 0, 4, 0xf3, 500],
      [0x98da_10f1, 0x98da_f110, 0x202, 0x22, 0x33, 0, 72, 64, 1, 0, 0, 66_000],
    ]);
  });

  it.each([
    ["ECOMM", "isotp.timeout-flow-control"],
    ["EMSGSIZE", "isotp.overflow"],
    ["EBADMSG", "isotp.bad-frame"],
    ["EINVAL", "isotp.unsupported"],
    ["EAGAIN", "isotp.timeout-send"],
    ["ENOBUFS", "isotp.timeout-send"],
    ["ENETDOWN", "bus.unavailable"],
    ["ENXIO", "bus.unavailable"],
    ["EIO", "isotp.bad-frame"],
    ["ETIMEDOUT", "sent"],
  ])("ends a send that ends with %s as %s", async (errno, code) => {
    const sending = outcome(open().send(TWENTY));
    addon.tell("sent", errno);
    expect(await sending).toBe(code);
    expect(sink.events).toEqual(code === "sent" ? ["timeout-consecutive"] : []);
  });

  it("takes the silence of a bus for what it is where no flow control is wanted", async () => {
    const sending = outcome(open().send(Uint8Array.of(1)));
    addon.tell("sent", "ECOMM");
    expect(await sending).toBe("isotp.timeout-send");
  });

  it("remembers an error of a send that the socket tells before its end", async () => {
    const channel = open();
    const sending = outcome(channel.send(TWENTY));
    addon.tell("error", "ECOMM");
    addon.tell("sent");
    expect(await sending).toBe("isotp.timeout-flow-control");
    // The same once more, after its end.
    addon.tell("error", "ECOMM");
    expect(sink.events).toEqual([]);
    const next = outcome(channel.send(TWENTY));
    addon.tell("sent");
    expect(await next).toBe("sent");
    expect(isotp.counters()).toEqual({ sent: 1, received: 0, faults: 1, ignored: undefined });
  });

  it.each([
    ["ETIMEDOUT", "timeout-consecutive"],
    ["EILSEQ", "wrong-sequence"],
    ["EBADMSG", "bad-frame"],
    ["ENOBUFS", "overflow"],
    ["ENETDOWN", "bus.unavailable"],
  ])("tells %s of a reception as %s", (errno, event) => {
    open();
    addon.tell("error", errno);
    expect(sink.events).toEqual([event]);
  });

  it("opens a new socket for the next send once the interface was gone", async () => {
    const channel = open();
    const lost = outcome(channel.send(TWENTY));
    addon.tell("error", "ENODEV");
    expect(await lost).toBe("bus.unavailable");
    expect(addon.closed).toEqual([0]);
    addon.tell("error", "ENODEV");
    addon.openErrno = "ENODEV";
    expect(await outcome(channel.send(TWENTY))).toBe("bus.unavailable");
    addon.openErrno = undefined;
    const sending = outcome(channel.send(TWENTY));
    addon.tell("sent");
    expect(await sending).toBe("sent");
  });

  it("gives up what it sends with its socket, and opens another", async () => {
    const channel = open();
    const abort = new AbortController();
    const sending = outcome(channel.send(TWENTY, abort.signal));
    abort.abort();
    expect(await sending).toBe("isotp.aborted");
    expect(addon.closed).toEqual([0]);
    addon.tell("pdu", 5, Uint8Array.of(0x50));
    expect(sink.events).toEqual(["50"]);
    expect(sink.times).toEqual([5]);
    channel.close();
    channel.close();
    expect(addon.closed).toEqual([0, 1]);
  });

  it.each([
    ["EPROTONOSUPPORT", "bus.unsupported"],
    ["EPERM", "bus.not-permitted"],
    ["ENODEV", "bus.unavailable"],
    ["EINVAL", "isotp.unsupported"],
    ["EMFILE", "bus.unavailable"],
  ])("says %s at opening as %s", (errno, code) => {
    addon.openErrno = errno;
    expect(() => open()).toThrow(expect.objectContaining({ code }));
    addon.openErrno = undefined;
    expect(() => open()).not.toThrow();
  });
});

describe("the choice of ISO-TP for a bus", () => {
  const frames = new FakeIsoTp();
  const native = { name: "can0", driver: "native", interface: "can0", receiveBufferBytes: 1, ringFrames: 1 } as const;
  const unused = (): never => {
    throw new Error("not of this test");
  };
  const addonWith = (missing: string | undefined): NativeAddon => ({
    open: unused,
    receive: unused,
    dropped: unused,
    facts: unused,
    close: unused,
    clockErrorUs: unused,
    suspendedUs: unused,
    releaseCleanPages: unused,
    setNoDelay: unused,
    isotpMissing: () => missing,
    isotpOpen: unused,
    isotpSend: unused,
    isotpClose: unused,
  });

  it("is the kernel where the bus is native and the module is there", () => {
    const parts = { frames, permits: () => true, log: new MemoryLog() };
    expect(createIsoTp(native, { ...parts, load: () => addonWith(undefined) }).kind).toBe("kernel");
    expect(createIsoTp(native, { ...parts, load: () => addonWith("EPROTONOSUPPORT") })).toBe(frames);
    expect(createIsoTp(native, { ...parts, load: unused })).toBe(frames);
    const other = { name: "can0", driver: "socketcan", interface: "can0" } as const;
    expect(createIsoTp(other, { ...parts, load: unused })).toBe(frames);
  });

  it("asks for the permission that frames would need", () => {
    const parts = { frames, permits: (id: number) => id === 0x7e1, log: new MemoryLog() };
    const isotp = createIsoTp(native, { ...parts, load: () => addonWith(undefined) });
    expect(() => isotp.open(ADDRESS, DEFAULT_ISOTP, new IsoTpRecorder())).toThrow(
      expect.objectContaining({ code: "bus.transmit-forbidden" }),
    );
  });
});
