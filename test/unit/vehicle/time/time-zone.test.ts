import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

const ROOT = join(import.meta.dirname, "../../../..");
/** A record, and what the status says of the clock, made in a process of its own: a time zone is read once. */
const SCRIPT = `
const { encoderOf, idOf, logOf } = await import("./test/fakes/telemetry/samples.ts");
const { tableOf } = await import("./test/fakes/telemetry/table.ts");
const { statusPage } = await import("./agent/cli/status-page.ts");
const { statusWith } = await import("./test/fakes/daemon/status.ts");
const { createColors } = (await import("picocolors")).default;
const table = tableOf([{ name: "A", signals: [{ name: "U8", bits: 8 }] }]);
const [draft] = encoderOf(table).samples(logOf(table, [{ signal: 0, timeUs: 1_767_225_600_000_000, raw: 7 }]), []);
const page = statusPage({ status: statusWith(), atMs: 0 }, undefined, 1_767_225_600_000_000, createColors(false));
console.log(new Date(1_767_225_600_000).getHours(), Buffer.from(draft.seal(idOf(1))).toString("hex"));
console.log(page);
`;

function madeIn(zone: string): { readonly hour: string; readonly record: string; readonly page: string } {
  const args = ["--input-type=module", "-e", SCRIPT];
  const text = execFileSync(process.execPath, args, { cwd: ROOT, env: { ...process.env, TZ: zone }, encoding: "utf8" });
  const [first = "", ...rest] = text.split("\n");
  const [hour = "", record = ""] = first.split(" ");
  return { hour, record, page: rest.join("\n") };
}

describe("the time zone", () => {
  it("changes nothing in a record or on the status page", () => {
    const zones = ["UTC", "Asia/Kolkata", "America/St_Johns"].map(madeIn);
    // It is in force in these processes: midnight of UTC is another hour there.
    expect(zones.map(({ hour }) => hour)).toEqual(["0", "5", "20"]);
    expect(new Set(zones.map(({ record }) => record)).size).toBe(1);
    expect(new Set(zones.map(({ page }) => page)).size).toBe(1);
    expect(zones[0]?.record.length).toBeGreaterThan(50);
  });
});
