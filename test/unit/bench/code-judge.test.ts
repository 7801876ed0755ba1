import { describe, expect, it } from "vitest";
import { expectedEvents, judgeCodes } from "../../bench/consumers/code-judge.ts";
import type { FaultNote } from "../../bench/vehicle/ecus/fault-memory.ts";

const P0301 = { ecu: "engine", code: 0x0301 };
const SPN = { ecu: "truck-engine", code: (100 << 5) | 1 };

function notes(...list: readonly (typeof P0301 & Pick<FaultNote, "what">)[]): readonly FaultNote[] {
  return list.map((note, at) => ({ atUs: at, ...note }));
}

function arrival(number: number, event: string, code = "P0301", ecu = "engine") {
  const freeze: { name: string }[] = [];
  const state = { bus: "can0", ecu, code, confirmed: true, freeze };
  return { number, repeated: false, event: `TROUBLE_CODE_EVENT_${event}`, code: state, timeUs: 0, cleared: [] };
}

describe("the judge of trouble codes", () => {
  it("knows what the agent must tell of what the units did", () => {
    const did = notes(
      { ...P0301, what: "pending" },
      { ...P0301, what: "confirmed" },
      { ...P0301, what: "healed" },
      { ...SPN, what: "confirmed" },
      { ...SPN, what: "healed" },
      { ...P0301, what: "gone" },
      { ...P0301, what: "confirmed" },
      { ecu: "body", code: 0x9a_2311, what: "confirmed" },
    );
    expect(expectedEvents(did).map(({ ecu, code, event }) => `${ecu} ${code} ${event}`)).toEqual([
      "engine P0301 APPEARED",
      "engine P0301 CONFIRMED",
      // It is healed, but its unit still lists it as confirmed.
      "sa_0 SPN 100 FMI 1 APPEARED",
      "sa_0 SPN 100 FMI 1 HEALED",
      "engine P0301 HEALED",
      "engine P0301 RETURNED",
      "body B1A23-11 APPEARED",
    ]);
  });

  it("finds nothing wrong with what is right, whatever is told of lamps and counts besides", () => {
    const did = notes({ ...P0301, what: "pending" }, { ...P0301, what: "confirmed" });
    const told = [arrival(1, "APPEARED"), arrival(2, "CONFIRMED"), arrival(3, "CHANGED"), arrival(4, "LAMPS", "")];
    expect(judgeCodes(did, told)).toEqual({ expected: 2, arrived: 2, gaps: 0, repeats: 0, differences: [] });
  });

  it("finds what is missing, comes twice, and is in the wrong order", () => {
    const did = notes({ ...P0301, what: "pending" }, { ...P0301, what: "gone" });
    expect(judgeCodes(did, [arrival(1, "APPEARED"), arrival(3, "HEALED")])).toMatchObject({ gaps: 1 });
    const twice = [arrival(1, "APPEARED"), arrival(2, "HEALED"), arrival(2, "HEALED")];
    expect(judgeCodes(did, twice)).toMatchObject({ gaps: 0, repeats: 1, differences: [] });
    expect(judgeCodes(did, [arrival(1, "HEALED"), arrival(2, "APPEARED")]).differences).toEqual([
      "engine P0301: expected APPEARED HEALED, arrived HEALED APPEARED",
    ]);
    expect(judgeCodes(did, []).differences).toEqual(["engine P0301: expected APPEARED HEALED, arrived nothing"]);
  });
});
