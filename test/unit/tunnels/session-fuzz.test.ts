import { expect, it } from "vitest";
import { createFrameReader } from "../../../agent/tunnels/frames.ts";
import { type ConnectionEnd, TunnelSession } from "../../../agent/tunnels/session.ts";
import { readDescriptor } from "../../../config/proto/descriptor.ts";
import { readRelayFrame, relayFrame, TYPE } from "../../bench/cloud/tunnel-frames.ts";
import { seededRandom } from "../../bench/core/seeded-random.ts";
import { type FakeLocal, fakeLocals } from "../../fakes/tunnels/service.ts";

const SEED = 1880;
const RUNS = 300;
const STEPS = 60;
const MOST = 3;
const readFrame = createFrameReader(readDescriptor("tunnel"));

/** A session with both of its sides and all that it tells in the hands of the test; `random` says what a side takes. */
function rig(protocol: 1 | 2 | 3, random: () => number) {
  const { locals, openLocal } = fakeLocals();
  const socket = { isPaused: true, closed: 0, isFull: false, sentBytes: 0 };
  const told = { opened: 0, in: 0, out: 0, carried: 0, ends: new Map<number, ConnectionEnd>() };
  const session = new TunnelSession({
    ports: new Map([
      ["SSH", 22],
      ["VNC", 5900],
    ]),
    maxConnections: MOST,
    mayOpen: () => random() < 0.9,
    readFrame,
    openLocal,
    report: {
      moved: (direction, bytes) => {
        told[direction] += bytes;
      },
      carried: (bytes) => {
        told.carried += bytes;
      },
      opened: () => {
        told.opened += 1;
      },
      ended: (connection, end) => {
        expect(told.ends.has(connection)).toBe(false);
        told.ends.set(connection, end);
      },
    },
  });
  session.begin({
    protocol,
    channelId: "",
    send: (bytes) => {
      const frame = readRelayFrame(Buffer.from(bytes.subarray(2)));
      expect(socket.closed).toBe(0);
      expect(frame).not.toBeTypeOf("string");
      if (typeof frame !== "string") expect([TYPE.data, TYPE.streamReset, TYPE.connectionReset]).toContain(frame.type);
      socket.sentBytes += bytes.length;
      if (random() < 0.1) socket.isFull = true;
      return !socket.isFull;
    },
    pause: () => {
      socket.isPaused = true;
    },
    resume: () => {
      socket.isPaused = false;
    },
    close: () => {
      socket.closed += 1;
    },
  });
  return { session, socket, locals, told };
}

/** A frame of the source, mostly one that means something; a broken one now and then. */
function anyFrame(random: () => number): Buffer {
  const whole = (most: number): number => Math.floor(random() * most);
  const serviceId = ["SSH", "SSH", "VNC", "", "RDP"][whole(5)] ?? "";
  const type = random() < 0.4 ? TYPE.streamStart : whole(50) === 0 ? whole(10) : 1 + whole(7);
  const isNaming = type === TYPE.serviceIds;
  const frame = relayFrame({
    type,
    streamId: whole(3),
    connectionId: whole(4),
    ...(serviceId === "" || isNaming ? {} : { serviceId }),
    ...(isNaming ? { available: ["SSH", "VNC"].slice(whole(3)) } : {}),
    ...(type === TYPE.data ? { payload: Buffer.alloc(whole(200), 1) } : {}),
  });
  if (random() < 0.02) frame[whole(frame.length)] = whole(256);
  return frame;
}

it(`outlives ${RUNS} random lives, and its accounts agree at each step (seed ${SEED})`, async () => {
  const random = seededRandom(SEED);
  const whole = (most: number): number => Math.floor(random() * most);
  let violated = 0;
  let full = 0;
  for (let run = 0; run < RUNS; run++) {
    const { session, socket, locals, told } = rig(([1, 2, 3] as const)[run % 3] ?? 3, random);
    const gone = new Set<FakeLocal>();
    /** How much a local service had taken when it began to take no more. */
    const stopped = new Map<FakeLocal, number>();
    const isLive = (local: FakeLocal): boolean => !local.hasEnded && !gone.has(local);
    let cameBytes = 0;
    const take = (bytes: Uint8Array): void => {
      cameBytes += bytes.length;
      session.handlers.onBytes(bytes);
    };
    const ofLocal = (local: FakeLocal): void => {
      const choice = whole(4);
      if (choice === 0) {
        gone.add(local);
        local.handlers.onEnded(random() < 0.5 ? "" : "ECONNRESET");
      } else if (choice === 1) {
        local.takesMore = true;
        stopped.delete(local);
        local.handlers.onDrain();
      } else if (!local.isPaused) local.handlers.onBytes(Buffer.alloc(1 + whole(100_000)));
    };
    const step = (): void => {
      const choice = whole(20);
      const live = locals.filter(isLive);
      const local = live[whole(live.length)];
      if (choice === 0 && socket.isFull) {
        socket.isFull = false;
        session.handlers.onDrain();
      } else if (choice === 1 && whole(20) === 0) session.handlers.onClosed("reset");
      else if (choice < 8 && local !== undefined) ofLocal(local);
      else if (!socket.isPaused) {
        if (local !== undefined && local.takesMore && whole(4) === 0) {
          local.takesMore = false;
          stopped.set(local, local.written.length);
        }
        const bytes = Buffer.concat(Array.from({ length: 1 + whole(3) }, () => anyFrame(random)));
        const at = whole(bytes.length);
        take(bytes.subarray(0, at));
        take(bytes.subarray(at));
      }
    };
    for (let count = 0; count < STEPS && socket.closed === 0; count++) {
      step();
      const live = locals.filter(isLive);
      expect([session.connections, told.opened - told.ends.size]).toEqual([live.length, live.length]);
      expect(live.length).toBeLessThanOrEqual(MOST);
      if (socket.closed > 0) break;
      expect(socket.isPaused).toBe(live.some((local) => local.written.length > (stopped.get(local) ?? Infinity)));
      if (socket.isFull) {
        full += 1;
        expect(live.filter((local) => !local.isPaused)).toEqual([]);
      }
    }
    const isViolated = socket.closed > 0;
    if (isViolated) violated += 1;
    const before = socket.sentBytes;
    session.close("the test ends");
    expect([socket.closed, locals.filter(isLive)]).toEqual([1, []]);
    for (const local of locals) {
      local.handlers.onBytes(Buffer.from("late"));
      local.handlers.onDrain();
    }
    session.handlers.onBytes(relayFrame({ type: TYPE.streamStart, streamId: 9, serviceId: "SSH" }));
    session.handlers.onDrain();
    expect(socket.sentBytes).toBe(before);
    const sum = (of: "bytesIn" | "bytesOut"): number => [...told.ends.values()].reduce((all, end) => all + end[of], 0);
    expect([sum("bytesIn"), sum("bytesOut"), told.ends.size]).toEqual([told.in, told.out, told.opened]);
    expect(told.in).toBe(locals.flatMap(({ written }) => written).reduce((all, bytes) => all + bytes.length, 0));
    expect(told.carried).toBeGreaterThanOrEqual(cameBytes + before);
    await session.over;
  }
  // The test has seen each kind of life.
  expect(violated).toBeGreaterThan(RUNS / 20);
  expect(violated).toBeLessThan(RUNS * 0.95);
  expect(full).toBeGreaterThan(RUNS);
});
