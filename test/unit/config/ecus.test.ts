import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { AgentError } from "../../../agent/core/errors.ts";
import { layoutProblem } from "../../../config/ecu-layout.ts";
import { sharedAddresses } from "../../../config/ecu-problems.ts";
import { ecuCatalogue } from "../../../config/ecus.ts";
import { loadYamlFile } from "../../../config/load.ts";
import { temporaryFolder } from "../../fakes/core/folder.ts";

const EXAMPLE = join(import.meta.dirname, "../../../config/ecus.example.yaml");

function changed(from: string, to: string): string {
  const file = join(temporaryFolder(), "ecus.yaml");
  const text = readFileSync(EXAMPLE, "utf8");
  expect(text).toContain(from);
  writeFileSync(file, text.replace(from, to));
  return file;
}

describe("the catalogue of control units", () => {
  it("is shipped as an example that passes", async () => {
    const { value } = await loadYamlFile(EXAMPLE, ecuCatalogue);
    expect(value.ecus.map(({ name, request, fd }) => ({ name, request, fd }))).toEqual([
      { name: "body", request: 0x740, fd: false },
      { name: "gateway", request: 0x18da10f1, fd: false },
    ]);
    expect(sharedAddresses(value.ecus)).toEqual([]);
  });

  it.each([
    [
      "an unknown key",
      "length: 17, text",
      "lenght: 17, text",
      /ecus\.yaml:\d+:\d+ ecus\[0\]\.dids\[0\]\.lenght: unknown key; did you mean length\?/,
    ],
    ["an id that is too long", "request: 0x740", "request: 0x1740", /:8:5 ecus\[0\]\.request: has more than 11 bits/],
    [
      "an answer with the request's id",
      "response: 0x748",
      "response: 0x740",
      /ecus\[0\]\.response: is the request's own/,
    ],
    [
      "one address byte",
      "fd: true for CAN FD.\n",
      "\n    requestByte: 1\n",
      /ecus\[0\]\.request: requestByte and responseByte go together/,
    ],
    [
      "a signal past the data",
      "length: 3\n        # As",
      "length: 2\n        # As",
      /dids\[3\]\.signals\[1\]\.startBit: needs 3 bytes of data, and there are 2/,
    ],
    ["a data identifier twice", "id: 0x0102", "id: 0x0101", /dids\[4\]\.id: 0x101 is there twice/],
    [
      "a signal twice",
      "front_right_door",
      "front_left_door",
      /dids\[4\]\.signals\[1\]\.name: front_left_door is there twice in this control unit/,
    ],
    ["a name twice", "name: gateway", "name: body", /:\d+:\d+ ecus\[1\]\.name: body is there twice/],
    ["an even level", "level: 1,", "level: 2,", /security\[0\]\.level: must be odd, as the request for a seed is/],
    [
      "a level without a program",
      "security: 1\n        class",
      "security: 3\n        class",
      /routines\[0\]\.security: security has no level 3/,
    ],
    [
      "a program that is searched for",
      "program: /usr/lib/example/body-key",
      "program: body-key",
      /security\[0\]\.program: must be an absolute path/,
    ],
    ["a code that is none", "B1A23-11", "B1A2-11", /troubleCodes\.names\.B1A2-11: /],
    [
      "an argument past its option",
      "startBit: 15, bits: 8, minimum",
      "startBit: 23, bits: 8, minimum",
      /routines\[0\]\.start\.arguments\[0\]\.startBit: needs 3 bytes of data, and there are 2/,
    ],
    [
      "a verdict of nothing",
      "verdict: { signal: window_current",
      "verdict: { signal: current",
      /result\.verdict\.signal: is no signal of this result/,
    ],
  ] as const)("names the place of %s", async (_what, from, to, problem) => {
    await expect(loadYamlFile(changed(from, to), ecuCatalogue)).rejects.toThrow(problem);
  });

  it("says what helps a file that the configuration names, and is none itself", async () => {
    const remedyOf = (file: string) => loadYamlFile(file, ecuCatalogue).catch(({ remedy }: AgentError) => remedy);
    expect(await remedyOf(changed("name: gateway", "name: body"))).toBe(
      "correct the file, then: causeway config validate",
    );
    expect(await remedyOf("/nowhere/ecus.yaml")).toBe("put it there, or name another where this one is named");
  });

  it("finds control units of a bus that share an address", async () => {
    const { value } = await loadYamlFile(EXAMPLE, ecuCatalogue);
    const [body] = value.ecus;
    const other = { ...body, name: "other", request: 0x741 };
    expect(sharedAddresses([body, other])).toEqual([{ at: 1, with: "body" }]);
    // Told apart by their address bytes.
    expect(sharedAddresses([body, { ...other, requestByte: 0x10, responseByte: 0xf1 }])).toEqual([]);
  });
});

describe("layoutProblem", () => {
  it.each([
    [{ startBit: 7, bits: 16, byteOrder: "big", kind: "integer" }, 2],
    [{ startBit: 0, bits: 16, byteOrder: "little", kind: "integer" }, 2],
    [{ startBit: 3, bits: 12, byteOrder: "big", kind: "integer" }, 2],
    [{ startBit: 4, bits: 5, byteOrder: "little", kind: "integer" }, 2],
    [{ startBit: 15, bits: 8, byteOrder: "big", kind: "integer" }, 2],
    [{ startBit: 2, bits: 3, byteOrder: "big", kind: "integer" }, 1],
    [{ startBit: 7, bits: 32, byteOrder: "big", kind: "float" }, 4],
  ] as const)("wants for %j as many bytes as it has bits in", (place, bytes) => {
    expect(layoutProblem(place, bytes)).toBeUndefined();
    expect(layoutProblem(place, bytes - 1)).toBe(`needs ${bytes} bytes of data, and there are ${bytes - 1}`);
  });

  it("gives IEEE values their size", () => {
    expect(layoutProblem({ startBit: 7, bits: 16, byteOrder: "big", kind: "float" }, 8)).toBe("a float has 32 bits");
  });
});
