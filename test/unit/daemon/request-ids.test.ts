import { describe, expect, it } from "vitest";
import { RequestIds, requestIdsOf, transmitPermission } from "../../../agent/daemon/request-ids.ts";
import { EVERYTHING } from "../../../config/example-values.ts";
import { agentConfig } from "../../../config/schema.ts";

const { diagnostics, buses } = agentConfig.parse(EVERYTHING);
const [car, truck] = diagnostics?.buses ?? [];
const id = (value: number, extended = false) => ({ id: value, extended });

/** Of all ids of 11 bits, and of 29 bits as given. */
function allowed(ids: RequestIds, candidates: readonly { readonly id: number; readonly extended: boolean }[]) {
  return candidates.filter((one) => ids.allows(one)).map((one) => one.id);
}

describe("RequestIds", () => {
  it("lets out requests of legislated OBD and of our address, and nothing else", () => {
    const short = Array.from({ length: 0x800 }, (_value, at) => id(at));
    expect(allowed(new RequestIds(car), short)).toEqual([
      0x7df, 0x7e0, 0x7e1, 0x7e2, 0x7e3, 0x7e4, 0x7e5, 0x7e6, 0x7e7,
    ]);
    const long = [
      0x7df, 0x7e0, 0x18db_33f1, 0x18da_10f1, 0x18da_10fa, 0x18da_f110, 0x18ea_fff9, 0x18fe_ca00, 0x1cda_10f1,
    ];
    expect(
      allowed(
        new RequestIds(car),
        long.map((one) => id(one, true)),
      ),
    ).toEqual([0x18db_33f1, 0x18da_10f1]);
  });

  it("lets out the ids of the vehicle's own catalogue once they are named, of their length", () => {
    const ids = new RequestIds(car);
    expect(ids.allows(id(0x740))).toBe(false);
    ids.add([id(0x740)]);
    expect([ids.allows(id(0x740)), ids.allows(id(0x740, true))]).toEqual([true, false]);
  });

  it("lets out what a J1939 node sends from its own address, or from one that it may take", () => {
    const ids = new RequestIds(truck);
    const frames = [
      0x18ea_fff9, 0x18ee_fff9, 0x1cec_00f9, 0x1ceb_00f9, 0x18e8_fff9, 0x18ee_fffe, 0x18ea_ff80, 0x18ea_fff7,
    ];
    expect(
      allowed(
        ids,
        frames.map((one) => id(one, true)),
      ),
    ).toEqual(frames);
    const others = [0x18ea_ff00, 0x18fe_caf9, 0x0cef_00f9, 0x1800_00f9, 0x18ea_ff7f, 0x18ea_fff8];
    expect(
      allowed(
        ids,
        others.map((one) => id(one, true)),
      ),
    ).toEqual([]);
  });

  it("lets out nothing where the configuration has no transmit, or the bus only listens", () => {
    const ids = new RequestIds({ ...car, transmit: undefined });
    ids.add([id(0x740)]);
    expect([ids.allows(id(0x7df)), ids.allows(id(0x740))]).toEqual([false, false]);
    const requests = new RequestIds(car);
    const listening = buses.find(({ name }) => name === "adas") ?? buses[0];
    expect(transmitPermission(listening, [id(0x600)], requests)).toEqual({ ids: [] });
    expect(transmitPermission(buses[0], [id(0x600)], requests)).toEqual({ ids: [id(0x600)], requests });
  });

  it("are made for the buses of diagnostics alone", () => {
    expect([...requestIdsOf(diagnostics).keys()]).toEqual(["can0", "can1"]);
    expect(requestIdsOf(undefined).size).toBe(0);
  });
});
