import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { SupportCollector } from "../../../agent/support/support-collector.ts";
import { ManualClock } from "../../fakes/core/clock.ts";

describe("SupportCollector", () => {
  const deskOf = (): SupportCollector =>
    new SupportCollector({ about: {}, log: () => [], clock: new ManualClock(), maxBytes: 16_384 });

  it("looks once for all who ask at a time, however many they are, and anew for the next", async () => {
    const collector = deskOf();
    const gate = Promise.withResolvers<void>();
    let looks = 0;
    collector.include("identity", async () => {
      const look = `look ${(looks += 1)}`;
      await gate.promise;
      return look;
    });
    const asked = Array.from({ length: 100 }, () => collector.section("identity"));
    const bundles = Array.from({ length: 100 }, () => collector.collect());
    gate.resolve();
    expect(new Set(await Promise.all(asked))).toEqual(new Set(["look 1"]));
    expect(new Set(await Promise.all(bundles)).size).toBe(1);
    expect(looks).toBe(1);
    const { content } = await collector.collect();
    expect(JSON.parse(gunzipSync(content).toString())).toMatchObject({ identity: "look 2" });
  });

  it("tells all of them what went wrong, and looks again after it", async () => {
    const collector = deskOf();
    let looks = 0;
    collector.include("broken", () => {
      looks += 1;
      throw new Error("no such thing");
    });
    const asked = [collector.section("broken"), collector.section("broken")];
    expect((await Promise.allSettled(asked)).map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    await expect(collector.section("broken")).rejects.toThrow("no such thing");
    expect(looks).toBe(2);
    expect(await collector.section("unknown")).toBeUndefined();
  });
});
