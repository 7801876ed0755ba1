import { execFile } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { promisify } from "node:util";
import { Worker } from "node:worker_threads";
import { afterEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { errnoOf } from "../../agent/core/errors.ts";
import { type BusSink, type BusState, type CanBus, EVERY_FRAME } from "../../agent/ports/can-bus.ts";
import { FRAME_FLAG, type FrameBatch } from "../../agent/ports/frame.ts";
import { createNativeBus, type NativeBusSettings } from "../../drivers/can/native-bus.ts";
import { createSocketcanBus } from "../../drivers/can/socketcan-bus.ts";
import { systemClock } from "../../drivers/os/time-source.ts";
import { until } from "../bench/core/wait.ts";
import { buildNativeTool } from "../bench/native/native-tool.ts";
import { frameOf, RecordingSink } from "../contract/can-bus.suite.ts";
import { play } from "../contract/kernel-can.ts";
import { MemoryLog } from "../fakes/core/log.ts";
import { addVcan, flood, ip } from "./vcan.ts";

const run = promisify(execFile);
const parts = { clock: systemClock(), log: new MemoryLog() };
const open: CanBus[] = [];
/** What a test that fails half-way must not leave behind. */
const closers: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const bus of open.splice(0)) await bus.stop();
  for (const close of closers.splice(0)) await close();
});

function nativeBus(settings: Partial<NativeBusSettings> = {}, gatherMs = 0): CanBus {
  const bus = createNativeBus(
    {
      name: "can0",
      interface: "vcan0",
      receiveBufferBytes: 8_388_608,
      ringFrames: 65_536,
      filters: EVERY_FRAME,
      ...settings,
    },
    { ...parts, gatherMs },
  );
  open.push(bus);
  return bus;
}

/** Counts frames and looks that the numbers the flood puts in them only grow. */
class CountingSink implements BusSink {
  frames = 0;
  last = -1;
  outOfOrder = 0;

  onFrames(batch: FrameBatch): void {
    const words = new Uint32Array(batch.bytes.buffer);
    for (let index = 0; index < batch.count; index += 1) {
      const number = words[index * 20 + 4];
      if (number <= this.last) this.outOfOrder += 1;
      this.last = number;
    }
    this.frames += batch.count;
  }

  onState(): void {}
}

const linkCounts = z.object({ packets: z.number(), bytes: z.number() });

/** What the kernel says was sent on an interface, by `ip` of iproute2. */
async function sentOn(name: string): Promise<z.infer<typeof linkCounts>> {
  const { stdout } = await run("ip", ["-json", "-statistics", "link", "show", name]);
  const [link] = z.array(z.object({ stats64: z.object({ tx: linkCounts }) })).parse(JSON.parse(stdout));
  return link.stats64.tx;
}

/** Waits until every frame that was sent is either received or counted as dropped. */
async function settle(bus: CanBus, sent: number): Promise<void> {
  await until(
    () => {
      const { received, dropped } = bus.counters();
      return received + (dropped ?? 0) >= sent || undefined;
    },
    { what: "all frames accounted for", timeoutMs: 20_000 },
  );
}

