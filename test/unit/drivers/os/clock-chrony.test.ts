import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { askChrony, readTracking } from "../../../../drivers/os/clock-chrony.ts";

const SEED = 17;
/** As chronyc 4.3 printed it beside "System time : 0.000001139 seconds fast", "Root delay : 0.000005383", "Root dispersion : 0.000000777". */
const SERVER =
  "7F000001,127.0.0.1,6,1796002681.558924162,-0.000001139,0.000000007,0.000000013,-0.058,0.003,0.301,0.000005383,0.000000777,0.0,Normal\n";
/** chronyd with `local`, which nobody has set, as it printed it. */
const LOCAL =
  "7F7F0101,,5,1796002676.776315817,0.000000000,0.000000000,0.000000000,0.000,0.000,0.000,0.000000000,0.000000000,0.0,Normal\n";
const NONE =
  "00000000,,0,0.000000000,0.000000000,0.000000000,0.000000000,0.000,0.000,0.000,1.000000000,1.000000000,0.0,Not synchronised\n";

describe("readTracking", () => {
  it("adds up the error of a server", () => {
    const { errorMs, ...rest } = readTracking(SERVER) ?? {};
    expect(rest).toEqual({
      keeper: "chrony",
      state: "synchronised",
      reference: "server",
      detail: "server 127.0.0.1, stratum 6",
    });
    // 1.139 µs + 0.777 µs + 5.383 µs / 2.
    expect(errorMs).toBeCloseTo(0.004_607_5, 9);
  });

  it.each([
    ["GPS", "47505300", "gps"],
    ["PPS0", "50505330", "gps"],
    ["SHM0", "53484D30", "gps"],
    ["PHC0", "50484330", "ptp"],
    ["a,b", "612C6200", "gps"],
  ])("knows the reference clock %s from a server", (name, id, reference) => {
    const line = SERVER.replace("7F000001,127.0.0.1,6", `${id},${name},1`);
    expect(readTracking(line)).toMatchObject({ reference, state: "synchronised", detail: `reference clock ${name}` });
  });

  it("knows that nobody has set the clock, its own time among them", () => {
    for (const line of [LOCAL, NONE])
      expect(readTracking(line)).toMatchObject({ state: "searching", errorMs: undefined });
  });

  it("tells the time of a leap second as any other", () => {
    expect(readTracking(SERVER.replace("Normal", "Insert second"))?.state).toBe("synchronised");
  });

  it("takes nothing that is no line of chronyc, and nothing that is no number", () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.string(), fc.constantFrom("1e400", "NaN", "-", "Normal", "0.1")), { maxLength: 16 }),
        (fields) => {
          const reading = readTracking(fields.join(","));
          if (reading?.errorMs !== undefined) expect(Number.isFinite(reading.errorMs)).toBe(true);
        },
      ),
      { seed: SEED, numRuns: 5000 },
    );
    for (const bad of ["nan", "1e3", "99999999999999", "", "0x1"]) {
      expect(readTracking(SERVER.replace("-0.000001139", bad))).toBeUndefined();
    }
    expect(readTracking("506 Cannot talk to daemon")).toBeUndefined();
  });
});

describe("askChrony", () => {
  it.each([
    [{ kind: "not-run", detail: "chronyc: ENOENT" }, "chronyc: chronyc: ENOENT"],
    [{ kind: "timed-out" }, "chronyc: timed-out"],
    [
      { kind: "exited", code: 1, stdout: "506 Cannot talk to daemon", stderr: "", errorLines: 0 },
      "chronyc: chronyd does not answer",
    ],
    [{ kind: "exited", code: 0, stdout: "hello", stderr: "", errorLines: 0 }, "chronyc: its answer is not understood"],
  ] as const)("says why there is none: %o", async (end, detail) => {
    const reading = await askChrony(() => Promise.resolve(end), AbortSignal.timeout(1000));
    expect(reading).toMatchObject({ state: "silent", errorMs: undefined });
    expect(reading.detail).toContain(detail.replace("chronyc: chronyc", "chronyc"));
  });
});
