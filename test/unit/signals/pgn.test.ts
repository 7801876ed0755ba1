import { describe, expect, it } from "vitest";
import { createSignalTable } from "../../../agent/signals/build-table.ts";
import { parseDbc } from "../../../agent/signals/dbc/parse.ts";
import { destinationOf, isProprietary, pgnOf, sourceOf } from "../../../agent/signals/pgn.ts";
import type { BusMessages } from "../../../agent/signals/signal-table.ts";
import { matchedBy } from "../../../agent/signals/table-source.ts";
import { ReceiveFilter } from "../../../drivers/can/filter.ts";

const EXTENDED = 0x8000_0000;

type Declared = readonly [id: number, name: string, bytes?: number];

/** Messages with 29-bit ids on one bus, all known by their PGN. */
function busOf(...messages: readonly Declared[]): BusMessages {
  const text = messages.map(
    ([id, name, bytes = 8]) => `BO_ ${id + EXTENDED} ${name}: ${bytes} X\n SG_ A : 0|8@1+ (1,0) [0|0] "" X\n`,
  );
  const { database } = parseDbc(text.join(""));
  return createSignalTable([{ bus: "can0", database: matchedBy(database, "pgn") }]).bus("can0");
}

function namesOf(bus: BusMessages, ids: readonly number[]): readonly (string | undefined)[] {
  return ids.map((id) => bus.find(id, true)?.name);
}

describe("the fields of a 29-bit id", () => {
  it.each([
    // Ids with PGN, source and destination as canboat's analyzer prints them; the last two of SAE J1939-21: Request, and TSC1 (PGN 0).
    [0x0cf0_0400, 61_444, 0x00, undefined],
    [0x18fe_f600, 65_270, 0x00, undefined],
    [0x09f8_0140, 129_025, 0x40, undefined],
    [0x09f1_12cc, 127_250, 0xcc, undefined],
    [0x1def_ffcc, 126_720, 0xcc, 0xff],
    [0x18ea_ff21, 59_904, 0x21, 0xff],
    [0x0c00_0b27, 0, 0x27, 0x0b],
  ])("are those of %i", (id, pgn, source, destination) => {
    expect([pgnOf(id), sourceOf(id), destinationOf(id)]).toEqual([pgn, source, destination]);
  });

  it("tell proprietary groups of both data pages", () => {
    const pgns = [0xef00, 0x1ef00, 0xff00, 0xffff, 0x1ff12, 0xfeff, 0xf004, 0x1f112];
    expect(pgns.filter(isProprietary)).toEqual([0xef00, 0x1ef00, 0xff00, 0xffff, 0x1ff12]);
  });
});

describe("messages that are known by their PGN", () => {
  it("are found whatever priority and source the frame has, and apart from 11-bit ids", () => {
    const bus = busOf([0x0cf0_04fe, "EEC1"], [0x18fe_f100, "CCVS"]);
    expect(namesOf(bus, [0x0cf0_0400, 0x18f0_0403, 0x18fe_f121, 0x18fe_f221])).toEqual([
      "EEC1",
      "EEC1",
      "CCVS",
      undefined,
    ]);
    expect(bus.find(0x400, false)).toBeUndefined();
  });

  it("keep data pages apart, and the extended data page", () => {
    const bus = busOf([0x18f1_12fe, "Page0"], [0x19f1_12fe, "Page1"]);
    expect(namesOf(bus, [0x18f1_1200, 0x19f1_1200, 0x1af1_1200, 0x1bf1_1200])).toEqual([
      "Page0",
      "Page1",
      undefined,
      undefined,
    ]);
  });

  it("are found whatever destination a PDU1 frame has", () => {
    expect(namesOf(busOf([0x18ea_fffe, "Request"]), [0x18ea_0021, 0x18ea_ff00, 0x18eb_ff00])).toEqual([
      "Request",
      "Request",
      undefined,
    ]);
  });

  it("that share a group are told apart by source and destination, and none is guessed", () => {
    const bySource = busOf([0x18fe_f100, "EngineCcvs"], [0x18fe_f10b, "BrakeCcvs"]);
    expect(namesOf(bySource, [0x0cfe_f100, 0x0cfe_f10b, 0x18fe_f121])).toEqual(["EngineCcvs", "BrakeCcvs", undefined]);
    const byDestination = busOf([0x0c00_00fe, "ToEngine"], [0x0c00_0ffe, "ToRetarder"]);
    expect(namesOf(byDestination, [0x0c00_000b, 0x0800_0f0b, 0x0c00_100b])).toEqual([
      "ToEngine",
      "ToRetarder",
      undefined,
    ]);
    const alike = busOf([0x18fe_f1fe, "One"], [0x0cfe_f1fe, "Other"]);
    expect(namesOf(alike, [0x18fe_f1fe, 0x18fe_f100])).toEqual(["One", undefined]);
  });

  it("of a proprietary group are found from the source that the file names alone", () => {
    expect(namesOf(busOf([0x18ff_2011, "OfOne"]), [0x18ff_2011, 0x0cff_2011, 0x18ff_2012])).toEqual([
      "OfOne",
      "OfOne",
      undefined,
    ]);
    expect(namesOf(busOf([0x18ef_00fe, "OfAny"]), [0x18ef_ff12])).toEqual(["OfAny"]);
  });

  it("that come as NMEA 2000 fast packets are not taken for what a single frame says", () => {
    const bus = busOf([0x0df8_05fe, "Gnss", 43], [0x18fe_cafe, "Dm1", 38]);
    expect(namesOf(bus, [0x0df8_0500, 0x18fe_ca00])).toEqual([undefined, "Dm1"]);
  });

  it("that come in several frames let those of the transport protocol through the filters", () => {
    const bus = busOf([0x0df8_05fe, "Gnss", 43], [0x18fe_cafe, "Dm1", 38]);
    expect(bus.filters).toEqual([
      { id: 0x01f8_0500, mask: 0x03ff_ff00, extended: true },
      { id: 0x00fe_ca00, mask: 0x03ff_ff00, extended: true },
      { id: 0x00ec_0000, mask: 0x03ff_0000, extended: true },
      { id: 0x00eb_0000, mask: 0x03ff_0000, extended: true },
      // Of the extended one, so that a message that is too long is counted.
      { id: 0x00c8_0000, mask: 0x03ff_0000, extended: true },
    ]);
    expect(busOf([0x18fe_cafe, "Dm1"]).filters).toHaveLength(1);
    expect(busOf([0x18fe_cafe, "Dm1"]).assembly()).toBeUndefined();
  });

  it("let every frame of their group through the filters, and no other", () => {
    const bus = busOf([0x0cf0_04fe, "EEC1"], [0x18f0_0421, "Again"], [0x18ea_fffe, "Request"]);
    expect(bus.filters).toEqual([
      { id: 0x00f0_0400, mask: 0x03ff_ff00, extended: true },
      { id: 0x00ea_0000, mask: 0x03ff_0000, extended: true },
    ]);
    const filter = new ReceiveFilter(bus.filters);
    expect([0x18f0_0400, 0x00f0_04ff, 0x1cea_1121].every((id) => filter.accepts(id, 1))).toBe(true);
    expect([0x18f0_0500, 0x19f0_0400, 0x1aea_ff00].some((id) => filter.accepts(id, 1))).toBe(false);
    expect(filter.accepts(0x400, 0)).toBe(false);
  });
});

