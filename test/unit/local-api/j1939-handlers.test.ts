import { describe, expect, it } from "vitest";
import type { TechnicianRight } from "../../../agent/diagnostics/tester/technician.ts";
import { j1939Handlers } from "../../../agent/local-api/j1939-handlers.ts";
import { servedOn } from "../../../agent/local-api/verb.ts";
import { J1939TestBus } from "../../fakes/diagnostics/j1939-bus.ts";

/** A node on a bus, and what the socket says. */
function served(rights: readonly TechnicianRight[] = [], isNode = true) {
  const bus = new J1939TestBus();
  const { node, nodes } = bus.node(0x8000_8100_0000_0007n, 249);
  const handlers = servedOn("admin", j1939Handlers([{ name: "can0", nodes, node: isNode ? node : undefined, rights }]));
  const ask = async (verb: string, request: object): Promise<unknown> =>
    handlers[verb]?.({ verb, ...request }, new AbortController().signal);
  return { bus, ask };
}

describe("j1939.request", () => {
  it("gives what nodes say, as hexadecimal", async () => {
    const { bus, ask } = served();
    const answer = ask("j1939.request", { bus: "can0", pgn: 65_227, to: 0 });
    await bus.clock.run(260);
    const receivedAtUs = bus.clock.wallUs();
    bus.put("18FECB00#04FF64000105FFFF");
    await bus.clock.run(1);
    expect(await answer).toEqual({
      schemaVersion: 1,
      kind: "answers",
      answers: [{ source: 0, destination: 255, hex: "04ff64000105ffff", receivedAtUs }],
      remarks: [],
      waitedMs: 10,
    });
  });

  it("clears no codes where the technician must not, and does where he may", async () => {
    const { bus, ask } = served();
    for (const pgn of [65_228, 65_235]) {
      expect(await ask("j1939.request", { bus: "can0", pgn, to: 0 })).toEqual({
        schemaVersion: 1,
        kind: "withheld",
        reason: "off",
        what: `group ${pgn} clears trouble codes: diagnostics.buses[].technician of bus can0 must list clear`,
      });
    }
    expect(bus.taken()).toEqual([]);
    const allowed = served(["clear"]);
    const answer = allowed.ask("j1939.request", { bus: "can0", pgn: 65_235, to: 0 });
    await allowed.bus.clock.run(260);
    allowed.bus.put("18E8FF00#00FFFFFFF9D3FE00");
    await allowed.bus.clock.run(1);
    expect(await answer).toMatchObject({ remarks: [{ source: 0, meaning: "acknowledged" }] });
  });

  it("throws for a bus on which the agent is no node, and one that it does not know", async () => {
    const request = { bus: "can0", pgn: 65_227, to: 0 };
    await expect(served([], false).ask("j1939.request", request)).rejects.toMatchObject({ code: "bus.not-permitted" });
    await expect(served().ask("j1939.request", { ...request, bus: "can7" })).rejects.toMatchObject({
      code: "bus.unknown",
      remedy: "name one of can0",
    });
    await expect(served().ask("j1939.request", { ...request, pgn: 0x4_0000 })).rejects.toThrow("262143");
  });
});

describe("j1939.nodes", () => {
  it("tells who claimed which address, and our own", async () => {
    const { bus, ask } = served();
    bus.put("18EEFF00#10F7450100450001");
    const lastSeenMs = bus.clock.wallUs() / 1000;
    expect(await ask("j1939.nodes", { bus: "can0" })).toEqual({
      schemaVersion: 1,
      bus: "can0",
      own: { state: "none" },
      nodes: [{ address: 0, name: "010045000145f710", frames: 1, lastSeenMs }],
    });
    void ask("j1939.request", { bus: "can0", pgn: 65_227, to: 0 });
    await bus.clock.run(300);
    expect(await ask("j1939.nodes", { bus: "can0" })).toMatchObject({ own: { state: "claimed", address: 249 } });
    expect(await served([], false).ask("j1939.nodes", { bus: "can0" })).toMatchObject({ own: { state: "off" } });
  });
});
