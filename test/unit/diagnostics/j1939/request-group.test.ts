import { describe, expect, it } from "vitest";
import type { J1939Node } from "../../../../agent/diagnostics/j1939/node.ts";
import { J1939TestBus, type TestNode } from "../../../fakes/diagnostics/j1939-bus.ts";

const never = new AbortController().signal;
const DM2 = 65_227;

/** A node that has its address, 249. */
async function claimed(bus: J1939TestBus): Promise<TestNode> {
  const made = bus.node(0x8000_8100_0000_0007n, 249);
  void made.node.request(DM2, 255, "poll", never);
  await bus.clock.run(2000);
  bus.taken();
  return made;
}

async function ask(bus: J1939TestBus, node: J1939Node, to: number, frames: readonly string[], waitMs = 0) {
  const reply = node.request(DM2, to, "technician", never);
  await bus.clock.run(1);
  for (const frame of frames) bus.put(frame);
  await bus.clock.run(waitMs);
  return reply;
}

describe("a request of J1939", () => {
  it("ends with the first answer of the node that was asked", async () => {
    const bus = new J1939TestBus();
    const { node } = await claimed(bus);
    const reply = await ask(bus, node, 0, ["18FECB03#0000000000000000", "18FECB00#04FF64000105FFFF"]);
    expect(bus.taken()[0]).toBe("18EA00F9#CBFE00");
    expect(reply).toMatchObject({ kind: "answers", remarks: [], answers: [{ source: 0, pgn: DM2, destination: 255 }] });
    if (reply.kind === "answers") expect(Buffer.from(reply.answers[0].data).toString("hex")).toBe("04ff64000105ffff");
  });

  it.each([
    [0, "acknowledged"],
    [1, "not-supported"],
    [2, "denied"],
    [3, "busy"],
    [9, "unknown"],
  ])("ends with acknowledgement %i, which means %s", async (control, meaning) => {
    const bus = new J1939TestBus();
    const { node } = await claimed(bus);
    // To somebody else, of another group, of another node.
    const other = (control + 1) % 4;
    const others = [
      `18E8FF00#0${other}FFFFFF0BCBFE00`,
      `18E8FF00#0${other}FFFFFFF9CAFE00`,
      `18E8FF03#0${other}FFFFFFF9CBFE00`,
    ];
    const reply = node.request(DM2, 0, "technician", never);
    await bus.clock.run(1);
    for (const frame of others) bus.put(frame);
    await bus.clock.run(1);
    bus.put(`18E8FF00#0${control}FFFFFFF9CBFE00`);
    await bus.clock.run(1);
    expect(await reply).toMatchObject({ kind: "answers", answers: [], remarks: [{ source: 0, meaning }] });
  });

  it("takes neither what goes to another node for an answer, nor what this node sent itself", async () => {
    const bus = new J1939TestBus();
    const { node } = await claimed(bus);
    const calibrations = node.request(54_016, 255, "technician", never);
    await bus.clock.run(1);
    for (const id of ["18D30B00", "18D3FFF9", "18D3F903"]) bus.put(`${id}#0000000000000000`);
    await bus.clock.run(1250);
    expect(await calibrations).toMatchObject({ answers: [{ source: 3, destination: 249 }] });
  });

  it("is over without an answer after 1250 ms", async () => {
    const bus = new J1939TestBus();
    const { node } = await claimed(bus);
    const reply = await ask(bus, node, 0, [], 1250);
    expect(reply).toEqual({ kind: "answers", answers: [], remarks: [], waitedMs: 1250 });
  });

  it("to all gathers what each node says until the time is over", async () => {
    const bus = new J1939TestBus();
    const { node } = await claimed(bus);
    const reply = await ask(
      bus,
      node,
      255,
      ["18FECB00#0000000000000000", "18E8FF0B#01FFFFFFFFCBFE00", "18FECB03#0000000000000000"],
      1250,
    );
    expect(reply).toMatchObject({ answers: [{ source: 0 }, { source: 3 }], remarks: [{ source: 11 }] });
  });

  it("waits for the end of an answer that has begun, and takes it as this node alone gets it", async () => {
    const bus = new J1939TestBus();
    const { node } = await claimed(bus);
    const reply = node.request(DM2, 0, "technician", never);
    await bus.clock.run(1200);
    bus.put("1CECF900#100A0002FFCBFE00");
    await bus.clock.run(1200);
    bus.put("1CEBF900#010400640001056E");
    await bus.clock.run(740);
    bus.put("1CEBF900#02000302FFFFFFFF");
    await bus.clock.run(1);
    expect(await reply).toMatchObject({ answers: [{ source: 0, destination: 249 }] });
    expect(bus.taken()).toEqual([
      "18EA00F9#CBFE00",
      "1CECF900#100A0002FFCBFE00",
      "1CEC00F9#110201FFFFCBFE00",
      "1CEBF900#010400640001056E",
      "1CEBF900#02000302FFFFFFFF",
      "1CEC00F9#130A0002FFCBFE00",
    ]);
  });

  it("to all waits for announced answers, and no longer than they come", async () => {
    const bus = new J1939TestBus();
    const { node } = await claimed(bus);
    const reply = node.request(DM2, 255, "technician", never);
    await bus.clock.run(1240);
    bus.put("1CECFF00#200A0002FFCBFE00");
    await bus.clock.run(200);
    bus.put("1CEBFF00#010400640001056E");
    await bus.clock.run(1250);
    expect(await reply).toMatchObject({ answers: [], waitedMs: 1240 + 200 + 1250 + 0 });
  });

  it("is answered for this node too: it says that it has not what it is asked for, but not when all are asked", async () => {
    const bus = new J1939TestBus();
    const { node } = await claimed(bus);
    bus.put("18EAF903#EBFE00");
    bus.put("18EAFF03#EBFE00");
    bus.put("18EAF903#EBFE");
    await bus.clock.run(10);
    expect(bus.taken().filter((text) => text.startsWith("18E8"))).toEqual(["18E8FFF9#01FFFFFF03EBFE00"]);
    for (let at = 0; at < 30; at += 1) bus.put("18EAF903#EBFE00");
    await bus.clock.run(1);
    expect(bus.taken().filter((text) => text.startsWith("18E8"))).toHaveLength(9);
    expect(node.state().ignoredRequests).toBe(21);
  });

  it("for the claims of all needs no address", async () => {
    const bus = new J1939TestBus();
    const { node, nodes } = bus.node(7n, 249);
    const reply = node.request(60_928, 255, "technician", never);
    await bus.clock.run(10);
    bus.put("18EEFF00#10F7450100450001");
    await bus.clock.run(1250);
    expect(await reply).toMatchObject({ answers: [{ source: 0 }] });
    expect(bus.taken()[0]).toBe("18EAFFFE#00EE00");
    expect(nodes.nodes()).toMatchObject([{ address: 0, name: 0x0100_4500_0145_f710n }]);
  });
});
