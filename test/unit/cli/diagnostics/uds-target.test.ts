import { describe, expect, it } from "vitest";
import { chosenEcus, type ListedEcu } from "../../../../agent/cli/diagnostics/uds-target.ts";
import { ecuCatalogue } from "../../../../config/ecus.ts";

const [body, spare] = ecuCatalogue.parse({
  schemaVersion: 1,
  ecus: ["body", "spare"].map((name, at) => ({ name, request: 0x740 + at, response: 0x748 + at })),
}).ecus;
const BODY: ListedEcu = { ecu: body, bus: "can0" };
const SPARE: ListedEcu = { ecu: spare, bus: undefined };

describe("the control units that a verb of causeway uds means", () => {
  it("are those on a bus where none is named, and all where none is on one", () => {
    expect(chosenEcus([BODY, SPARE], [])).toEqual([BODY]);
    expect(chosenEcus([SPARE], [])).toEqual([SPARE]);
    expect(chosenEcus([BODY, SPARE], ["spare"])).toEqual([SPARE]);
    expect(() => chosenEcus([BODY, SPARE], ["bodi"])).toThrow("the catalogue has no control unit bodi");
  });
});
