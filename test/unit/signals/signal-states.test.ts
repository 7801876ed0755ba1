import { describe, expect, it } from "vitest";
import { createSignalTable } from "../../../agent/signals/build-table.ts";
import { parseDbc } from "../../../agent/signals/dbc/parse.ts";
import { LatestSignals } from "../../../agent/signals/latest-signals.ts";
import { SignalStates, stateOf } from "../../../agent/signals/signal-states.ts";
import { matchedBy, type TableSource } from "../../../agent/signals/table-source.ts";
import { LatestValues } from "../../../agent/telemetry/collect/latest-values.ts";

const J1939 = 'BA_ "ProtocolType" "J1939";\n';

/** A table of one message, EEC1, with this signal. */
function tableOf(signal: string, more = J1939, match?: "id" | "pgn") {
  const { database } = parseDbc(`BO_ 2364540158 EEC1: 8 X\n SG_ ${signal} "" X\n${more}`);
  const source: TableSource = { bus: "can0", database: match === undefined ? database : matchedBy(database, match) };
  return createSignalTable([source]);
}

function statesOf(...args: Parameters<typeof tableOf>): string {
  const [{ states }] = tableOf(...args).signals;
  return (
    states?.map(({ state, first, last }) => `${state} ${first.toString(16)}-${last.toString(16)}`).join(", ") ?? ""
  );
}

describe("the states of a J1939 signal", () => {
  // As Slot of Equipment-and-Tool-Institute/j1939-84 tells them: isError and isNotAvailable, of bit fields and of others.
  it.each([
    [2, "error 2-2, not available 3-3"],
    [3, "error 6-6, not available 7-7"],
    [4, "error e-e, not available f-f"],
    [8, "error fe-fe, not available ff-ff"],
    [10, "error 3f8-3fb, not available 3fc-3ff"],
    [16, "error fe00-feff, not available ff00-ffff"],
    [24, "error fe0000-feffff, not available ff0000-ffffff"],
    [32, "error fe000000-feffffff, not available ff000000-ffffffff"],
    [1, ""],
    [33, ""],
  ])("of %i bits are the uppermost raw values", (bits, states) => {
    expect(statesOf(`A : 0|${bits}@1+ (1,0) [0|0]`)).toBe(states);
  });

  it("are none of signed and IEEE 754 values, and of multiplexers", () => {
    expect(statesOf("A : 0|8@1- (1,0) [0|0]")).toBe("");
    expect(statesOf("A : 0|32@1+ (1,0) [0|0]", `${J1939}SIG_VALTYPE_ 2364540158 A : 1;\n`)).toBe("");
    expect(statesOf("A M : 0|8@1+ (1,0) [0|0]")).toBe("");
  });

  it("are values where the file has texts for them that name none", () => {
    const withTexts = (texts: string): string =>
      statesOf("A : 0|4@1+ (1,0) [0|15]", `${J1939}VAL_ 2364540158 A ${texts} ;\n`);
    // SPN 899, engine torque mode.
    expect(withTexts('14 "Other" 15 "Not available"')).toBe("not available f-f");
    expect(withTexts('14 "Error indicator" 15 "SNA"')).toBe("error e-e, not available f-f");
    expect(withTexts('1 "On"')).toBe("error e-e, not available f-f");
    expect(withTexts('14 "Limp home" 15 "Sport"')).toBe("");
  });

  it("are values where the bounds of a signal of 8 bits or more hold them", () => {
    expect(statesOf("Address : 0|8@1+ (1,0) [0|255]")).toBe("");
    expect(statesOf("Speed : 0|16@1+ (0.125,0) [0|8031.875]")).toBe("error fe00-feff, not available ff00-ffff");
    expect(statesOf("Temperature : 0|8@1+ (1,-40) [-40|214]")).toBe("not available ff-ff");
    expect(statesOf("Switch : 0|2@1+ (1,0) [0|3]")).toBe("error 2-2, not available 3-3");
  });

  it.each<[string, string, "id" | "pgn" | undefined, boolean]>([
    ["the protocol J1939", J1939, undefined, true],
    ["the protocol, SAE before it", 'BA_ "ProtocolType" "SAE J1939";\n', undefined, true],
    ["VFrameFormat", 'BA_ "VFrameFormat" BO_ 2364540158 3;\n', undefined, true],
    [
      "VFrameFormat, but NMEA 2000",
      'BA_ "VFrameFormat" BO_ 2364540158 3;\nBA_ "ProtocolType" "NMEA2000";\n',
      undefined,
      false,
    ],
    ["ISOBUS", 'BA_ "ProtocolType" "ISOBUS";\n', undefined, false],
    ["nothing, but matched by PGN", "", "pgn", false],
    ["J1939, but matched by id", J1939, "id", false],
  ])("are known by what the file says: %s", (_what, more, match, isKnown) => {
    expect(statesOf("A : 0|8@1+ (1,0) [0|0]", more, match) !== "").toBe(isKnown);
    const table = tableOf("A : 0|8@1+ (1,0) [0|0]", more, match);
    expect([table.messages[0].hasStates, table.states !== undefined]).toEqual([isKnown, isKnown]);
  });

  it("are none in the data page of NMEA 2000 unless the file says J1939", () => {
    const gnss = 'BO_ 2583168510 Gnss: 8 X\n SG_ A : 0|8@1+ (1,0) [0|0] "" X\nBA_ "VFrameFormat" BO_ 2583168510 3;\n';
    const has = (more: string) =>
      createSignalTable([{ bus: "b", database: parseDbc(gnss + more).database }]).messages[0].hasStates;
    expect([has(""), has(J1939)]).toEqual([false, true]);
  });
});

describe("a raw value", () => {
  const states = tableOf("A : 0|16@1+ (0.125,0) [0|8031.875]").signals[0].states;

  it("says a state, or is a number", () => {
    const raws = [0, 0xfaff, 0xfbff, 0xfdff, 0xfe00, 0xfeff, 0xff00, 0xffff];
    expect(raws.map((raw) => stateOf(states, raw) ?? "number")).toEqual([
      ...Array.from({ length: 4 }, () => "number"),
      "error",
      "error",
      "not available",
      "not available",
    ]);
    expect(stateOf(undefined, 0xffff)).toBeUndefined();
    const fast = SignalStates.of([undefined, states, states?.slice(1)]);
    for (const raw of raws) {
      expect([fast?.isState(0, raw), fast?.isState(1, raw), fast?.isState(2, raw)]).toEqual([
        false,
        stateOf(states, raw) !== undefined,
        raw >= 0xff00,
      ]);
    }
    expect(SignalStates.of([undefined])).toBeUndefined();
  });

  it("that says one is no value to who asks for the newest", () => {
    const table = tableOf("A : 0|16@1+ (0.125,0) [0|8031.875]");
    const latest = new LatestValues(table);
    const [signal] = table.signals;
    const slot = table.slots.firstSlotOf(table.messages[0], 0x0cf0_0400);
    const signals = new LatestSignals(table, latest);
    const reading = { slot: 0, timeUs: 0, raw: 0, low: 0, high: 0 };
    table.values[0] = 0xffff;
    latest.note(0, slot, 5);
    expect(signals.read(signal)).toEqual({ value: Number.NaN, state: "not available", timeUs: 5 });
    expect([latest.readInto(slot, reading), reading.raw]).toEqual([true, Number.NaN]);
    table.values[0] = 8000;
    latest.note(0, slot, 6);
    expect(signals.read(signal)).toEqual({ value: 1000, timeUs: 6 });
    expect([latest.readInto(slot, reading), reading.raw]).toEqual([true, 8000]);
  });
});
