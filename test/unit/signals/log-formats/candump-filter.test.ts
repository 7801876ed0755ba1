import { describe, expect, it } from "vitest";
import { FRAME_FLAG } from "../../../../agent/ports/frame.ts";
import { parseCandumpFilters } from "../../../../agent/signals/log-formats/candump-filter.ts";

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

  it.each(["123", "12G:7FF", "123:7FF ", "123456789:7FF", "", "#", "all"])("refuses %j", (filter) => {
    expect(parseCandumpFilters(["1:1", filter])).toContain("is no filter");
  });
});
