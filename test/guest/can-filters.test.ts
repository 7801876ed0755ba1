import { readFileSync } from "node:fs";
import { afterEach, describe, expect, it } from "vitest";
import { type BusSink, type CanBus, EVERY_FRAME, type FrameFilter } from "../../agent/ports/can-bus.ts";
import { FRAME_FLAG, type FrameBatch } from "../../agent/ports/frame.ts";
import { createNativeBus } from "../../drivers/can/native-bus.ts";
import { systemClock } from "../../drivers/os/time-source.ts";
import { seededRandom } from "../bench/core/seeded-random.ts";
import { until } from "../bench/core/wait.ts";
import { frameOf, RecordingSink } from "../contract/can-bus.suite.ts";
import { play } from "../contract/kernel-can.ts";
import { MemoryLog } from "../fakes/core/log.ts";
import { addVcan, flood, ip } from "./vcan.ts";

const INTERFACE = "narrow0";
/** linux/can.h */
const CAN_RTR_FLAG = 0x4000_0000;
const SEED = 20_261_129;
const CHANGES = 100;
/** Frames between two changes: mostly fewer than come while the filters settle, sometimes more. */
const NEXT_CHANGE = { short: [50, 400], long: [1500, 2500], longEvery: 4 } as const;
const FRAMES_PER_SECOND = 6000;

const parts = { clock: systemClock(), log: new MemoryLog() };
const closers: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

async function nativeBus(filters: readonly FrameFilter[]): Promise<CanBus> {
  await addVcan(INTERFACE);
  closers.push(() => ip("link", "delete", INTERFACE));
  const settings = { name: "can0", interface: INTERFACE, receiveBufferBytes: 8_388_608, ringFrames: 65_536 };
  const bus = createNativeBus({ ...settings, filters }, parts);
  closers.push(() => bus.stop());
  return bus;
}

type Receiver = { readonly id: number; readonly mask: number; readonly matches: number };

/** What the kernel has registered for data frames of the interface, and how many frames each entry has let through. */
function receivers(): readonly Receiver[] {
  return ["all", "fil", "inv", "sff", "eff"].flatMap((list) =>
    readFileSync(`/proc/net/can/rcvlist_${list}`, "utf8")
      .split("\n")
      .map((line) => line.trim().split(/\s+/))
      // device can_id can_mask function userdata matches ident
      .filter(([device]) => device === INTERFACE)
      .map(([, id, mask, , , matches]) => ({
        id: Number.parseInt(id, 16),
        mask: Number.parseInt(mask, 16),
        matches: Number(matches),
      })),
  );
}

async function untilSettled(count: number): Promise<void> {
  await until(() => receivers().length === count || undefined, { what: `${count} receivers`, timeoutMs: 5000 });
}

const ofId = (id: number): FrameFilter => ({ id, mask: 0x7ff, extended: false });
/** Every eighth frame of the flood, whose frame n has the id n & 0x7ff: of the ids that end in binary 001. */
const KEPT = { id: 0b001, mask: 0b111, extended: false };
const isKept = (number: number): boolean => (number & KEPT.mask) === KEPT.id;
const KEPT_IDS = Array.from({ length: 0x800 }, (_, id) => id).filter(isKept);

/** Lists in all forms that let the kept ids through, and others beside them. */
const LISTS: readonly (readonly FrameFilter[])[] = [
  [KEPT],
  KEPT_IDS.map(ofId),
  EVERY_FRAME,
  [{ id: 0b01, mask: 0b11, extended: false }, ofId(0x7ff)],
  // Too many for a socket together with the list before or after it.
  [...KEPT_IDS, ...KEPT_IDS.map((id) => id - 1)].map(ofId).slice(0, 510),
  KEPT_IDS.toReversed().map(ofId),
];

/** Follows the numbers of the kept frames, which must come each once and in order, and changes the filters on the way. */
class KeptSink implements BusSink {
  kept = 0;
  missing = 0;
  repeated = 0;
  others = 0;
  changes = 0;
  readonly #random = seededRandom(SEED);
  readonly #change: (filters: readonly FrameFilter[]) => void;
  #last = KEPT.id - 8;
  #nextChange = 0;

