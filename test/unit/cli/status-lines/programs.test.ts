import { describe, expect, it } from "vitest";
import { programLines } from "../../../../agent/cli/status-lines/programs.ts";

const SOCKET = { connected: 1, refused: 0, displaced: 0, slow: 0, tooLong: 0, strangerLines: 0 };
const COUNTS = { records: 3, bytes: 60, refused: 1, delayed: 0, storedBytes: 0, maxStoredBytes: 10_000_000 };
const NO_COMMANDS = { commands: 0, unanswered: 0, answers: [], missing: [] };

describe("programLines", () => {
  it("says what each program handed over, and what it answers and does not", () => {
    const programs = [
      { name: "door-watch", ...COUNTS, ...NO_COMMANDS },
      { name: "hvac", ...COUNTS, answers: ["precondition"], missing: ["defrost"], commands: 5, unanswered: 1 },
      { name: "", ...COUNTS, ...NO_COMMANDS },
    ];
    expect(programLines({ programs: { ...SOCKET, programs } })).toEqual([
      "programs   door-watch: 3 records, 1 refused, 0 B of 10.0 MB kept",
      "           hvac: 3 records, 1 refused, 0 B of 10.0 MB kept; answers precondition, does not answer defrost: 5 handed over, 1 without a known end",
      "           unnamed: 3 records, 1 refused, 0 B of 10.0 MB kept",
    ]);
  });

  it("says nothing without the section, and first of all why nobody is served", () => {
    expect(programLines({ programs: undefined })).toEqual([]);
    expect(programLines({ programs: { ...SOCKET, programs: [], problem: "no\u001b socket" } })).toEqual([
      "programs   no? socket",
    ]);
  });
});
