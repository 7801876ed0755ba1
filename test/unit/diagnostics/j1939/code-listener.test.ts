import { describe, expect, it } from "vitest";
import type { CodeReading } from "../../../../agent/diagnostics/codes/trouble-code.ts";
import { CodeListener } from "../../../../agent/diagnostics/j1939/code-listener.ts";
import { MessageLine } from "../../../../agent/diagnostics/j1939/message-line.ts";
import { J1939TestBus } from "../../../fakes/diagnostics/j1939-bus.ts";
import type { ShownTap } from "../../../fakes/diagnostics/tester-bus.ts";

/** Takes readings, and wants freeze frames of the codes that are named. */
class KeptReadings {
  readonly readings: CodeReading[] = [];
  readonly clears: (readonly [ecu: string | undefined, by: string])[] = [];
  wanted: readonly string[] = [];

  take(readings: readonly CodeReading[]): void {
    this.readings.push(...readings);
  }

  wantsFreeze(_origin: unknown, codes: readonly string[]): readonly string[] {
    return codes.filter((code) => this.wanted.includes(code));
  }

  noteClear({ ecu }: { readonly ecu?: string | undefined }, by: "agent" | "another tester"): void {
    this.clears.push([ecu, by]);
  }

  /** What came since the last call, as ECU LIST CODES. */
  taken(): readonly string[] {
    return this.readings
      .splice(0)
      .map(({ origin, list, codes }) => [origin.ecu, list, ...codes.map(({ code }) => code)].join(" "));
  }
}

type Rig = {
  readonly bus: J1939TestBus;
  readonly tap: ShownTap;
  readonly codes: KeptReadings;
  readonly listener: CodeListener;
  readonly asked: number[];
};

function listen(canAsk = false): Rig {
  const bus = new J1939TestBus();
  const tap = bus.tap();
  const codes = new KeptReadings();
  const asked: number[] = [];
  const askFreeze = async (source: number): Promise<void> => {
    asked.push(source);
    await bus.clock.sleep(500);
  };
  const listener = new CodeListener({
    bus: "can0",
    tap,
    line: new MessageLine(tap),
    codes,
    askFreeze: canAsk ? askFreeze : undefined,
    own: () => 249,
    clock: bus.clock,
  });
  listener.start();
  return { bus, tap, codes, listener, asked };
}

const DM1 = "18FECA00#04FF64000105FFFF";
const NO_CODES = "18FECA00#00FF00000000FFFF";

