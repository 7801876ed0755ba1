import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { defaultRoutes, networkFacts, scopeOf } from "../../../../drivers/os/network-facts.ts";
import { temporaryFolder } from "../../../fakes/core/folder.ts";

/** As the kernel writes them (proc(5)), of a gateway with a modem. */
const DEV = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:  1000      10    0    0    0     0          0         0     1000      10    0    0    0     0       0          0
 wwan0: 52000     400    0    0    0     0          0         0    91000     700    0    0    0     0       0          0
`;
const ROUTE = `Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT
wwan0\t00000000\t01020A0A\t0003\t0\t0\t700\t00000000\t0\t0\t0
wwan0\t00020A0A\t00000000\t0001\t0\t0\t700\t00FFFFFF\t0\t0\t0
`;
const ROUTE6 = `00000000000000000000000000000000 00 00000000000000000000000000000000 00 fe800000000000000000000000000001 00000400 00000001 00000000 00000003    wwan0
00000000000000000000000000000000 00 00000000000000000000000000000000 00 00000000000000000000000000000000 ffffffff 00000001 00000000 00200200       lo
`;

describe("networkFacts", () => {
  it("tells interfaces, counts, default routes and name servers, and no address", () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, "wwan0"));
    writeFileSync(join(folder, "wwan0", "operstate"), "up\n");
    writeFileSync(join(folder, "dev"), DEV);
    writeFileSync(join(folder, "route"), ROUTE);
    writeFileSync(join(folder, "ipv6_route"), ROUTE6);
    writeFileSync(join(folder, "resolv.conf"), "# made\nnameserver 10.10.2.1\nnameserver 2001:4860:4860::8888\n");
    const facts = networkFacts({ tables: folder, devices: folder, resolver: join(folder, "resolv.conf") });
    expect(facts.interfaces.find(({ name }) => name === "wwan0")).toEqual({
      name: "wwan0",
      state: "up",
      addresses: [],
      counts: { bytesIn: 52_000, packetsIn: 400, bytesOut: 91_000, packetsOut: 700 },
    });
    expect(facts.defaultRoutes).toEqual(["wwan0 ipv4", "wwan0 ipv6"]);
    expect(facts.nameServers).toEqual(["private", "public"]);
    expect(JSON.stringify(facts)).not.toMatch(/10\.10|2001:|0A0A/);
  });

  it("has nothing to tell where nothing can be read", () => {
    const nowhere = { tables: "/nowhere", devices: "/nowhere", resolver: "/nowhere" };
    expect(networkFacts(nowhere)).toEqual({ interfaces: [], defaultRoutes: [], nameServers: [] });
  });
});

describe("scopeOf", () => {
  it.each([
    ["127.0.0.53", "loopback"],
    ["::1", "loopback"],
    ["169.254.7.1", "link-local"],
    ["fe80::1%wwan0", "link-local"],
    ["192.168.1.20", "private"],
    ["172.31.0.1", "private"],
    ["172.32.0.1", "public"],
    ["fd00::5", "private"],
    ["100.64.3.4", "shared"],
    ["2a00:1450::1", "public"],
  ])("of %s is %s", (address, scope) => {
    expect(scopeOf(address)).toBe(scope);
  });
});

describe("defaultRoutes", () => {
  it("takes a route to a network for none", () => {
    expect(defaultRoutes(ROUTE.replace("00000000\t01020A0A", "00000001\t01020A0A"), "")).toEqual([]);
  });
});
