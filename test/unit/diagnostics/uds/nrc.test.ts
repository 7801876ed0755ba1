import { describe, expect, it } from "vitest";
import { nrcOf, nrcText } from "../../../../agent/diagnostics/uds/nrc.ts";

describe("nrcOf", () => {
  it("repeats a request for what the ECU asks to repeat, and for nothing else", () => {
    const codes = Array.from({ length: 256 }, (_, code) => code);
    expect(codes.filter((code) => nrcOf(code).retry === "soon")).toEqual([0x21, 0x94]);
    expect(codes.filter((code) => nrcOf(code).retry === "pending")).toEqual([0x78]);
    expect(nrcOf(0x22).retry).toBe("state");
    expect(nrcOf(0x33).retry).toBe("access");
  });

  it("names every code", () => {
    for (let code = 0; code < 256; code++) expect(nrcOf(code).name).not.toBe("");
    expect(nrcText(0x22)).toBe("conditions not correct (0x22)");
    expect(nrcText(0xf1)).toBe("condition of the vehicle's maker not correct (0xf1)");
    expect(nrcText(0x05)).toBe("reserved code (0x05)");
  });
});
