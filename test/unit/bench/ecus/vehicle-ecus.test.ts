import { describe, expect, it } from "vitest";
import { Wire } from "../../../bench/vehicle/ecus/ecu-bus.ts";
import { SecondTester } from "../../../bench/vehicle/ecus/second-tester.ts";
import { UdsEcu } from "../../../bench/vehicle/ecus/uds-ecu.ts";
import { BENCH_VIN, CAR, type EcusSettings, VehicleEcus } from "../../../bench/vehicle/ecus/vehicle-ecus.ts";
import { ManualClock } from "../../../fakes/core/clock.ts";

const ENGINE = { rxId: 0x7e8, txId: 0x7e0, extended: false };
const BODY = { rxId: 0x748, txId: 0x740, extended: false };

function vehicle(settings: EcusSettings = CAR) {
  const clock = new ManualClock();
  const wire = new Wire(() => clock.wallUs());
  const ecus = new VehicleEcus(wire.node(), clock, { isParked: true, ...settings });
  const tester = new SecondTester(wire.node(), clock);
  /** The answer to a request in hexadecimal; "" where none comes in three seconds. */
  const ask = async (place: typeof ENGINE, request: string, forMs = 3000): Promise<string> => {
    const asked = tester.ask(place, [...Buffer.from(request.replaceAll(" ", ""), "hex")], forMs);
    await clock.run(forMs);
    return Buffer.from((await asked) ?? []).toString("hex");
  };
  return { clock, wire, ecus, tester, ask };
}

describe("the engine and gearbox units (SAE J1979)", () => {
  it("tell what they support, and only that", async () => {
    const { ask } = vehicle();
    const bitmaps = [await ask(ENGINE, "0100"), await ask(ENGINE, "0120"), await ask(ENGINE, "01a0")];
    expect(bitmaps).toEqual(["4100be3fb013", "4120a002b011", "41a004000000"]);
    expect(await ask(ENGINE, "0199")).toBe("7f0112");
    expect(await ask({ ...ENGINE, rxId: 0x7e9, txId: 0x7e1 }, "0100")).toBe("410080180011");
  });

  it("give values of the drive, several in one answer", async () => {
    const { ask } = vehicle();
    // 780 rpm * 4 = 0x0c30, 0 km/h, 14 °C + 40.
    expect(await ask(ENGINE, "010c0d05")).toBe("410c0c300d000536");
    expect(await ask(ENGINE, "0902")).toBe(`490201${Buffer.from(BENCH_VIN).toString("hex")}`);
    expect((await ask(ENGINE, "0904")).slice(0, 6)).toBe("490402");
    expect(await ask(ENGINE, "0906")).toBe("4906021791bc823e560004");
    expect((await ask(ENGINE, "0908")).length).toBe(2 * (3 + 40));
  });

  it("answer to all on 7DF, the gearbox too", async () => {
    const { clock, wire, tester } = vehicle();
    await tester.askAll([0x01, 0x0d]);
    await clock.run(10);
    expect(wire.log.map(({ id }) => id)).toEqual([0x7df, 0x7e8, 0x7e9]);
  });

  it("keep codes: pending, confirmed with lamp and freeze frame, permanent, healed, cleared", async () => {
    const { ecus, ask } = vehicle();
    const memory = ecus.engine?.memory;
    memory?.set(0x0301, "pending");
    expect([await ask(ENGINE, "03"), await ask(ENGINE, "07")]).toEqual(["4300", "47010301"]);
    memory?.set(0x0301, "confirmed");
    memory?.set(0x0420, "confirmed");
    expect([await ask(ENGINE, "03"), await ask(ENGINE, "0a")]).toEqual(["430203010420", "4a0203010420"]);
    expect([await ask(ENGINE, "0101"), await ask(ENGINE, "020200")]).toEqual(["410182076504", "4202000301"]);
    expect(await ask(ENGINE, "020c00")).toBe("420c000c30");
    memory?.set(0x0301, "healed");
    memory?.set(0x0420, "healed");
    expect([await ask(ENGINE, "03"), await ask(ENGINE, "0101")]).toEqual(["430203010420", "410102076504"]);
    expect([await ask(ENGINE, "04"), await ask(ENGINE, "03")]).toEqual(["44", "4300"]);
    expect(memory?.notes.map(({ what }) => what)).toEqual([
      "pending",
      "confirmed",
      "confirmed",
      "healed",
      "healed",
      "cleared",
    ]);
  });

  it("speak with ids of 29 bits too", async () => {
    const { ask } = vehicle({ obdIds: 29 });
    const engine = { rxId: 0x18da_f110, txId: 0x18da_10f1, extended: true };
    expect(await ask(engine, "010d")).toBe("410d00");
  });

  it("do not clear while the vehicle drives", async () => {
    const { ask } = vehicle({ obdIds: 11, isParked: false, startSeconds: 30 });
    expect(await ask(ENGINE, "04")).toBe("7f0422");
  });
});