describe("a DBC file says what its messages are known by", () => {
  const frame = 'BO_ 2364540158 M: 8 X\n SG_ A : 0|8@1+ (1,0) [0|0] "" X\n';
  const formats = 'BA_DEF_ BO_ "VFrameFormat" ENUM "StandardCAN","ExtendedCAN","reserved","J1939PG";\n';
  const PGN = 61_444;
  it.each([
    ["nothing", "", undefined],
    ["its own VFrameFormat", `${formats}BA_ "VFrameFormat" BO_ 2364540158 3;\n`, PGN],
    ["a number without texts", 'BA_ "VFrameFormat" BO_ 2364540158 3;\n', PGN],
    ["the default", `${formats}BA_DEF_DEF_ "VFrameFormat" "J1939PG";\n`, PGN],
    [
      "its own against the default",
      `${formats}BA_DEF_DEF_ "VFrameFormat" "J1939PG";\nBA_ "VFrameFormat" BO_ 2364540158 1;\n`,
      undefined,
    ],
    ["the protocol", 'BA_DEF_ "ProtocolType" STRING ;\nBA_ "ProtocolType" "J1939";\n', PGN],
    ["NMEA 2000", 'BA_ "ProtocolType" "NMEA2000";\n', PGN],
    ["ISOBUS", 'BA_ "ProtocolType" "ISOBUS";\n', PGN],
    ["another protocol", 'BA_DEF_DEF_ "ProtocolType" "J1939";\nBA_ "ProtocolType" "CANopen";\n', undefined],
  ])("by %s", (_what, attributes, pgn) => {
    const { database, errors } = parseDbc(frame + attributes);
    expect(errors).toEqual([]);
    expect(database.messages[0].pgn).toBe(pgn);
    expect(matchedBy(database, "id").messages[0].pgn).toBeUndefined();
    expect(matchedBy(database, "pgn").messages[0].pgn).toBe(PGN);
  });

  it("and has messages of up to 1785 bytes, which come in several frames", () => {
    const long =
      'BO_ 2566834942 Long: 1785 X\n SG_ Last : 14272|8@1+ (1,0) [0|0] "" X\n SG_ Past : 14280|8@1+ (1,0) [0|0] "" X\n';
    const { database, errors, warnings } = parseDbc(`${long}BA_ "ProtocolType" "J1939";\n`);
    expect(errors.map(({ text }) => text)).toEqual([
      "signal Past starts at bit 14280, past the longest frame; it is left out",
    ]);
    expect(warnings).toEqual([]);
    expect(database.messages[0].signals.map(({ name, startBit }) => [name, startBit])).toEqual([["Last", 14_272]]);
  });
});
