import { describe, expect, it } from "vitest";
import { FRAME_FLAG } from "../../../../agent/ports/frame.ts";
import { kernelFilters, ReceiveFilter } from "../../../../drivers/can/filter.ts";
import { MemoryLog } from "../../../fakes/core/log.ts";

const { extended, error } = FRAME_FLAG;

describe("ReceiveFilter", () => {
  it("lets everything through when there are no filters", () => {
    const filter = new ReceiveFilter([]);
    expect([filter.accepts(0, 0), filter.accepts(0x1fff_ffff, extended), filter.accepts(4, error)]).toEqual([
      true,
      true,
      true,
    ]);
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
      0x123, 0x8000_07ff, 0x98fe_f100, 0x9fff_ffff,
    ]);
  });

  it("receives everything when a socket takes no more filters, and says so", () => {
    const filters = Array.from({ length: 513 }, () => ({ id: 1, mask: 0x7ff, extended: false }));
    const log = new MemoryLog();
    expect(kernelFilters("can0", filters.slice(1), log)).toHaveLength(1024);
    expect(log.entries).toEqual([]);
    expect(kernelFilters("can0", filters, log)).toHaveLength(0);
    expect(log.of("bus.filter-widened")).toMatchObject([{ facts: { bus: "can0", filters: 513 } }]);
  });
});
