import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { FrameFilter } from "../../../../agent/ports/can-bus.ts";
import { type CanFrame, FRAME_FLAG } from "../../../../agent/ports/frame.ts";
import { ShownTap } from "../../../fakes/diagnostics/tester-bus.ts";

const NO_DATA = new Uint8Array();
const frameOf = (id: number, flags = 0): CanFrame => ({ id, flags, data: NO_DATA, receivedAtUs: 1 });
const exactly = (id: number): FrameFilter => ({ id, mask: 0x7ff, extended: false });

describe("BusFrameTap", () => {
  it("gives each taker what one of its filters lets through, once", () => {
    const tap = new ShownTap();
    const [one, both]: [number[], number[]] = [[], []];
    tap.on([exactly(0x7e8)], ({ id }) => one.push(id));
    tap.on([exactly(0x7e8), { id: 0x7e0, mask: 0x7f0, extended: false }], ({ id }) => both.push(id));
    tap.show(frameOf(0x7e8), frameOf(0x7e9), frameOf(0x7f0));
    expect(one).toEqual([0x7e8]);
    expect(both).toEqual([0x7e8, 0x7e9]);
  });

  it("tells ids of 11 and 29 bits apart", () => {
    const tap = new ShownTap();
    const seen: number[] = [];
    tap.on([{ id: 0x7e8, mask: 0x1fff_ffff, extended: true }], ({ flags }) => seen.push(flags));
    tap.show(frameOf(0x7e8), frameOf(0x7e8, FRAME_FLAG.extended));
    expect(seen).toEqual([FRAME_FLAG.extended]);
  });

  it("gives neither error nor remote frames", () => {
    const tap = new ShownTap();
    let taken = 0;
    tap.on([{ id: 0, mask: 0, extended: false }], () => {
      taken += 1;
    });
    tap.show(frameOf(4, FRAME_FLAG.error), frameOf(0x7e8, FRAME_FLAG.remote), frameOf(0x7e8));
    expect(taken).toBe(1);
  });

  it("gives nothing any more to who released it, not in the same frame either", () => {
    const tap = new ShownTap();
    const seen: string[] = [];
    const release = tap.on([exactly(0x7e8)], () => {
      seen.push("first");
      release();
      second();
    });
    const second = tap.on([exactly(0x7e8)], () => seen.push("second"));
    tap.show(frameOf(0x7e8), frameOf(0x7e8));
    expect(seen).toEqual(["first"]);
  });

  it("hands over a copy that may be kept", () => {
    const tap = new ShownTap();
    const kept: CanFrame[] = [];
    tap.on([exactly(0x7e8)], (frame) => kept.push(frame));
    tap.show({ ...frameOf(0x7e8), data: Uint8Array.of(1) }, { ...frameOf(0x7e8), data: Uint8Array.of(2) });
    expect(kept.map(({ data }) => data[0])).toEqual([1, 2]);
  });

  it("keeps a filter wanted for a while, so that the bus need not change it for each request", () => {
    const tap = new ShownTap();
    const lists: (readonly FrameFilter[])[] = [];
    for (let turn = 0; turn < 3; turn += 1) {
      tap.on([exactly(0x7e8)], () => undefined)();
      lists.push(tap.wanted);
    }
    expect(lists[0]).toEqual([exactly(0x7e8)]);
    expect(lists[2]).toBe(lists[0]);
  });

  it("lets go of idle filters when there are too many", () => {
    const tap = new ShownTap();
    tap.on([exactly(0x100)], () => undefined);
    for (let id = 0; id < 65; id += 1) tap.on([exactly(id)], () => undefined)();
    expect(tap.wanted).toEqual([exactly(0x100)]);
  });

  it("agrees with asking every filter about every frame", () => {
    const filter = fc.record({ id: fc.nat(15), mask: fc.nat(15), extended: fc.boolean() });
    const frame = fc.record({ id: fc.nat(15), extended: fc.boolean() });
    fc.assert(
      fc.property(fc.array(fc.array(filter, { maxLength: 3 }), { maxLength: 4 }), fc.array(frame), (lists, frames) => {
        const tap = new ShownTap();
        const seen = lists.map((): string[] => []);
        lists.forEach((filters, at) => void tap.on(filters, ({ id, flags }) => seen[at].push(`${id}/${flags}`)));
        for (const { id, extended } of frames) tap.show(frameOf(id, extended ? FRAME_FLAG.extended : 0));
        const wanted = lists.map((filters) =>
          frames
            .filter(({ id, extended }) =>
              filters.some((one) => one.extended === extended && ((id ^ one.id) & one.mask) === 0),
            )
            .map(({ id, extended }) => `${id}/${extended ? FRAME_FLAG.extended : 0}`),
        );
        expect(seen).toEqual(wanted);
      }),
      { seed: 16 },
    );
  });
});
