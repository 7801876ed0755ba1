import { describe, expect, it } from "vitest";
import { EVERY_FRAME } from "../../../../agent/ports/can-bus.ts";
import { FRAME_FLAG } from "../../../../agent/ports/frame.ts";
import { betweenFilters, kernelFilters, ReceiveFilter } from "../../../../drivers/can/filter.ts";
import { MemoryLog } from "../../../fakes/core/log.ts";

const { extended, error } = FRAME_FLAG;

describe("ReceiveFilter", () => {
  const ofEachKind = (filter: ReceiveFilter): readonly boolean[] => {
    return [filter.accepts(0, 0), filter.accepts(0x1fff_ffff, extended), filter.accepts(4, error)];
  };

  it("lets every frame through, and without filters nothing but error frames", () => {
    expect(ofEachKind(new ReceiveFilter(EVERY_FRAME))).toEqual([true, true, true]);
    expect(ofEachKind(new ReceiveFilter([]))).toEqual([false, false, true]);
  });

  it("goes on counting over a change of the filters", () => {
    const filter = new ReceiveFilter([]);
    expect(ofEachKind(filter)).toEqual([false, false, true]);
    filter.use([{ id: 0, mask: 0x7ff, extended: false }]);
    expect(ofEachKind(filter)).toEqual([true, false, true]);
    expect(filter.heldBack).toBe(3);
  });

  it("keeps 11-bit and 29-bit ids of the same value apart", () => {
    const filter = new ReceiveFilter([{ id: 0x123, mask: 0x7ff, extended: false }]);
    expect(filter.accepts(0x123, 0)).toBe(true);
    expect(filter.accepts(0x123, extended)).toBe(false);
    expect(filter.accepts(0x124, 0)).toBe(false);
  });

  it("compares only the bits of the mask", () => {
    // J1939: PGN 65265 (0xfef1) from any source and with any priority.
    const filter = new ReceiveFilter([{ id: 0x18fe_f100, mask: 0x03ff_ff00, extended: true }]);
    expect(filter.accepts(0x0cfe_f127, extended)).toBe(true);
    expect(filter.accepts(0x18fe_f200, extended)).toBe(false);
    expect(filter.accepts(0x7f1, 0)).toBe(false);
  });

  it("never holds back an error frame", () => {
    const filter = new ReceiveFilter([{ id: 0x123, mask: 0x7ff, extended: false }]);
    expect(filter.accepts(0x040, error)).toBe(true);
  });

  it("counts what it held back", () => {
    const filter = new ReceiveFilter([{ id: 0x123, mask: 0x7ff, extended: false }]);
    for (const id of [0x122, 0x123, 0x124]) filter.accepts(id, 0);
    expect(filter.heldBack).toBe(2);
  });
});

describe("kernelFilters", () => {
  it("makes the id length part of the comparison", () => {
    // struct can_filter (linux/can.h): CAN_EFF_FLAG in the mask, and in the id for 29-bit ids.
    const filters = [
      { id: 0x123, mask: 0x7ff, extended: false },
      { id: 0x18fe_f100, mask: 0x1fff_ffff, extended: true },
    ];
    expect([...kernelFilters("can0", filters, new MemoryLog())]).toEqual([
      0x123, 0xc000_07ff, 0x98fe_f100, 0xdfff_ffff, 0x4000_0000, 0x4000_0000,
    ]);
  });

  it("leaves remote frames to the filters that are no whole ids", () => {
    const filters = [{ id: 0x18fe_f100, mask: 0x03ff_ff00, extended: true }];
    expect([...kernelFilters("can0", filters, new MemoryLog())]).toEqual([0x98fe_f100, 0x83ff_ff00]);
  });

  it("lets every frame through by two pairs", () => {
    expect([...kernelFilters("can0", EVERY_FRAME, new MemoryLog())]).toEqual([
      0, 0x8000_0000, 0x8000_0000, 0x8000_0000,
    ]);
  });

  it("receives everything when a socket takes no more filters, and says so", () => {
    const filters = Array.from({ length: 511 }, () => ({ id: 1, mask: 0x7ff, extended: false }));
    const log = new MemoryLog();
    expect(kernelFilters("can0", filters.slice(1), log)).toHaveLength(1022);
    expect(log.entries).toEqual([]);
    // (can_id & 0) === (0 & 0) of every frame.
    expect([...kernelFilters("can0", filters, log)]).toEqual([0, 0]);
    expect(log.of("bus.filter-widened")).toMatchObject([{ facts: { bus: "can0", filters: 511 } }]);
  });

  it("receives nothing without filters", () => {
    expect(kernelFilters("can0", [], new MemoryLog())).toHaveLength(0);
  });
});

describe("betweenFilters", () => {
  const pairs = (count: number, first: number): Uint32Array =>
    Uint32Array.from({ length: count * 2 }, (_, word) => (word % 2 === 0 ? first + word / 2 : 0x8000_07ff));

  it("keeps the old pairs and adds the new ones", () => {
    expect([...betweenFilters(pairs(1, 5), pairs(2, 8))]).toEqual([5, 0x8000_07ff, 8, 0x8000_07ff, 9, 0x8000_07ff]);
    expect([...betweenFilters(pairs(0, 0), pairs(1, 8))]).toEqual([8, 0x8000_07ff]);
  });

  it("adds the one pair for everything when a socket does not take both lists", () => {
    expect(betweenFilters(pairs(300, 0), pairs(212, 400))).toHaveLength(1024);
    const tight = betweenFilters(pairs(511, 0), pairs(2, 600));
    expect(tight).toHaveLength(1024);
    expect(tight.slice(0, 1022)).toEqual(pairs(511, 0));
    expect(tight.slice(1022)).toEqual(Uint32Array.of(0, 0));
  });
});