describe("what can be set wrong", () => {
  it("says that the answer is pending, so many times", async () => {
    const { clock, wire, ecus, ask, tester } = vehicle();
    ecus.engine?.unit.faults.set({ pendings: 3, pendingEveryMs: 100 });
    expect(await ask(ENGINE, "010d")).toBe("410d00");
    expect(wire.log.filter(({ data }) => data[1] === 0x7f)).toHaveLength(3);
    ecus.engine?.unit.faults.set({ pendings: "always" });
    const asked = tester.ask(ENGINE, [0x01, 0x0d]);
    await clock.run(60_000);
    expect(wire.log.filter(({ data }) => data[1] === 0x7f).length).toBeGreaterThan(590);
    ecus.engine?.unit.faults.set({});
    await clock.run(200);
    expect(await asked).toEqual(Uint8Array.of(0x41, 0x0d, 0));
  });

  it("is silent, slow, or says no", async () => {
    const { clock, wire, ecus, ask } = vehicle();
    const faults = ecus.engine?.unit.faults;
    faults?.set({ silent: true });
    expect(await ask(ENGINE, "010d")).toBe("");
    faults?.set({ delayMs: 700 });
    const before = clock.monotonicMs();
    expect(await ask(ENGINE, "010d")).toBe("410d00");
    expect(wire.log.at(-1)?.receivedAtUs).toBe(clock.wallUs() - (clock.monotonicMs() - before - 700) * 1000);
    faults?.set({ negative: { service: 0x03, code: 0x21, times: 1 } });
    expect([await ask(ENGINE, "03"), await ask(ENGINE, "03")]).toEqual(["7f0321", "4300"]);
  });
});

describe("the body controller (ISO 14229-1)", () => {
  it("opens security in the extended session by the right key alone", async () => {
    const { ask, ecus } = vehicle();
    expect(await ask(BODY, "2701")).toBe("7f277f");
    expect(await ask(BODY, "1003")).toBe("5003003201f4");
    expect(await ask(BODY, "2e020105")).toBe("7f2e33");
    await ask(BODY, "2701");
    expect(await ask(BODY, "27020000")).toBe("7f2735");
    const seed = Number.parseInt((await ask(BODY, "2701")).slice(4), 16);
    const key = UdsEcu.keyOf(seed).toString(16).padStart(4, "0");
    expect(await ask(BODY, `2702${key}`)).toBe("6702");
    expect([await ask(BODY, "2e020105"), await ask(BODY, "220201")]).toEqual(["6e0201", "62020105"]);
    expect(ecus.body?.counts.unlocks).toBe(1);
  });

  it("falls back into its default session five seconds after the last request", async () => {
    const { clock, ask, ecus } = vehicle();
    await ask(BODY, "1003");
    expect(await ask(BODY, "3e80")).toBe("");
    expect([ecus.body?.session, ecus.body?.counts.suppressed]).toEqual([3, 1]);
    await clock.run(5000);
    expect(ecus.body?.session).toBe(1);
  });

  it("reports codes with snapshots and extended data", async () => {
    const { ecus, ask } = vehicle();
    ecus.body?.memory.set(0x9a_2311, "confirmed");
    expect(await ask(BODY, "19010d")).toBe("5901ff010001");
    expect(await ask(BODY, "1902ff")).toBe("5902ff9a2311af");
    expect(await ask(BODY, "1903")).toBe("59039a2311019a231102");
    // Record 1: two DIDs, 14.10 V and 20 °C, the left door open; record 2: 48,211 km.
    expect(await ask(BODY, "19049a2311ff")).toBe("59049a2311af0102010105823c0102010201dd0000bc53");
    expect(await ask(BODY, "19069a2311ff")).toBe("59069a2311af01010200");
    expect(await ask(BODY, "190a")).toBe("590aff4040645092341f509a2311afc1400050");
    expect(await ask(BODY, "1999")).toBe("7f1912");
    expect([await ask(BODY, "14ffffff"), await ask(BODY, "1902ff")]).toEqual(["54", "5902ff"]);
  });

  it("runs its window test at standstill with security, and the horn", async () => {
    const { clock, ask, ecus } = vehicle();
    await ask(BODY, "1003", 100);
    expect(await ask(BODY, "310102030001", 100)).toBe("7f3133");
    const seed = Number.parseInt((await ask(BODY, "2701", 100)).slice(4), 16);
    await ask(BODY, `2702${UdsEcu.keyOf(seed).toString(16).padStart(4, "0")}`, 100);
    expect(await ask(BODY, "310102030001", 100)).toBe("7101020300");
    expect(await ask(BODY, "31030203", 100)).toBe("7f3121");
    await clock.run(1000);
    expect(await ask(BODY, "31030203", 100)).toBe("7103020300013b");
    expect(await ask(BODY, "2f03010301", 100)).toBe("6f03010301");
    expect([ecus.body?.counts.windowTests, ecus.body?.counts.horns, ecus.body?.isHornOn]).toEqual([1, 1, true]);
    expect([await ask(BODY, "1103", 100), ecus.body?.counts.resets, ecus.body?.isHornOn]).toEqual(["5103", 1, false]);
  });
});

