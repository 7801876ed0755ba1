import { describe, expect, it } from "vitest";
import { forTechnician, rightsForPdu } from "../../../../agent/diagnostics/tester/technician.ts";
import { FakeTesterBus } from "../../../fakes/diagnostics/tester-bus.ts";
import { askOf } from "../../../fakes/diagnostics/tester-rig.ts";

const signal = new AbortController().signal;
/** Services of ISO 14229-1 and J1979 that change something, and by what right. */
const CHANGING = {
  clear: [0x04, 0x14],
  reset: [0x11],
  routines: [0x08, 0x2f, 0x31, 0x27, 0x29],
  write: [0x27, 0x28, 0x29, 0x2e, 0x34, 0x35, 0x36, 0x37, 0x38, 0x3d, 0x83, 0x84, 0x85, 0x87],
} as const;
const READING = [1, 2, 3, 6, 7, 9, 0x0a, 0x10, 0x19, 0x22, 0x23, 0x3e];

describe("rightsForPdu", () => {
  it.each(Object.entries(CHANGING))("asks for %s", (right, services) => {
    for (const service of services) expect(rightsForPdu(Uint8Array.of(service, 1))).toContain(right);
  });

  it("asks for nothing to read", () => {
    for (const service of READING) expect(rightsForPdu(Uint8Array.of(service, 1))).toEqual([]);
  });

  it("asks for write for the programming session, and for every service that it does not know", () => {
    expect(rightsForPdu(Uint8Array.of(0x10, 0x02))).toEqual(["write"]);
    expect(rightsForPdu(Uint8Array.of(0x10, 0x82))).toEqual(["write"]);
    const known = new Set<number>([...READING, 5, 0x24, 0x2a, ...Object.values(CHANGING).flat()]);
    for (let service = 0; service < 256; service += 1) {
      if (!known.has(service)) expect(rightsForPdu(Uint8Array.of(service))).toEqual(["write"]);
    }
  });
});

describe("forTechnician", () => {
  it("lets reading out and holds back what nothing allows, without a word on the bus", async () => {
    const bus = new FakeTesterBus();
    bus.answer(0x7e0, "03", "43 00");
    const tester = forTechnician(bus, []);
    expect(await tester.ask(askOf("03"), signal)).toMatchObject({ kind: "answer" });
    expect(await tester.ask(askOf("04"), signal)).toMatchObject({
      kind: "withheld",
      reason: "off",
      what: "service 0x04 changes the vehicle: diagnostics.buses[].technician of bus can0 must list clear",
    });
    const all = { txId: 0x7df, extended: false, responses: [] };
    expect(await tester.askAll(all, Uint8Array.of(4), 10, "technician", signal)).toMatchObject({ reason: "off" });
    expect(bus.requests()).toEqual(["7e0#03"]);
    expect(bus.askedAll).toEqual([]);
  });

  it("lets out what a right allows", async () => {
    const bus = new FakeTesterBus();
    bus.answer(0x7e0, "31 01 02 03", "71 01 02 03");
    expect(await forTechnician(bus, ["clear"]).ask(askOf("31 01 02 03"), signal)).toMatchObject({ reason: "off" });
    expect(await forTechnician(bus, ["routines"]).ask(askOf("31 01 02 03"), signal)).toMatchObject({ kind: "answer" });
  });

  it.each([
    ["a request of DM2", 0x18ea_00f9, "cb fe 00", []],
    ["a request of DM11, which clears", 0x18ea_00f9, "d3 fe 00", ["clear"]],
    ["a request of DM3, which clears", 0x18ea_00f9, "cc fe 00", ["clear"]],
    ["a request of DM11 with bits that no group has", 0x18ea_00f9, "d3 fe 04", ["clear"]],
    ["a request on another data page", 0x19ea_00f9, "cb fe 00", ["write"]],
    ["clear to send", 0x1cec_00f9, "11 01 01 ff ff ca fe 00", []],
    ["a message of its own that begins", 0x1cec_00f9, "10 09 00 02 ff d8 fe 00", ["write"]],
    ["data of one", 0x1ceb_00f9, "01 00 00 00 00 00 00 00", ["write"]],
    ["an address claim", 0x18ee_fff9, "00 00 00 00 00 00 00 00", []],
    ["any other group", 0x0c00_00f9, "00", ["write"]],
  ] as const)("judges frames of J1939: %s", async (_name, id, hex, needs) => {
    const data = Uint8Array.from(Buffer.from(hex.replaceAll(" ", ""), "hex"));
    const frame = { id, flags: 1, data, receivedAtUs: 0 };
    const bus = new FakeTesterBus();
    const bare = await forTechnician(bus, []).sendFrame(frame, "technician", signal);
    expect(bare.kind).toBe(needs.length === 0 ? "sent" : "withheld");
    expect(await forTechnician(bus, ["clear", "write"]).sendFrame(frame, "technician", signal)).toEqual({
      kind: "sent",
    });
  });

  it("lets no frame of 11 bits out without the right to write", async () => {
    const frame = { id: 0x7e0, flags: 0, data: Uint8Array.of(1, 4), receivedAtUs: 0 };
    const bus = new FakeTesterBus();
    expect(await forTechnician(bus, ["clear"]).sendFrame(frame, "transport", signal)).toMatchObject({ reason: "off" });
  });
});
