import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type BusState, type CanBus, EVERY_FRAME, type FrameFilter } from "../../agent/ports/can-bus.ts";
import { type CanFrame, FRAME_FLAG, type FrameBatch } from "../../agent/ports/frame.ts";
import { until } from "../bench/core/wait.ts";

/** One driver with the far side of its bus. */
export type BusUnderTest = {
  readonly bus: CanBus;
  /** Puts frames on the bus from outside, in order. May be called once `start` has resolved. */
  deliver(frames: readonly CanFrame[]): Promise<void>;
  /** Frames that reached the far side by `bus.send`, in order; undefined where the driver cannot transmit. */
  sent?: () => readonly CanFrame[];
  dispose(): Promise<void>;
};

/** What a driver's medium cannot carry. */
export type BusLimits = {
  /** Flag bits that get lost on the way: BRS and ESI, say. */
  readonly lostFlags?: number;
  readonly noRemote?: boolean;
  /** FD frames of at most 8 bytes look like classic ones. */
  readonly noShortFd?: boolean;
  /** `receivedAtUs` is what the log says instead of now. */
  readonly timesOfLog?: boolean;
  /** Frames that may be under way at once before some get lost. */
  readonly queueFrames?: number;
};

const WAIT_MS = 10_000;

/** A frame as tests write it. */
export function frameOf(id: number, data: readonly number[] | Uint8Array, flags = 0): CanFrame {
  return { id, flags, data: Uint8Array.from(data), receivedAtUs: 0 };
}

/** Everything that a started bus says. */
export class RecordingSink {
  readonly frames: CanFrame[] = [];
  readonly states: BusState[] = [];
  /** What people are told with each state. */
  readonly details: string[] = [];
  /** "state" and "frames", in the order of the calls. */
  readonly calls: string[] = [];
  readonly buffers = new Set<ArrayBufferLike>();

  onFrames(batch: FrameBatch): void {
    this.calls.push("frames");
    this.buffers.add(batch.bytes.buffer);
    for (let index = 0; index < batch.count; index += 1) this.frames.push(batch.frame(index));
  }

  onState(state: BusState, detail = ""): void {
    this.calls.push("state");
    this.states.push(state);
    this.details.push(detail);
  }

  async waitForFrames(count: number): Promise<void> {
    await until(() => this.frames.length >= count || undefined, {
      what: `${count} frames`,
      timeoutMs: WAIT_MS,
      everyMs: 5,
    });
  }

  async waitForState(state: BusState): Promise<void> {
    await until(() => this.states.at(-1) === state || undefined, {
      what: `state ${state}`,
      timeoutMs: WAIT_MS,
      everyMs: 5,
    });
  }
}

function plain(frame: CanFrame, lostFlags: number): unknown {
  return { id: frame.id, flags: frame.flags & ~lostFlags, data: [...frame.data] };
}

