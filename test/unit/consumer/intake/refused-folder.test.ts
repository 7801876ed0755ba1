import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openRefusedFolder, type RefusedArrival } from "../../../../agent/consumer/intake/refused-folder.ts";
import { temporaryFolder } from "../../../fakes/core/folder.ts";

function arrival(payload: Uint8Array): RefusedArrival {
  const why = { reason: "malformed", detail: "no record" };
  return { topic: "dt/causeway/truck-1/event", userProperties: [["seq", "1"]], ...why, receivedUs: 1, payload };
}

describe("openRefusedFolder", () => {
  it("keeps the payload and the rest beside it, for its owner alone, once for one that comes again", async () => {
    const folder = join(temporaryFolder(), "refused");
    const store = await openRefusedFolder(folder, 10_000);
    const payload = Uint8Array.of(1, 2, 3);
    expect([await store.keep(arrival(payload)), await store.keep(arrival(payload))]).toEqual([true, true]);
    const names = readdirSync(folder).toSorted();
    expect(names.map((name) => name.replace(/^[0-9a-f]{32}/, ""))).toEqual([".bin", ".json"]);
    expect(readFileSync(join(folder, names[0]))).toEqual(Buffer.from(payload));
    expect(JSON.parse(readFileSync(join(folder, names[1]), "utf8"))).toMatchObject({ reason: "malformed", bytes: 3 });
    expect(names.map((name) => statSync(join(folder, name)).mode & 0o777)).toEqual([0o600, 0o600]);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
  });

  it("keeps no more than its bound, what was there before it was opened counted", async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, "old.bin"), new Uint8Array(900));
    writeFileSync(join(folder, "half.bin.tmp"), new Uint8Array(900));
    const store = await openRefusedFolder(folder, 1400);
    const outcomes = [];
    for (let at = 0; at < 5; at++) outcomes.push(await store.keep(arrival(Uint8Array.of(at))));
    expect(outcomes).toEqual([true, true, true, false, false]);
    expect(readdirSync(folder)).not.toContain("half.bin.tmp");
    const bytes = readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
    expect(bytes).toBeLessThanOrEqual(1400);
  });
});
