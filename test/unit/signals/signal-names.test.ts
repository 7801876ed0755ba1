import { describe, expect, it } from "vitest";
import { createSignalTable } from "../../../agent/signals/build-table.ts";
import { parseDbc } from "../../../agent/signals/dbc/parse.ts";
import { findSignal } from "../../../agent/signals/signal-names.ts";

const BRAKES = `VERSION ""
BU_: X
BO_ 701 Motion: 1 X
 SG_ Speed : 0|8@1+ (1,0) [0|0] "" X
BO_ 2147484349 Motion: 1 X
 SG_ Speed : 0|8@1+ (1,0) [0|0] "" X
`;
const BODY = `VERSION ""
BU_: X
BO_ 702 Motion: 1 X
 SG_ Speed : 0|8@1+ (1,0) [0|0] "" X
BO_ 703 Doors: 1 X
 SG_ Open : 0|8@1+ (1,0) [0|0] "" X
BO_ 704 Paged: 4 X
 SG_ Page M : 0|8@1+ (1,0) [0|0] "" X
 SG_ Level m0 : 8|8@1+ (1,0) [0|0] "" X
 SG_ Level m1 : 24|8@1+ (1,0) [0|0] "" X
`;

const TABLE = createSignalTable([
  { bus: "can0", database: parseDbc(BRAKES).database, file: "brakes.dbc" },
  { bus: "can1", database: parseDbc(BODY).database, file: "body.dbc" },
]);

function found(name: string): string {
  const one = findSignal(TABLE, name);
  if (one.kind === "unfit") return one.problem;
  const { bus, arbitrationId, extended } = one.signal;
  return `${bus} ${extended ? "29" : "11"} bits ${arbitrationId}`;
}

describe("findSignal", () => {
  it("takes a name that one signal has, with its bus or without", () => {
    expect(found("Doors.Open")).toBe("can1 11 bits 703");
    expect(found("can1/Motion.Speed")).toBe("can1 11 bits 702");
  });

  it("takes none of several signals of a name, and says where they are and how each is written", () => {
    expect(found("can0/Motion.Speed")).toBe(
      "can0/Motion.Speed is 2 signals, write which: can0/Motion@0x2bd.Speed (brakes.dbc:3), can0/Motion@0x000002bd.Speed (brakes.dbc:5)",
    );
    expect(found("Motion.Speed")).toMatch(/^Motion\.Speed is 3 signals, .*can1\/Motion@0x2be\.Speed \(body\.dbc:3\)$/);
  });

  it("picks one by the id of its message: 11 bits with up to 3 digits, 29 bits with more", () => {
    expect(found("can0/Motion@0x2bd.Speed")).toBe("can0 11 bits 701");
    expect(found("Motion@0x000002BD.Speed")).toBe("can0 29 bits 701");
    expect(found("Motion@0x2be.Speed")).toBe("can1 11 bits 702");
  });

  it("takes no name of signals in two branches of one message", () => {
    expect(found("Paged.Level")).toBe(
      "Paged.Level is in several branches of a multiplexer (body.dbc:7): no name picks one",
    );
  });

  it.each([
    "Doors",
    "Doors.Shut",
    "can0/Doors.Open",
    "Motion@0x2bf.Speed",
    "Motion@2bd.Speed",
    "Motion@.Speed",
    "",
    ".",
  ])("finds nothing by %j", (name) => {
    expect(found(name)).toBe(`there is no signal ${name}`);
  });
});
