import { beforeEach, describe, expect, it } from "vitest";
import { type Binding, Bindings, mayCommand } from "../../../../agent/companion/people/bindings.ts";
import { MemoryRows } from "../../../../agent/companion/store/memory-rows.ts";

const TRUCK: Binding = { id: "vehicle-7", thing: "truck-7", name: "Truck 7", role: "owner" };

describe("who may use which vehicle", () => {
  let rows: MemoryRows;
  let bindings: Bindings;
  beforeEach(() => {
    rows = new MemoryRows();
    bindings = new Bindings(rows);
  });
  const write = async (text: string, name = "vehicle#vehicle-7"): Promise<boolean> =>
    await rows.putNew({ group: "user#anna", name }, text, { nowMs: 0, expiresAtMs: undefined });

  it("is found by the person alone whose it is", async () => {
    await bindings.put("anna", TRUCK, 0);
    expect(await bindings.find("anna", "vehicle-7", 0)).toEqual(TRUCK);
    expect(await bindings.of("anna", 0)).toEqual([TRUCK]);
    for (const other of ["bob", "ann", "anna#x", "", "anna%23"]) {
      expect(await bindings.find(other, "vehicle-7", 0)).toBeUndefined();
      expect(await bindings.of(other, 0)).toEqual([]);
    }
  });

  it("cannot be reached by a name that leaves its place", async () => {
    await bindings.put("anna", TRUCK, 0);
    for (const id of ["vehicle-7#", "#vehicle-7", "vehicle#vehicle-7", "../vehicle-7", "", "x".repeat(65)]) {
      expect(await bindings.find("anna", id, 0)).toBeUndefined();
    }
  });

  it("ends with a loan", async () => {
    await bindings.put("anna", { ...TRUCK, role: "driver", untilMs: 1000 }, 0);
    expect((await bindings.find("anna", "vehicle-7", 999))?.role).toBe("driver");
    expect(await bindings.find("anna", "vehicle-7", 1000)).toBeUndefined();
    expect(await bindings.of("anna", 1000)).toEqual([]);
  });

  it.each([
    "no JSON",
    "null",
    '{"thing":"truck-7"}',
    '{"thing":"truck/+","name":"x","role":"owner"}',
    '{"thing":"truck-7","name":"x","role":"admin"}',
    '{"thing":"truck-7","name":"x","role":"owner","more":1}',
    '{"__proto__":{"thing":"truck-7","name":"x","role":"owner"}}',
  ])("is not there where the row is %s", async (text) => {
    await write(text);
    expect(await bindings.find("anna", "vehicle-7", 0)).toBeUndefined();
    expect(await bindings.of("anna", 0)).toEqual([]);
  });

  it("shows a name without what could steer whoever shows it", async () => {
    await write(JSON.stringify({ thing: "truck-7", name: `a\u001b[2J\u202eb\n${"c".repeat(100)}`, role: "viewer" }));
    const [found] = await bindings.of("anna", 0);
    expect(found?.name).toMatch(/^a \[2J b c+$/);
    expect(found?.name.length).toBe(60);
    expect(found === undefined ? undefined : mayCommand(found)).toBe(false);
  });
});
