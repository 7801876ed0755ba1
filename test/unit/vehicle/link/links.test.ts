import { describe, expect, it } from "vitest";
import { Links } from "../../../../agent/vehicle/link/links.ts";
import { MODEM } from "../../../fakes/ports/modem.ts";

describe("Links", () => {
  it("takes a metered link for one of high cost, and one that nobody knows for a free one", () => {
    const interfaces = { wwan0: { metered: true }, usb0: { metered: true, cost: "low" as const } };
    const links = new Links({ interfaces, route: async () => undefined });
    expect(links.factsOf("wwan0")).toMatchObject({ name: "wwan0", isMetered: true, cost: "high" });
    expect(links.factsOf("usb0")).toMatchObject({ name: "usb0", isMetered: true, cost: "low" });
    expect(links.factsOf("eth0")).toMatchObject({ name: "eth0", isMetered: false, cost: "free" });
    expect(links.factsOf("constructor").isMetered).toBe(false);
  });

  it("keeps the last link in use while there is no way", async () => {
    const ways = ["wlan0", undefined, "wwan0", undefined];
    const links = new Links({ interfaces: { wwan0: { metered: true } }, route: async () => ways.shift() });
    expect(links.inUse).toBeUndefined();
    const names: (string | undefined)[] = [];
    while (ways.length > 0) {
      await links.look();
      names.push(links.inUse?.name);
    }
    expect(names).toEqual(["wlan0", "wlan0", "wwan0", "wwan0"]);
    expect(links.inUse).toMatchObject({ isMetered: true, cost: "high" });
  });

  it("takes the configuration's word before that of NetworkManager, which holds after it has gone", () => {
    const links = new Links({ interfaces: { wlan0: { metered: false } }, route: async () => undefined });
    const told = new Map([
      ["wlan0", true],
      ["wwan0", true],
      ["eth0", false],
    ]);
    links.takeMetered(told);
    links.takeMetered(undefined);
    expect(["wlan0", "wwan0", "eth0", "usb0"].map((name) => links.isMetered(name))).toEqual([
      false,
      true,
      false,
      false,
    ]);
  });

  it("knows the modem behind an interface, and none any more when nobody tells", () => {
    const links = new Links({ interfaces: {}, route: async () => undefined });
    links.takeModems([MODEM]);
    expect(links.factsOf("wwan0").modem).toBe(MODEM);
    expect(links.factsOf("wlan0").modem).toBeUndefined();
    links.takeModems(undefined);
    expect(links.factsOf("wwan0").modem).toBeUndefined();
  });
});
