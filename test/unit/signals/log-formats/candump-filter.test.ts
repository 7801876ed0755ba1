import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EVERY_FRAME } from "../../../../agent/ports/can-bus.ts";
import { FRAME_FLAG } from "../../../../agent/ports/frame.ts";
import { parseCandumpFilters, receiveFiltersOf } from "../../../../agent/signals/log-formats/candump-filter.ts";

function wants(filters: string, id: number, flags = 0): boolean {
  const test = parseCandumpFilters(filters.split(","));
  if (typeof test === "string") throw new Error(test);
  return test(id, flags);
}

const { extended, remote, error } = FRAME_FLAG;

// The examples of candump's own help text; test/guest compares more with candump on a kernel.
describe("parseCandumpFilters", () => {
  it("lets an id through in every length unless the mask says which", () => {
    expect([wants("123:7FF", 0x123), wants("123:7FF", 0x123, extended), wants("123:7FF", 0x123, remote)]).toEqual([
      true,
      true,
      true,
    ]);
    expect(wants("123:C00007FF", 0x123)).toBe(true);
    expect(wants("123:C00007FF", 0x123, extended)).toBe(false);
    expect(wants("123:C00007FF", 0x123, remote)).toBe(false);
    expect(wants("12345678:DFFFFFFF", 0x1234_5678, extended)).toBe(true);
    expect(wants("12345678:DFFFFFFF", 0x123_4567, extended)).toBe(false);
  });

  it("turns a filter round, and joins several where asked to", () => {
    expect([wants("400~7F0", 0x405), wants("400~7F0", 0x410)]).toEqual([false, true]);
    expect([wants("400~7F0,123~7FF", 0x123), wants("400~7F0,123~7FF,j", 0x123)]).toEqual([true, false]);
  });

  it("lets error frames through by their class alone", () => {
    expect([wants("0:0", 4, error), wants("0:0,#FFFFFFFF", 4, error), wants("#40", 4, error)]).toEqual([
      false,
      true,
      false,
    ]);
    expect([wants("0~0,#FFFFFFFF", 0x123), wants("#40", 0x123)]).toEqual([false, true]);
  });

  // can-utils reads them with sscanf("%x:%x"), and tells the length by where the colon stands.
  it("takes 0x in front, which counts for the eight characters of a 29-bit id", () => {
    expect([wants("0x123:0x7FF", 0x123), wants("0x123:0x7FF", 0x124)]).toEqual([true, false]);
    expect([wants("0x000123:8000FFFF", 0x123, extended), wants("0x000123:8000FFFF", 0x123)]).toEqual([true, false]);
  });

  it.each(["123", "12G:7FF", "123:7FF ", "123456789:7FF", "", "#", "all"])("refuses %j", (filter) => {
    expect(parseCandumpFilters(["1:1", filter])).toContain("is no filter");
  });
});

describe("receiveFiltersOf", () => {
  it.each([
    [
      "123:7FF",
      [
        { id: 0x123, mask: 0x7ff, extended: false },
        { id: 0x123, mask: 0x7ff, extended: true },
      ],
    ],
    ["00000123:9FFFFFFF", [{ id: 0x123, mask: 0x1fff_ffff, extended: true }]],
    ["123:800007FF", [{ id: 0x123, mask: 0x7ff, extended: false }]],
    ["123~7FF", EVERY_FRAME],
    ["#FFFFFFFF", EVERY_FRAME],
  ])("makes of %s what a bus can hold back by", (filter, wanted) => {
    expect(receiveFiltersOf([filter])).toEqual(wanted);
  });

  it("lets through every frame that is wanted (seed 5)", () => {
    const hex = fc.integer({ min: 0, max: 0xffff_ffff }).map((value) => value.toString(16));
    const idText = fc.oneof(hex, fc.constantFrom("123", "00000123", "7ff", "1fffffff"));
    const filter = fc.oneof(
      fc.tuple(idText, fc.constantFrom(":", "~"), hex).map((parts) => parts.join("")),
      fc.constantFrom("123:7ff", "00000123:9fffffff", "123:800007ff", "j", "#40"),
    );
    const frame = fc.oneof(
      fc.tuple(fc.oneof(fc.constant(0x123), fc.integer({ min: 0, max: 0x7ff })), fc.constant(false)),
      fc.tuple(fc.oneof(fc.constant(0x123), fc.integer({ min: 0, max: 0x1fff_ffff })), fc.constant(true)),
    );
    fc.assert(
      fc.property(fc.array(filter, { minLength: 1, maxLength: 4 }), frame, (filters, [id, isExtended]) => {
        if (!wants(filters.join(","), id, isExtended ? extended : 0)) return;
        const received = receiveFiltersOf(filters).some(
          (one) => one.extended === isExtended && (id & one.mask) === (one.id & one.mask),
        );
        expect(received).toBe(true);
      }),
      { seed: 5, numRuns: 5000 },
    );
  });
});
