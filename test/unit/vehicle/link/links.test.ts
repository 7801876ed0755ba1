import { describe, expect, it } from "vitest";
import { Links } from "../../../../agent/vehicle/link/links.ts";

describe("Links", () => {
  it("takes a metered link for one of high cost, and one that nobody knows for a free one", () => {
    const interfaces = { wwan0: { metered: true }, usb0: { metered: true, cost: "low" as const } };
    const links = new Links({ interfaces, route: async () => undefined });
    expect(links.factsOf("wwan0")).toEqual({ name: "wwan0", isMetered: true, cost: "high" });
    expect(links.factsOf("usb0")).toEqual({ name: "usb0", isMetered: true, cost: "low" });
    expect(links.factsOf("eth0")).toEqual({ name: "eth0", isMetered: false, cost: "free" });
    expect(links.factsOf("constructor").isMetered).toBe(false);
  });

  it("tells a change of the link in use once, and keeps the last one without a way", async () => {
    const ways = ["wlan0", "wlan0", undefined, "wwan0", undefined];
    const links = new Links({ interfaces: { wwan0: { metered: true } }, route: async () => ways.shift() });
    expect(links.inUse).toBeUndefined();
    const told = [await links.look(), await links.look(), await links.look(), await links.look(), await links.look()];
    expect(told.map((one) => one?.name)).toEqual(["wlan0", undefined, undefined, "wwan0", undefined]);
    expect(links.inUse).toEqual({ name: "wwan0", isMetered: true, cost: "high" });
  });
});