describe("the listener to diagnostic messages", () => {
  it("makes each message a reading of its control unit and its list", () => {
    const { bus, codes } = listen();
    bus.put(DM1);
    expect(codes.readings[0]).toEqual({
      origin: { bus: "can0", ecu: "sa_0", protocol: "j1939" },
      list: "active",
      lamps: { malfunction: "off", stop: "off", warning: "on", protect: "off" },
      codes: [{ code: "SPN 100 FMI 1", raw: 0x0501_0064, text: "below normal range, most severe", occurrences: 5 }],
      timeUs: bus.clock.wallUs(),
    });
    codes.taken();
    for (const group of ["FECB", "FECF", "FED4", "FDB5", "FD80"]) bus.put(`18${group}03#04FF64000105FFFF`);
    expect(codes.taken()).toEqual(
      ["previous", "pending", "emission", "previous-emission", "permanent"].map((list) => `sa_3 ${list} SPN 100 FMI 1`),
    );
  });

  it("reads codes that come in several frames, of two control units at once", () => {
    const { bus, codes } = listen();
    bus.put("1CECFF00#200E0002FFCAFE00");
    bus.put("1CECFF03#200A0002FFCAFE00");
    bus.put("1CEBFF00#0111CD6102130021");
    bus.put("1CEBFF03#0104FF6400010565");
    bus.put("1CEBFF00#02061F00EE100400");
    bus.put("1CEBFF03#02000105FFFFFFFF");
    expect(codes.taken()).toEqual([
      "sa_0 active SPN 609 FMI 19 SPN 1569 FMI 31 SPN 4334 FMI 4",
      "sa_3 active SPN 100 FMI 1 SPN 101 FMI 1",
    ]);
  });

  it("keeps what each node says of its readiness (DM5), and counts what is none", () => {
    const { bus, codes, listener } = listen();
    bus.put("18FECE00#0302147000000000");
    bus.put("18FECE03#0000131100000000");
    bus.put("18FECE03#0000130100000000");
    bus.put("18FECE05#00001301");
    expect([...listener.readiness.keys()]).toEqual([0, 3]);
    expect(listener.readiness.get(0)).toMatchObject({ activeCodes: 3, previousCodes: 2, compliance: "HD OBD" });
    const misfire = listener.readiness.get(3)?.monitors.find(({ name }) => name === "misfire");
    expect(misfire).toEqual({ name: "misfire", supported: true, complete: true });
    expect(listener.counts).toEqual({ messages: 3, malformed: 1 });
    expect(codes.taken()).toEqual([]);
  });

  it("says once a second that a node has no codes any more, while it speaks and does not send them", async () => {
    const { bus, codes, tap } = listen();
    bus.put(DM1);
    await bus.clock.run(2900);
    bus.put("0CF00400#FFFFFF0000FFFFFF");
    codes.taken();
    await bus.clock.run(1200);
    expect(tap.wanted).toContainEqual({ id: 0, mask: 0xff, extended: true });
    expect(codes.taken()).toEqual([]);
    for (let second = 0; second < 3; second += 1) {
      bus.put("0CF00400#FFFFFF0000FFFFFF");
      await bus.clock.run(1000);
    }
    expect(codes.taken()).toEqual(["sa_0 active", "sa_0 active", "sa_0 active"]);
    bus.put(DM1);
    bus.put("0CF00400#FFFFFF0000FFFFFF");
    await bus.clock.run(1000);
    expect(codes.taken()).toEqual(["sa_0 active SPN 100 FMI 1"]);
  });

  it("says nothing of a node that has fallen silent, nor of one that had no codes", async () => {
    const { bus, codes } = listen();
    bus.put(DM1);
    bus.put("18FECA03#00FF00000000FFFF");
    codes.taken();
    for (let second = 0; second < 20; second += 1) {
      bus.put("0CF00403#FFFFFF0000FFFFFF");
      await bus.clock.run(1000);
    }
    expect(codes.taken()).toEqual([]);
    bus.put(NO_CODES);
    expect(codes.taken()).toEqual(["sa_0 active"]);
  });

  it("does not take codes for absent that are announced and do not come whole", async () => {
    const { bus, codes } = listen();
    bus.put(DM1);
    codes.taken();
    for (let second = 0; second < 20; second += 1) {
      bus.put("1CECFF00#200E0002FFCAFE00");
      bus.put("1CEBFF00#0111CD6102130021");
      await bus.clock.run(1000);
    }
    expect(codes.taken()).toEqual([]);
  });

  it("has freeze frames asked for once with a new code, and gives them with the reading that waited", async () => {
    const { bus, codes, asked } = listen(true);
    codes.wanted = ["SPN 100 FMI 1"];
    bus.put(DM1);
    expect(codes.taken()).toEqual([]);
    bus.put("1CECFF00#200D0002FFCDFE00");
    bus.put("1CEBFF00#010C640001050332");
    bus.put("1CEBFF00#02E02E50820055FF");
    bus.put("18FECA00#04FF64000106FFFF");
    await bus.clock.run(500);
    expect(asked).toEqual([0]);
    const [code] = codes.readings.flatMap((reading) => reading.codes);
    expect([codes.readings.length, code.code, code.occurrences]).toEqual([1, "SPN 100 FMI 1", 6]);
    expect(code.freeze).toContainEqual({ name: "engine_speed", value: 1500, unit: "rpm" });
    bus.put(DM1);
    expect(asked).toEqual([0]);
    expect(codes.readings).toHaveLength(2);
  });

  it("asks a node that has no freeze frames once a minute at most", async () => {
    const { bus, codes, asked } = listen(true);
    codes.wanted = ["SPN 100 FMI 1"];
    for (let second = 0; second < 70; second += 1) {
      bus.put(DM1);
      await bus.clock.run(1000);
    }
    expect(asked).toEqual([0, 0]);
    expect(codes.readings).toHaveLength(70);
  });

  it("notes that somebody else clears codes, of one control unit or of all", () => {
    const { bus, codes } = listen();
    bus.put("18EA000B#D3FE00");
    bus.put("18EAFF0B#CCFE00");
    bus.put("18EA00F9#D3FE00");
    bus.put("18EA000B#CAFE00");
    expect(codes.clears).toEqual([
      ["sa_0", "another tester"],
      [undefined, "another tester"],
    ]);
  });

  it("counts what it cannot read", () => {
    const { bus, listener } = listen();
    bus.put("18FECA00#04FF6400");
    bus.put("18FECD00#0E6400010503");
    expect(listener.counts).toEqual({ messages: 1, malformed: 2 });
  });
});
