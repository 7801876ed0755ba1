import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { temporaryFolder } from "../../../fakes/core/folder.ts";
import { runCli } from "../../../fakes/daemon/cli-runner.ts";
import { ClockedVehicle } from "../../../fakes/telemetry/clocked-vehicle.ts";

const NEW_YEAR_US = 1_767_225_600_000_000;
const line = z.object({
  timeUs: z.int(),
  correctedUs: z.int(),
  timeBasis: z.string(),
  errorMs: z.number().optional(),
  signal: z.object({ name: z.string() }).optional(),
});

/** A boot at 1970 that is set right, and one that never is. */
function vehicle(): ClockedVehicle {
  const made = new ClockedVehicle(NEW_YEAR_US);
  made.boot({ wallUs: 0, quality: "unsynchronised" });
  const drive = (): void => {
    for (let at = 0; at < 40; at += 1) {
      made.pass(25);
      made.frame(0);
    }
  };
  drive();
  made.set(made.trueUs, "ntp");
  drive();
  made.boot({ wallUs: 50_000_000, quality: "unsynchronised" }, 60_000);
  drive();
  return made;
}

function payloadsOf(made: ClockedVehicle): readonly Uint8Array[] {
  return [...made.payloads("event"), ...made.payloads()];
}

async function decode(args: readonly string[], stdin?: AsyncIterable<Uint8Array>) {
  const run = await runCli(["records", "decode", ...args], stdin === undefined ? {} : { stdin });
  expect(run.exitCode).toBe(0);
  const lines = run.stdout.split("\n").slice(0, -1);
  return { lines, stderr: run.stderr };
}

function check(made: ClockedVehicle, lines: readonly string[]): void {
  const samples = lines.map((text) => line.parse(JSON.parse(text)));
  expect(samples).toHaveLength(120);
  samples.forEach(({ timeUs, correctedUs, timeBasis }, at) => {
    const { trueUs, boot } = made.truth[0][at];
    expect(timeBasis).toBe(boot === 2 ? "unknown" : at < 40 ? "corrected" : "clock");
    if (timeBasis === "corrected") expect(timeUs).toBeLessThan(100_000_000);
    else expect(correctedUs).toBe(timeUs);
    if (boot === 1) expect(Math.abs(correctedUs - trueUs)).toBeLessThanOrEqual(1000);
  });
}

describe("causeway records decode --correct-time", () => {
  it("says of each sample of files when it really was, and whether that is known", async () => {
    const made = vehicle();
    const folder = temporaryFolder();
    payloadsOf(made).forEach((payload, at) => {
      writeFileSync(join(folder, `${String(at).padStart(4, "0")}.bin`), payload);
    });
    const { lines } = await decode(["--correct-time", folder]);
    check(made, lines);
    const plain = await decode([folder]);
    expect(plain.lines.every((text) => !text.includes("correctedUs"))).toBe(true);
    const csv = await decode(["--correct-time", "--format", "csv", folder]);
    expect(csv.lines.filter((text) => text.includes(",corrected,"))).toHaveLength(40);
    const records = await decode(["--correct-time", "--records", folder]);
    expect(records.lines.map((text) => line.partial().parse(JSON.parse(text)).timeBasis)).toContain("corrected");
  });

  it("keeps the records of a stream, in their order, until the clock is known", async () => {
    const made = vehicle();
    async function* stream(): AsyncGenerator<Uint8Array> {
      for (const payload of payloadsOf(made)) yield Buffer.from(`${Buffer.from(payload).toString("hex")}\n`);
    }
    const { lines, stderr } = await decode(["--correct-time"], stream());
    check(made, lines);
    expect(stderr).not.toContain("could not wait");
  });
});