describe("loss", () => {
  it("receives a flood of 100,000 frames whole and in order", async () => {
    const bus = nativeBus();
    const sink = new CountingSink();
    await bus.start(sink);
    const sent = await flood("vcan0", 100_000, 0);
    await settle(bus, sent);
    expect(bus.counters()).toMatchObject({ received: sent, dropped: 0 });
    expect(sink).toMatchObject({ frames: sent, outOfOrder: 0 });
  });

  it.each([
    ["a small kernel buffer", { receiveBufferBytes: 4096, ringFrames: 65_536 }, ["socket"]],
    ["a small ring", { receiveBufferBytes: 8_388_608, ringFrames: 64 }, ["ring"]],
    ["both", { receiveBufferBytes: 4096, ringFrames: 64 }, []],
  ] as const)("counts every frame that %s loses", async (_name, buffers, places) => {
    const bus = nativeBus(buffers);
    const sink = new CountingSink();
    await bus.start(sink);
    const sent = await flood("vcan0", 50_000, 0);
    await settle(bus, sent);
    const { received, dropped = 0, losses } = bus.counters();
    expect(received + dropped).toBe(sent);
    expect(dropped).toBeGreaterThan(0);
    expect(Object.values(losses ?? {}).reduce((sum, count) => sum + count, 0)).toBe(dropped);
    for (const place of places) expect(losses?.[place]).toBeGreaterThan(0);
    expect(sink).toMatchObject({ frames: received, outOfOrder: 0 });
  });

  it("counts a loss at the very end, with no frame after it", async () => {
    const bus = nativeBus({ receiveBufferBytes: 4096 });
    await bus.start(new CountingSink());
    const sent = await flood("vcan0", 5000, 0);
    // cangen of can-utils as a second witness of "as fast as possible".
    await run("cangen", ["vcan0", "-g", "0", "-n", "3000", "-L", "8"]);
    await settle(bus, sent + 3000);
    const { received, dropped = 0 } = bus.counters();
    expect(received + dropped).toBe(sent + 3000);
  });

  it("counts what the kernel's queue of received packets loses, before any socket", async () => {
    const steering = "/sys/class/net/vcan0/queues/rx-0/rps_cpus";
    const limit = "/proc/sys/net/core/netdev_max_backlog";
    const usual = readFileSync(limit, "utf8");
    closers.push(async () => {
      writeFileSync(limit, usual);
      writeFileSync(steering, "0");
    });
    // One processor sends, the other one receives, and between them there is room for one frame.
    writeFileSync(steering, "2");
    writeFileSync(limit, "0");
    const bus = nativeBus();
    await bus.start(new CountingSink());
    const before = await sentOn("vcan0");
    const { stdout } = await run("taskset", ["--cpu-list", "0", await buildNativeTool("flood"), "vcan0", "5000", "0"]);
    await settle(bus, Number(stdout));
    const { received, dropped = 0, losses } = bus.counters();
    expect(received + dropped).toBe(5000);
    expect(dropped).toBeGreaterThan(0);
    expect(losses).toEqual({ interface: dropped, socket: 0, ring: 0 });
    // What the sender put on the bus, by the kernel's own count.
    const after = await sentOn("vcan0");
    expect(bus.traffic()).toEqual({ frames: after.packets - before.packets, bytes: after.bytes - before.bytes });
  });

  it.each([0, 100])(
    "loses nothing while the main thread stands still for a second at 8000 frames a second, gathered for %s ms",
    async (gatherMs) => {
      const bus = nativeBus({}, gatherMs);
      const sink = new CountingSink();
      await bus.start(sink);
      const sending = flood("vcan0", 20_000, 8000);
      await until(() => sink.frames > 1000 || undefined, { what: "the first frames", timeoutMs: 20_000 });
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1000);
      await settle(bus, await sending);
      expect(bus.counters()).toMatchObject({ received: 20_000, dropped: 0 });
      expect(sink.outOfOrder).toBe(0);
    },
  );

  it("says what receive buffer it asked for and got", async () => {
    const bus = nativeBus({ receiveBufferBytes: 1_000_000 });
    await bus.start(new CountingSink());
    // The kernel doubles what it grants (socket(7)).
    expect(bus.facts()).toMatchObject({ receiveBuffer: { askedBytes: 1_000_000, gotBytes: 2_000_000 } });
  });
});

describe("link", () => {
  /** Resolves when the bus last told `state`, and fails when that takes more than two seconds. */
  async function within2s(sink: RecordingSink, state: BusState): Promise<void> {
    await until(() => sink.states.at(-1) === state || undefined, { what: state, timeoutMs: 2000, everyMs: 10 });
  }

  it.each([
    ["native", (name: string) => nativeBus({ interface: name })],
    [
      "socketcan",
      (name: string) => {
        const bus = createSocketcanBus({ name: "can0", interface: name, filters: EVERY_FRAME }, parts);
        open.push(bus);
        return bus;
      },
    ],
  ])(
    "is back within two seconds after down, up, deletion and re-creation, twenty times: %s",
    async (driver, create) => {
      const name = `lost_${driver.slice(0, 6)}`;
      const bus = create(name);
      const sink = new RecordingSink();
      await bus.start(sink);
      expect(sink.states).toEqual(["absent"]);
      await addVcan(name);
      await within2s(sink, "up");
      for (let round = 0; round < 20; round += 1) {
        await ip("link", "set", name, "down");
        await within2s(sink, "down");
        await ip("link", "set", name, "up");
        await within2s(sink, "up");
        await ip("link", "delete", name);
        await within2s(sink, "absent");
        await addVcan(name);
        await within2s(sink, "up");
        await play([frameOf(0x100 + round, [round])], name);
        await sink.waitForFrames(round + 1);
        await bus.send(frameOf(0x200, [round]));
        await sink.waitForFrames(round + 1);
      }
      expect(sink.states.filter((state) => state === "up")).toHaveLength(41);
      await bus.stop();
      await ip("link", "delete", name);
    },
  );

  it("keeps counting over a re-created interface", async () => {
    await addVcan("again0");
    const bus = nativeBus({ interface: "again0", receiveBufferBytes: 4096 });
    const sink = new RecordingSink();
    await bus.start(sink);
    let sent = await flood("again0", 20_000, 0);
    await settle(bus, sent);
    const lost = bus.counters().dropped ?? 0;
    await ip("link", "delete", "again0");
    await sink.waitForState("absent");
    expect(bus.counters().dropped).toBe(lost);
    await addVcan("again0");
    await sink.waitForState("up");
    sent += await flood("again0", 20_000, 0);
    await settle(bus, sent);
    const { received, dropped = 0 } = bus.counters();
    expect(received + dropped).toBe(sent);
    expect(dropped).toBeGreaterThan(lost);
    await bus.stop();
    await ip("link", "delete", "again0");
  });

  it("refuses an interface of another kind", async () => {
    await expect(nativeBus({ interface: "lo" }).start(new RecordingSink())).rejects.toMatchObject({
      code: "bus.unsupported",
    });
  });
});

