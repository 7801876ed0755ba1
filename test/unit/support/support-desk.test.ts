import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { SupportDesk } from "../../../agent/support/support-desk.ts";
import { ManualClock } from "../../fakes/core/clock.ts";

describe("SupportDesk", () => {
  const deskOf = (): SupportDesk =>
    new SupportDesk({ about: {}, log: () => [], clock: new ManualClock(), maxBytes: 16_384 });

  it("looks once for all who ask at a time, however many they are, and anew for the next", async () => {
    const desk = deskOf();
    const gate = Promise.withResolvers<void>();
    let looks = 0;
    desk.include("identity", async () => {
      const look = `look ${(looks += 1)}`;
      await gate.promise;
      return look;
    });
    const asked = Array.from({ length: 100 }, () => desk.section("identity"));
    const bundles = Array.from({ length: 100 }, () => desk.collect());
    gate.resolve();
    expect(new Set(await Promise.all(asked))).toEqual(new Set(["look 1"]));
    expect(new Set(await Promise.all(bundles)).size).toBe(1);
    expect(looks).toBe(1);
    const { content } = await desk.collect();
    expect(JSON.parse(gunzipSync(content).toString())).toMatchObject({ identity: "look 2" });
  });

  it("tells all of them what went wrong, and looks again after it", async () => {
    const desk = deskOf();
    let looks = 0;
    desk.include("broken", () => {
      looks += 1;
      throw new Error("no such thing");
    });
    const asked = [desk.section("broken"), desk.section("broken")];
    expect((await Promise.allSettled(asked)).map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    await expect(desk.section("broken")).rejects.toThrow("no such thing");
    expect(looks).toBe(2);
    expect(await desk.section("unknown")).toBeUndefined();
  });
});
