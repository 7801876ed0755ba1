import { describe, expect, it } from "vitest";
import { EVERY_FRAME } from "../../../agent/ports/can-bus.ts";
import { createSignalTable } from "../../../agent/signals/build-table.ts";
import type { DbcDatabase } from "../../../agent/signals/dbc/model.ts";
import { parseDbc } from "../../../agent/signals/dbc/parse.ts";

function databaseOf(...messages: (readonly [id: number, name: string, bits?: number])[]): DbcDatabase {
  const text = messages.map(
    ([id, name, bits = 8]) =>
      `BO_ ${id} ${name}: 8 X\n SG_ A : 0|${bits}@1+ (1,0) [0|0] "" X\n SG_ B : 56|8@1+ (1,0) [0|0] "" X\n`,
  );
  return parseDbc(text.join("")).database;
}

const EXTENDED = 0x8000_0000;

describe("createSignalTable", () => {
  it("finds messages by bus, id and id length", () => {
    const table = createSignalTable([
      { bus: "can0", database: databaseOf([0x100, "Short"], [EXTENDED + 0x100, "Long"]) },
      { bus: "can1", database: databaseOf([0x100, "Other"]) },
      { bus: "can0", database: databaseOf([0x7ff, "Second"]) },
    ]);
    const can0 = table.bus("can0");
    expect(can0.find(0x100, false)?.name).toBe("Short");
    expect(can0.find(0x100, true)?.name).toBe("Long");
    expect(can0.find(0x7ff, false)?.name).toBe("Second");
    expect(can0.find(0x101, false)).toBeUndefined();
    expect(can0.find(0x7ff, true)).toBeUndefined();
    expect(table.bus("can1").find(0x100, false)?.name).toBe("Other");
    expect(table.bus("can9").find(0x100, false)).toBeUndefined();
    expect(table.bus("can9").filters).toBe(EVERY_FRAME);
    expect(table.messages.map(({ index, firstSignal, signalCount }) => [index, firstSignal, signalCount])).toEqual([
      [0, 0, 2],
      [1, 2, 2],
      [2, 4, 2],
      [3, 6, 2],
    ]);
    expect(table.signals.map(({ index, name }) => `${index}${name}`).join(" ")).toBe("0A 1B 2A 3B 4A 5B 6A 7B");
  });

  it("asks for exactly the ids of a bus, however many", () => {
    const few = createSignalTable([{ bus: "can0", database: databaseOf([0x100, "Short"], [EXTENDED + 5, "Long"]) }]);
    expect(few.bus("can0").filters).toEqual([
      { id: 0x100, mask: 0x7ff, extended: false },
      { id: 5, mask: 0x1fff_ffff, extended: true },
    ]);
    const ids = Array.from({ length: 513 }, (_, id) => [id, `M${id}`] as const);
    const many = createSignalTable([{ bus: "b", database: databaseOf(...ids) }]);
    expect(many.bus("b").filters.map(({ id }) => id)).toEqual(ids.map(([id]) => id));
  });

  it("refuses two messages with one id on one bus and names both", () => {
    const sources = [
      { bus: "can0", database: databaseOf([0x100, "Short"]) },
      { bus: "can0", database: databaseOf([0x101, "Fine"], [0x100, "Again"]) },
    ];
    expect(() => createSignalTable(sources)).toThrow(
      expect.objectContaining({
        code: "dbc.invalid",
        message: "bus can0: Short (line 1) and Again (line 4) have the same 11-bit id 0x100",
      }),
    );
  });

  it("keeps messages of PDUs out of what frames are, whatever their ids", () => {
    const [message] = databaseOf([0x7e8, "Answer"]).messages;
    const pdus = (...names: readonly string[]) => {
      const messages = names.map((name) => ({ ...message, name }));
      return { bus: "can0", carriage: "pdus", database: { version: "", nodes: [], messages } } as const;
    };
    const table = createSignalTable([
      { bus: "can0", database: databaseOf([0x7e8, "Frame"]) },
      pdus("obd.engine", "uds.engine"),
      { ...pdus("obd.gearbox"), bus: "can1" },
    ]);
    expect(table.messages.map(({ name, carriage }) => `${name} ${carriage}`)).toEqual([
      "Frame frames",
      "obd.engine pdus",
      "uds.engine pdus",
      "obd.gearbox pdus",
    ]);
    expect(table.bus("can0").find(0x7e8, false)?.name).toBe("Frame");
    expect(table.bus("can0").filters).toHaveLength(1);
    expect(table.bus("can1").find(0x7e8, false)).toBeUndefined();
    expect(table.bus("can1").filters).toBe(EVERY_FRAME);
    expect(() => createSignalTable([pdus("obd.engine"), pdus("obd.engine")])).toThrow(
      "bus can0: a table has two messages obd.engine",
    );
  });

  it("has an id that follows the meaning of its columns", () => {
    const idOf = (database: DbcDatabase, bus = "can0") => createSignalTable([{ bus, database }]).id;
    const id = idOf(databaseOf([1, "M"]));
    expect(id).toMatch(/^[0-9a-f]{16}$/);
    expect(idOf(databaseOf([1, "M"]))).toBe(id);
    const others = [
      databaseOf([2, "M"]),
      databaseOf([1, "N"]),
      databaseOf([1, "M", 9]),
      databaseOf([EXTENDED + 1, "M"]),
    ];
    expect(new Set([id, idOf(databaseOf([1, "M"]), "can1"), ...others.map((database) => idOf(database))]).size).toBe(6);
  });

  it("keeps the id of a table without names beyond those of its signals", () => {
    const text =
      'BO_ 256 M: 8 X\n SG_ A : 0|8@1+ (0.5,-40) [0|0] "degC" X\n SG_ B : 8|16@1- (1,0) [0|0] "" X\n' +
      'BO_ 2364540158 EEC1: 8 X\n SG_ Rpm : 24|16@1+ (0.125,0) [0|8031.875] "rpm" X\nBA_ "ProtocolType" "ISOBUS";\n';
    const of = (more: string) => createSignalTable([{ bus: "can0", database: parseDbc(text + more).database }]);
    // As the version before value texts gave it.
    expect(of("").id).toBe("85eab0e8ee0236a7");
    const others = [
      'BA_ "SPN" SG_ 2364540158 Rpm 190;',
      'BA_ "ProtocolType" "J1939";',
      'VAL_ 256 A 1 "on";',
      'VAL_ 256 A 1 "ON";',
      'VAL_ 256 B 1 "on";',
    ];
    expect(new Set([of("").id, ...others.map((one) => of(one).id)]).size).toBe(6);
    expect(of(others.join("\n")).signals).toMatchObject([
      { texts: { raws: [1], texts: ["ON"] }, spn: undefined },
      { texts: { raws: [1], texts: ["on"] } },
      { texts: undefined, spn: 190 },
    ]);
  });

  it("gives wide integers their own slots over all messages", () => {
    const table = createSignalTable([
      { bus: "can0", database: databaseOf([1, "M", 54], [2, "N", 53]) },
      { bus: "can1", database: databaseOf([1, "M", 56]) },
    ]);
    expect(table.signals.map(({ wide }) => wide)).toEqual([0, -1, -1, -1, 1, -1]);
    expect(table.wides.length).toBe(2);
  });
});