describe("the truck's engine unit (SAE J1939)", () => {
  const truck = () => vehicle({ isTruck: true });
  const framesOf = (wire: Wire, pgn: number) =>
    wire.log.filter(({ id }) => ((id >>> 8) & 0x3ffff) === pgn).map(({ data }) => Buffer.from(data).toString("hex"));

  it("claims its address and says DM1 each second, none, one, and two codes by BAM", async () => {
    const { clock, wire, ecus } = truck();
    await clock.run(1100);
    expect(wire.log[0].id).toBe(0x18ee_ff00);
    expect(framesOf(wire, 0xfeca)).toEqual(["00ff00000000ffff"]);
    ecus.truck?.memory.set((100 << 5) | 1, "confirmed");
    await clock.run(1000);
    // Amber lamp, SPN 100 FMI 1 with one occurrence.
    expect(framesOf(wire, 0xfeca)[1]).toBe("04ff64000101ffff");
    ecus.truck?.memory.set((520_200 << 5) | 31, "confirmed");
    await clock.run(1500);
    expect(wire.log.slice(-3).map(({ id, data }) => `${id.toString(16)}#${Buffer.from(data).toString("hex")}`)).toEqual(
      ["1cecff00#200a0002ffcafe00", "1cebff00#0104ff6400010108", "1cebff00#02f0ff01ffffffff"],
    );
  });

  it("answers requests, and says no to what it does not have", async () => {
    const { clock, wire, tester: _, ecus } = truck();
    const other = wire.node();
    const request = async (pgn: number): Promise<void> => {
      const data = Uint8Array.of(pgn & 0xff, (pgn >> 8) & 0xff, pgn >> 16);
      await other.send({ id: 0x18ea_00f9, flags: 1, data, receivedAtUs: 0 });
      await clock.run(10);
    };
    await request(0xfecb);
    expect(framesOf(wire, 0xfecb)).toEqual(["00ff00000000ffff"]);
    await request(0xfeef);
    expect(wire.log.at(-1)).toMatchObject({
      id: 0x18e8_ff00,
      data: Uint8Array.of(1, 255, 255, 255, 0xf9, 0xef, 0xfe, 0),
    });
    // 18 bytes go to the one that asked by RTS/CTS; it takes them in two goes.
    await request(0xfeec);
    const control = (bytes: readonly number[]) =>
      other.send({ id: 0x1cec_00f9, flags: 1, data: Uint8Array.from(bytes), receivedAtUs: 0 });
    expect(wire.log.at(-1)).toMatchObject({ id: 0x1cec_f900, data: Uint8Array.of(16, 18, 0, 3, 255, 0xec, 0xfe, 0) });
    await control([17, 2, 1, 255, 255, 0xec, 0xfe, 0]);
    await clock.run(10);
    await control([17, 1, 3, 255, 255, 0xec, 0xfe, 0]);
    await clock.run(10);
    await control([19, 18, 0, 3, 255, 0xec, 0xfe, 0]);
    const packets = wire.log.filter(({ id }) => id === 0x1ceb_f900).flatMap(({ data }) => [...data.subarray(1)]);
    expect(String.fromCharCode(...packets.slice(0, 18))).toBe(`${BENCH_VIN}*`);
    expect(ecus.truck?.asked.get(0xfeec)).toBe(1);
  });

  it("gives its address to a lower NAME", async () => {
    const { clock, wire, ecus } = truck();
    const other = wire.node();
    await other.send({ id: 0x18ee_ff00, flags: 1, data: new Uint8Array(8).fill(1), receivedAtUs: 0 });
    await clock.run(10);
    expect([ecus.truck?.address, wire.log.at(-1)?.id]).toEqual([0xfe, 0x18ee_fffe]);
  });
});
