import { describe, expect, it } from "vitest";
import { nameBytes, nameOf } from "../../../../agent/diagnostics/j1939/name.ts";
import { J1939TestBus } from "../../../fakes/diagnostics/j1939-bus.ts";

const FIELDS = {
  identity: 7,
  manufacturer: 100,
  ecuInstance: 0,
  functionInstance: 0,
  function: 129,
  vehicleSystem: 0,
  vehicleSystemInstance: 0,
  industryGroup: 0,
};
const FLEXIBLE = nameOf({ ...FIELDS, arbitraryAddress: true });
const FIXED = nameOf({ ...FIELDS, arbitraryAddress: false });
const hexOf = (name: bigint): string => Buffer.from(nameBytes(name)).toString("hex").toUpperCase();
const claim = (address: string, name: bigint): string => `18EEFF${address}#${hexOf(name)}`;
const never = new AbortController().signal;

describe("the address of a node", () => {
  it("is claimed when something is to be sent, and not before", async () => {
    const bus = new J1939TestBus();
    const { node } = bus.node(FLEXIBLE, 249);
    bus.put("18EAFFFF#00EE00");
    await bus.clock.run(2000);
    expect(bus.taken()).toEqual(["18EAFFFF#00EE00"]);
    const request = node.request(65_227, 255, "poll", never);
    await bus.clock.run(249);
    expect(bus.taken()).toEqual([claim("F9", FLEXIBLE)]);
    expect(node.state().claim).toEqual({ kind: "claiming", address: 249 });
    await bus.clock.run(1);
    expect(bus.taken()).toEqual(["18EAFFF9#CBFE00"]);
    expect(node.state().claim).toEqual({ kind: "claimed", address: 249 });
    await bus.clock.run(1250);
    expect(await request).toMatchObject({ kind: "answers", answers: [] });
  });

  it("is kept against a higher NAME, by one claim for each of its", async () => {
    const bus = new J1939TestBus();
    const { node } = bus.node(FIXED, 249);
    void node.request(65_227, 255, "poll", never);
    await bus.clock.run(100);
    bus.taken();
    bus.put(claim("F9", FLEXIBLE));
    await bus.clock.run(200);
    expect(bus.taken().slice(0, 2)).toEqual([claim("F9", FLEXIBLE), claim("F9", FIXED)]);
    expect(node.state()).toMatchObject({ claim: { kind: "claimed", address: 249 }, claims: { contests: 1, lost: 0 } });
  });

  it("is another one where a lower NAME wants it, of those that nobody holds", async () => {
    const bus = new J1939TestBus();
    const { node } = bus.node(FLEXIBLE, 249);
    bus.put(claim("80", FIXED + 1n));
    const request = node.request(65_227, 255, "poll", never);
    await bus.clock.run(100);
    bus.put(claim("F9", FIXED));
    await bus.clock.run(1000);
    expect(bus.taken()).toEqual([
      claim("80", FIXED + 1n),
      claim("F9", FLEXIBLE),
      claim("F9", FIXED),
      claim("81", FLEXIBLE),
      "18EAFF81#CBFE00",
    ]);
    await bus.clock.run(1250);
    expect(await request).toMatchObject({ kind: "answers" });
  });

  it("is given up at once when it is lost later, and another one taken", async () => {
    const bus = new J1939TestBus();
    const { node } = bus.node(FLEXIBLE, 249);
    void node.request(65_227, 255, "poll", never);
    await bus.clock.run(2000);
    bus.taken();
    bus.put(claim("F9", FIXED));
    await bus.clock.run(300);
    expect(bus.taken()).toEqual([claim("F9", FIXED), claim("80", FLEXIBLE)]);
    expect(node.state().claim).toEqual({ kind: "claimed", address: 128 });
  });

  it("is not tried where a lower NAME is known to have it", async () => {
    const bus = new J1939TestBus();
    const { node } = bus.node(FLEXIBLE, 249);
    bus.put(claim("F9", FIXED));
    void node.request(65_227, 255, "poll", never);
    await bus.clock.run(300);
    expect(bus.taken()[1]).toBe(claim("80", FLEXIBLE));
  });

  it("cannot be claimed by a NAME that wants this one and no other, which is said from 254 after a random time", async () => {
    const bus = new J1939TestBus();
    const { node } = bus.node(FIXED, 249);
    const request = node.request(65_227, 255, "poll", never);
    await bus.clock.run(10);
    bus.put(claim("F9", FIXED - 1n));
    bus.taken();
    await bus.clock.run(76);
    expect(bus.taken()).toEqual([]);
    await bus.clock.run(1);
    expect(bus.taken()).toEqual([claim("FE", FIXED)]);
    expect(await request).toEqual({ kind: "no-address" });
    expect(await node.send({ pgn: 0xef00, to: 3, data: new Uint8Array(3) }, "poll", never)).toEqual({
      kind: "no-address",
    });
    bus.put("18EAFF03#00EE00");
    await bus.clock.run(500);
    expect(bus.taken()).toEqual(["18EAFF03#00EE00", claim("FE", FIXED)]);
  });

  it("is told to whoever asks for claims, of this node or of all", async () => {
    const bus = new J1939TestBus();
    const { node } = bus.node(FLEXIBLE, 249);
    void node.request(65_227, 255, "poll", never);
    await bus.clock.run(2000);
    bus.taken();
    for (const to of ["FF", "F9", "03"]) bus.put(`18EA${to}03#00EE00`);
    await bus.clock.run(10);
    expect(bus.taken().filter((text) => text.startsWith("18EEFF"))).toEqual([
      claim("F9", FLEXIBLE),
      claim("F9", FLEXIBLE),
    ]);
  });

  it("is nobody's while the manners of the bus let no claim out, and is given up where it cannot be defended", async () => {
    const bus = new J1939TestBus();
    const { node, tester } = bus.node(FIXED, 249);
    const silence = { kind: "withheld", reason: "other-tester", what: "another tester speaks" } as const;
    tester.withheld = silence;
    expect(await node.request(65_227, 255, "poll", never)).toEqual(silence);
    expect(node.state().claim).toEqual({ kind: "none" });
    tester.withheld = undefined;
    void node.request(65_227, 255, "poll", never);
    await bus.clock.run(2000);
    expect(node.state().claim).toEqual({ kind: "claimed", address: 249 });
    tester.withheld = silence;
    bus.put(claim("F9", FLEXIBLE));
    await bus.clock.run(1);
    expect(node.state().claim).toEqual({ kind: "none" });
  });

  it("is claimed once for all who wait for it, and one who gives up does not end it for the others", async () => {
    const bus = new J1939TestBus();
    const { node } = bus.node(FLEXIBLE, 249);
    const impatient = new AbortController();
    const first = node.request(65_227, 0, "poll", impatient.signal);
    const second = node.request(65_226, 0, "poll", never);
    await bus.clock.run(100);
    impatient.abort();
    expect(await first).toMatchObject({ kind: "withheld", reason: "aborted" });
    await bus.clock.run(1500);
    expect(await second).toMatchObject({ kind: "answers" });
    expect(bus.taken()).toEqual([claim("F9", FLEXIBLE), "18EA00F9#CAFE00"]);
  });

  it("settles between nodes: each ends with an address of its own, the lowest NAME with the one that all want", async () => {
    const bus = new J1939TestBus();
    const nodes = Array.from({ length: 12 }, (_, at) => bus.node(FLEXIBLE + BigInt(at), 200).node);
    for (const node of nodes.toReversed()) void node.request(65_227, 255, "poll", never);
    await bus.clock.run(10_000);
    const addresses = nodes.map((node) => {
      const { claim: state } = node.state();
      return state.kind === "claimed" ? state.address : -1;
    });
    expect(addresses[0]).toBe(200);
    expect(new Set(addresses).size).toBe(12);
    expect(addresses).not.toContain(-1);
  });
});