describe("filters", () => {
  it("lets the kernel hold back what nobody asked for, but no error frame", async () => {
    const bus = nativeBus({
      filters: [
        { id: 0x120, mask: 0x7f0, extended: false },
        { id: 0x18fe_f100, mask: 0x1fff_ffff, extended: true },
      ],
    });
    const sink = new RecordingSink();
    await bus.start(sink);
    const { extended, error } = FRAME_FLAG;
    await play([
      frameOf(0x11f, [1]),
      frameOf(0x123, [2]),
      frameOf(0x123, [3], extended),
      frameOf(0x18fe_f100, [4], extended),
      frameOf(0x004, [0, 0x10, 0, 0, 0, 0, 0, 0], error),
      frameOf(0x12f, [5]),
    ]);
    await sink.waitForFrames(4);
    expect(sink.frames.map((frame) => frame.data[0])).toEqual([2, 4, 0, 5]);
    expect(sink.states).toEqual(["up", "error-passive"]);
    expect(bus.filtered()).toBe(2);
  });
});

describe("transmit", () => {
  it("says why a frame could not be sent", async () => {
    await addVcan("tx0", 16);
    const bus = nativeBus({ interface: "tx0" });
    await bus.start(new RecordingSink());
    const long = frameOf(0x123, new Uint8Array(64), FRAME_FLAG.fd);
    await expect(bus.send(long)).rejects.toMatchObject({
      code: "bus.transmit-failed",
      message: "can0: interface tx0 carries no CAN FD",
    });
    await bus.send(frameOf(0x123, [1]));
    await ip("link", "set", "tx0", "down");
    await expect(bus.send(frameOf(0x123, [1]))).rejects.toMatchObject({ message: "can0: interface tx0 is down" });
    await ip("link", "delete", "tx0");
    await expect(bus.send(frameOf(0x123, [1]))).rejects.toMatchObject({ code: "bus.transmit-failed" });
    expect(bus.counters().transmitted).toBe(1);
  });
});

describe("resources", () => {
  function readerThreads(): number {
    return readdirSync("/proc/self/task").filter((id) => threadName(id) === "causeway-can\n").length;
  }

  /** Undefined when the thread has ended since it was listed. */
  function threadName(id: string): string | undefined {
    try {
      return readFileSync(`/proc/self/task/${id}/comm`, "utf8");
    } catch (error) {
      if (errnoOf(error) === "ENOENT" || errnoOf(error) === "ESRCH") return undefined;
      throw error;
    }
  }

  function descriptors(): number {
    return readdirSync("/proc/self/fd").length;
  }

  it("serves all buses with one thread, and leaves neither thread nor descriptor behind", async () => {
    const before = descriptors();
    for (let round = 0; round < 20; round += 1) {
      const buses = [nativeBus(), nativeBus({ interface: "vcan1" }), nativeBus({ interface: "none0" })];
      for (const bus of buses) await bus.start(new RecordingSink());
      expect(readerThreads()).toBe(1);
      for (const bus of buses) await bus.stop();
    }
    expect(readerThreads()).toBe(0);
    await until(() => descriptors() <= before || undefined, { what: "descriptors closed", timeoutMs: 5000 });
  });

  it("survives the end of its thread of JavaScript in the middle of a flood", async () => {
    for (let round = 0; round < 3; round += 1) {
      const worker = new Worker(new URL("./worker-with-bus.ts", import.meta.url));
      await new Promise((resolve, reject) => {
        worker.once("message", resolve);
        worker.once("error", reject);
      });
      const sending = flood("vcan0", 20_000, 0);
      await worker.terminate();
      await sending;
    }
    expect(readerThreads()).toBe(0);
  });
});