/** The promises of the CanBus port (agent/ports/can-bus.ts). Run it on each driver and on the fake. */
export function describeCanBus(name: string, limits: BusLimits, open: () => Promise<BusUnderTest>): void {
  const lostFlags = limits.lostFlags ?? 0;
  const { extended, remote, error, fd, bitRateSwitch, errorStateIndicator } = FRAME_FLAG;

  describe(`CanBus: ${name}`, () => {
    let under: BusUnderTest;
    let sink: RecordingSink;

    beforeEach(async () => {
      under = await open();
      sink = new RecordingSink();
    });
    afterEach(async () => {
      await under.bus.stop();
      await under.dispose();
    });

    async function exchange(frames: readonly CanFrame[]): Promise<void> {
      const atOnce = limits.queueFrames ?? frames.length;
      await under.bus.start(sink);
      for (let at = 0; at < frames.length; at += atOnce) {
        await under.deliver(frames.slice(at, at + atOnce));
        await sink.waitForFrames(Math.min(at + atOnce, frames.length));
      }
      expect(sink.frames.map((frame) => plain(frame, lostFlags))).toEqual(
        frames.map((frame) => plain(frame, lostFlags)),
      );
    }

    it("tells its state before start resolves and before the first frame", async () => {
      await under.bus.start(sink);
      expect(sink.states).toEqual(["up"]);
      await under.deliver([frameOf(0x123, [1])]);
      await sink.waitForFrames(1);
      expect(sink.calls[0]).toBe("state");
    });

    it("delivers thousands of frames in the order in which they were sent", async () => {
      const frames = Array.from({ length: 3000 }, (_, index) => frameOf(index & 0x7ff, [index & 0xff, index >> 8]));
      await exchange(frames);
      expect(under.bus.counters()).toMatchObject({ received: 3000, errorFrames: 0 });
      expect(under.bus.counters().dropped ?? 0).toBe(0);
      expect(under.bus.filtered() ?? 0).toBe(0);
    });

    it("keeps 11-bit and 29-bit ids and every data length apart", async () => {
      const lengths = [0, 1, 2, 3, 4, 5, 6, 7, 8].map((length) =>
        frameOf(0x100 + length, new Uint8Array(length).fill(0xa5)),
      );
      const limit = [frameOf(0, [1]), frameOf(0x7ff, [2]), frameOf(0, [3], extended), frameOf(0x7ff, [4], extended)];
      await exchange([...lengths, ...limit, frameOf(0x1fff_ffff, [5], extended), frameOf(0x18fe_f100, [6], extended)]);
    });

    it("delivers FD frames with their flags and all 64 bytes", async () => {
      const long = Uint8Array.from({ length: 64 }, (_, index) => index * 3);
      const frames = [
        frameOf(0x321, long, fd),
        frameOf(0x322, long.subarray(0, 12), fd | bitRateSwitch),
        frameOf(0x1234_5678, long.subarray(0, 48), fd | extended | bitRateSwitch | errorStateIndicator),
      ];
      await exchange(
        limits.noShortFd === true ? frames : [...frames, frameOf(0x323, [1, 2], fd), frameOf(0x324, [], fd)],
      );
    });

    it("clears what a longer frame left in its place of the buffer", async () => {
      const tails: number[] = [];
      await under.bus.start({
        onState: (state) => sink.onState(state),
        onFrames: (batch) => {
          sink.onFrames(batch);
          for (let index = 0; index < batch.count; index += 1) {
            const rest = batch.bytes.subarray(index * 80 + 16 + batch.length(index), (index + 1) * 80);
            tails.push(rest.reduce((sum, byte) => sum + byte, 0));
          }
        },
      });
      await under.deliver([frameOf(0x10, new Uint8Array(64).fill(0xff), fd)]);
      await sink.waitForFrames(1);
      await under.deliver([frameOf(0x11, [1])]);
      await sink.waitForFrames(2);
      expect(tails).toEqual([0, 0]);
    });

    it("gives the same buffer again instead of a new one a batch", async () => {
      await under.bus.start(sink);
      for (let round = 1; round <= 3; round += 1) {
        await under.deliver([frameOf(round, [round])]);
        await sink.waitForFrames(round);
      }
      expect(sink.buffers.size).toBe(1);
    });

    it("stamps frames with the wall time of their arrival, never backwards", async () => {
      await under.bus.start(sink);
      const beforeUs = limits.timesOfLog === true ? -1 : Date.now() * 1000 - 20_000;
      await under.deliver(Array.from({ length: 100 }, (_, index) => frameOf(index, [index])));
      await sink.waitForFrames(100);
      const times = sink.frames.map((frame) => frame.receivedAtUs);
      expect(Math.min(...times)).toBeGreaterThan(beforeUs);
      expect(Math.max(...times)).toBeLessThan(Date.now() * 1000 + 20_000);
      expect(times).toEqual(times.toSorted((a, b) => a - b));
    });

    it("delivers remote frames with their length and no data, or refuses to send one", async () => {
      if (limits.noRemote === true) {
        await under.bus.start(sink);
        await expect(under.bus.send(frameOf(1, [], remote))).rejects.toMatchObject({ code: "bus.unsupported" });
        return;
      }
      await exchange([frameOf(0x104, new Uint8Array(4), remote), frameOf(0x1234_5678, [], remote | extended)]);
    });

    it("delivers error frames, counts them apart and tells bus-off and its end", async () => {
      await under.bus.start(sink);
      await under.deliver([frameOf(0x123, [1]), frameOf(0x040, new Uint8Array(8), error)]);
      await sink.waitForState("bus-off");
      await under.deliver([frameOf(0x100, new Uint8Array(8), error), frameOf(0x124, [2])]);
      await sink.waitForFrames(4);
      expect(sink.frames.map((frame) => frame.flags & error)).toEqual([0, error, error, 0]);
      expect(sink.frames.map((frame) => frame.id)).toEqual([0x123, 0x040, 0x100, 0x124]);
      await sink.waitForState("up");
      expect(sink.states).toEqual(["up", "bus-off", "up"]);
      expect(under.bus.counters()).toMatchObject({ received: 2, errorFrames: 2 });
    });

    it("receives what its filters let through, as changed before the start and while it runs, and every error frame", async () => {
      const ofId = (id: number): FrameFilter => ({ id, mask: 0x7ff, extended: false });
      under.bus.receive([ofId(0x101), { id: 0x18fe_f100, mask: 0x03ff_ff00, extended: true }]);
      await under.bus.start(sink);
      const frames = (round: number): readonly CanFrame[] => [
        frameOf(0x100, [round]),
        frameOf(0x101, [round]),
        frameOf(0x101, [round], extended),
        frameOf(0x0cfe_f127, [round], extended),
        frameOf(0x102, [round]),
        // The last of each round, and let through by all filters.
        frameOf(0x004, [0, 0, 0, 0, 0, 0, 0, round], error),
      ];
      const deliver = async (round: number): Promise<readonly number[]> => {
        const before = sink.frames.length;
        await under.deliver(frames(round));
        await until(() => (sink.frames.at(-1)?.flags === error && sink.frames.length > before ? true : undefined), {
          what: `the error frame of round ${round}`,
          timeoutMs: WAIT_MS,
          everyMs: 5,
        });
        return sink.frames.slice(before).flatMap((frame) => (frame.flags === error ? [] : [frame.id]));
      };
      /** What the old filters let through may come on for a moment. */
      const settled = async (ids: readonly number[]): Promise<void> => {
        let got: readonly number[] = [];
        const isSettled = async (): Promise<true | undefined> => {
          got = await deliver(9);
          for (const id of ids) expect(got).toContain(id);
          return got.length === ids.length || undefined;
        };
        await until(isSettled, { what: `${ids.join()} alone`, timeoutMs: 20_000, everyMs: 100 });
        expect(got).toEqual(ids);
      };
      expect(await deliver(1)).toEqual([0x101, 0x0cfe_f127]);
      under.bus.receive([ofId(0x101), ofId(0x102)]);
      expect((await deliver(2)).filter((id) => id === 0x101 || id === 0x102)).toEqual([0x101, 0x102]);
      await settled([0x101, 0x102]);
      if (limits.noRemote !== true) {
        await under.deliver([frameOf(0x102, [], remote)]);
        await until(() => sink.frames.at(-1)?.flags === remote || undefined, { what: "it", timeoutMs: WAIT_MS });
      }
      under.bus.receive([]);
      await settled([]);
      under.bus.receive(EVERY_FRAME);
      await settled([0x100, 0x101, 0x101, 0x0cfe_f127, 0x102]);
      expect(under.bus.counters().received).toBe(sink.frames.filter(({ flags }) => (flags & error) === 0).length);
    });

    it("calls nothing after stop, and stops again without complaint", async () => {
      await under.bus.start(sink);
      await under.deliver([frameOf(0x123, [1])]);
      await sink.waitForFrames(1);
      const late = under
        .deliver(Array.from({ length: 50 }, (_, index) => frameOf(index, [index])))
        .catch(() => undefined);
      await under.bus.stop();
      const calls = sink.calls.length;
      await late;
      await new Promise((resolve) => setTimeout(resolve, 100));
      expect(sink.calls.length).toBe(calls);
      await under.bus.stop();
      expect(under.bus.counters().received).toBe(sink.frames.length);
    });

    it("refuses to send while the controller is bus-off, and sends none of that when it is back", async () => {
      await under.bus.start(sink);
      const { sent } = under;
      if (sent === undefined) return;
      await under.deliver([frameOf(0x040, new Uint8Array(8), error)]);
      await sink.waitForState("bus-off");
      await expect(under.bus.send(frameOf(0x123, [1]))).rejects.toThrow("the controller is bus-off");
      await under.deliver([frameOf(0x100, new Uint8Array(8), error)]);
      await until(() => sink.states.at(-1) === "up" || undefined, { what: "back up", timeoutMs: WAIT_MS });
      await under.bus.send(frameOf(0x124, [2]));
      const ids = (): readonly number[] => sent().flatMap(({ id, flags }) => ((flags & error) === 0 ? [id] : []));
      await until(() => ids().length > 0 || undefined, { what: "the frame after it", timeoutMs: WAIT_MS });
      expect(ids()).toEqual([0x124]);
      expect(under.bus.counters().transmitted).toBe(1);
    });

    it("sends frames in order, or says that it cannot", async () => {
      await under.bus.start(sink);
      const long = Uint8Array.from({ length: 64 }, (_, index) => index);
      const frames = [
        ...Array.from({ length: 200 }, (_, index) => frameOf(0x200 + index, [index, 0xff])),
        frameOf(0x18fe_f100, [1, 2, 3], extended),
        frameOf(0x7ff, []),
        frameOf(0x300, long, fd | bitRateSwitch),
      ];
      const { sent } = under;
      if (sent === undefined) {
        await expect(under.bus.send(frames[0])).rejects.toMatchObject({ code: "bus.unsupported" });
        return;
      }
      for (const frame of frames) await under.bus.send(frame);
      await until(() => sent().length >= frames.length || undefined, { what: "sent frames", timeoutMs: WAIT_MS });
      expect(sent().map((frame) => plain(frame, lostFlags))).toEqual(frames.map((frame) => plain(frame, lostFlags)));
      expect(under.bus.counters().transmitted).toBe(frames.length);
    });
  });
}