  constructor(change: (filters: readonly FrameFilter[]) => void) {
    this.#change = change;
  }

  onFrames(batch: FrameBatch): void {
    const words = new Uint32Array(batch.bytes.buffer);
    for (let index = 0; index < batch.count; index += 1) this.#take(words[index * 20 + 4]);
  }

  onState(): void {}

  #take(number: number): void {
    if (isKept(number)) {
      this.kept += 1;
      if (number <= this.#last) this.repeated += 1;
      else this.missing += (number - this.#last) / 8 - 1;
      this.#last = Math.max(this.#last, number);
    } else this.others += 1;
    if (number < this.#nextChange || this.changes === CHANGES) return;
    this.changes += 1;
    const [least, most] = this.changes % NEXT_CHANGE.longEvery === 0 ? NEXT_CHANGE.long : NEXT_CHANGE.short;
    this.#nextChange = number + least + Math.floor(this.#random() * (most - least));
    this.#change(LISTS[Math.floor(this.#random() * LISTS.length)]);
  }
}

describe("filters in the kernel", () => {
  it("let through what is asked for, and the kernel counts no other frame", async () => {
    const bus = await nativeBus(EVERY_FRAME);
    await bus.start(new RecordingSink());
    bus.receive([KEPT]);
    // The kernel's word for it: one receiver, once the change is over.
    await untilSettled(1);
    const sent = await flood(INTERFACE, 8000, 0);
    await until(() => bus.counters().received >= sent / 8 || undefined, { what: "kept frames", timeoutMs: 20_000 });
    expect(receivers()).toMatchObject([{ id: KEPT.id, matches: sent / 8 }]);
    expect(bus.counters()).toMatchObject({ received: sent / 8, dropped: 0 });
    expect(bus.filtered()).toBe((sent * 7) / 8);
  });

  it("let nothing through when nothing is asked for, also on an interface that comes later", async () => {
    const bus = await nativeBus(EVERY_FRAME);
    const sink = new RecordingSink();
    await bus.start(sink);
    bus.receive([]);
    await untilSettled(0);
    await flood(INTERFACE, 1000, 0);
    expect(bus.filtered()).toBe(1000);
    await ip("link", "delete", INTERFACE);
    await sink.waitForState("absent");
    bus.receive([ofId(5)]);
    await addVcan(INTERFACE);
    await sink.waitForState("up");
    // The id among those that the kernel finds by themselves, and what lets remote frames through.
    expect(receivers()).toMatchObject([{ id: CAN_RTR_FLAG, mask: CAN_RTR_FLAG }, { id: 5 }]);
    await flood(INTERFACE, 2048, 0);
    await play([frameOf(5, [], FRAME_FLAG.remote), frameOf(6, [], FRAME_FLAG.remote)], INTERFACE);
    await sink.waitForFrames(3);
    expect(sink.frames.map(({ id, flags }) => [id, flags])).toEqual([
      [5, 0],
      [5, FRAME_FLAG.remote],
      [6, FRAME_FLAG.remote],
    ]);
  });

  it(`lose and repeat no frame of old and new filters over ${CHANGES} changes under load (seed ${SEED})`, async () => {
    const bus = await nativeBus([KEPT]);
    const sink = new KeptSink((filters) => bus.receive(filters));
    await bus.start(sink);
    const longest = CHANGES * NEXT_CHANGE.short[1] + (CHANGES / NEXT_CHANGE.longEvery) * NEXT_CHANGE.long[1];
    const sent = await flood(INTERFACE, Math.ceil(longest / 8) * 8, FRAMES_PER_SECOND);
    // The figures below say more than this does when it fails.
    await until(() => sink.kept >= sent / 8 || undefined, { what: "kept frames", timeoutMs: 20_000 }).catch(
      () => false,
    );
    const { kept, missing, repeated, changes } = sink;
    expect({ kept, missing, repeated, changes }).toEqual({ kept: sent / 8, missing: 0, repeated: 0, changes: CHANGES });
    expect(bus.counters().dropped).toBe(0);
    expect(sink.others).toBeGreaterThan(0);
    expect(bus.filtered()).toBeGreaterThan(0);
  });
});
