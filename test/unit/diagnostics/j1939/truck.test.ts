import { describe, expect, it } from "vitest";
import { parseComponent, parseSoftware, parseVin } from "../../../../agent/diagnostics/j1939/identification.ts";
import type { NodeMessage } from "../../../../agent/diagnostics/j1939/message-line.ts";
import { MessageLine } from "../../../../agent/diagnostics/j1939/message-line.ts";
import { J1939Node } from "../../../../agent/diagnostics/j1939/node.ts";
import { NodeList } from "../../../../agent/diagnostics/j1939/node-list.ts";
import { parseReadiness } from "../../../../agent/diagnostics/j1939/readiness.ts";
import { parseCodeMessage } from "../../../../agent/diagnostics/j1939/trouble-codes.ts";
import { Wire } from "../../../bench/vehicle/ecus/ecu-bus.ts";
import { BENCH_VIN, VehicleEcus } from "../../../bench/vehicle/ecus/vehicle-ecus.ts";
import { ManualClock } from "../../../fakes/core/clock.ts";
import { OpenTester } from "../../../fakes/diagnostics/j1939-bus.ts";
import { ShownTap } from "../../../fakes/diagnostics/tester-bus.ts";

const never = new AbortController().signal;
/** SPN and FMI as the bench's memory has them. */
const code = (spn: number, fmi: number): number => (spn << 5) | fmi;

function vehicle(name: bigint, address: number) {
  const clock = new ManualClock();
  const wire = new Wire(() => clock.wallUs());
  const ecus = new VehicleEcus(wire.node(), clock, { isTruck: true, isParked: true });
  const own = wire.node();
  const tap = new ShownTap();
  own.listen((frame) => tap.show(frame));
  const line = new MessageLine(tap);
  const tester = new OpenTester((frame) => void own.send(frame));
  const node = new J1939Node({
    tester,
    tap,
    line,
    nodes: new NodeList(),
    identity: { name, address },
    clock,
    random: () => 0.5,
  });
  node.start();
  if (ecus.truck === undefined) throw new Error("no truck");
  /** The one answer to a request. */
  const answer = async (pgn: number, to: number): Promise<NodeMessage> => {
    const reply = node.request(pgn, to, "technician", never);
    await clock.run(4000);
    const said = await reply;
    if (said.kind !== "answers" || said.answers.length !== 1) throw new Error(JSON.stringify(said));
    return said.answers[0];
  };
  return { clock, wire, truck: ecus.truck, node, answer };
}

const HIGH = 0x8000_8100_0000_0001n;

// The bench's truck has a J1939 of its own: sender and receiver do not share a misunderstanding.
describe("a node beside the truck of the bench", () => {
  it.each([0, 255])(
    "reads what it is, asked of %i: in one frame, announced to all, or for this node alone",
    async (to) => {
      const { answer } = vehicle(HIGH, 249);
      expect(parseVin((await answer(65_260, to)).data)).toBe(BENCH_VIN);
      expect(parseComponent((await answer(65_259, to)).data)).toEqual({
        make: "BENCH",
        model: "D13-500",
        serialNumber: "SN004711",
        unitNumber: "U1",
      });
      const software = await answer(65_242, to);
      expect(parseSoftware(software.data)).toEqual(["BENCH-ENG-07.31"]);
      expect(software.destination).toBe(to === 0 ? 249 : 255);
      expect(parseReadiness((await answer(65_230, to)).data)).toMatchObject({ activeCodes: 0, compliance: "HD OBD" });
    },
  );

  it("reads its codes, active and previous, one and many", async () => {
    const { answer, truck } = vehicle(HIGH, 249);
    const codesOf = async (pgn: number) => {
      const message = parseCodeMessage((await answer(pgn, 0)).data);
      return message?.codes.map(({ code: name }) => name);
    };
    expect(await codesOf(65_226)).toEqual([]);
    truck.memory.set(code(100, 1), "confirmed");
    expect(await codesOf(65_226)).toEqual(["SPN 100 FMI 1"]);
    truck.memory.set(code(520_200, 31), "confirmed");
    for (const state of ["confirmed", "healed"] as const) truck.memory.set(code(1208, 3), state);
    expect(await codesOf(65_226)).toEqual(["SPN 100 FMI 1", "SPN 520200 FMI 31"]);
    expect(await codesOf(65_227)).toEqual(["SPN 1208 FMI 3"]);
  });

  it("has codes cleared, which the truck acknowledges, and hears that it has not what it is asked for", async () => {
    const { clock, node, truck } = vehicle(HIGH, 249);
    truck.memory.set(code(100, 1), "confirmed");
    const cleared = node.request(65_235, 0, "command", never);
    await clock.run(1000);
    expect(await cleared).toMatchObject({ answers: [], remarks: [{ source: 0, meaning: "acknowledged" }] });
    expect(truck.memory.withStatus(0xff)).toEqual([]);
    const unknown = node.request(65_000, 0, "command", never);
    await clock.run(1000);
    expect(await unknown).toMatchObject({ answers: [], remarks: [{ source: 0, meaning: "not-supported" }] });
  });

  it("loses its address to the truck with a higher NAME, and takes it with a lower one", async () => {
    const beaten = vehicle(HIGH, 0);
    void beaten.node.request(65_227, 255, "poll", never);
    await beaten.clock.run(2000);
    expect(beaten.node.state().claim).toEqual({ kind: "claimed", address: 128 });
    expect(beaten.truck.address).toBe(0);
    const stronger = vehicle(1n, 0);
    void stronger.node.request(65_227, 255, "poll", never);
    await stronger.clock.run(2000);
    expect(stronger.node.state().claim).toEqual({ kind: "claimed", address: 0 });
    expect(stronger.truck.address).toBe(254);
  });
});
