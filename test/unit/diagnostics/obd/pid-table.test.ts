import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { obdPdu, obdTable } from "../../../../agent/diagnostics/obd/obd-table.ts";
import type { Pid } from "../../../../agent/diagnostics/obd/pid.ts";
import { pidsNamed } from "../../../../agent/diagnostics/obd/pid-names.ts";
import { PIDS, pidOf } from "../../../../agent/diagnostics/obd/pid-table.ts";
import { valuesOf } from "../../../../agent/diagnostics/obd/pid-values.ts";
import { createSignalTable } from "../../../../agent/signals/build-table.ts";

const SEED = 16;
const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex.replaceAll(" ", ""), "hex"));

/** Physical values as python-OBD's tests have them (tests/test_decoders.py, a378bdd), unless it says another source. */
const VECTORS: readonly (readonly [pid: number, hex: string, name: string, value: number | string])[] = [
  [0x04, "00", "engine_load", 0],
  [0x04, "ff", "engine_load", 100],
  [0x05, "00", "coolant_temperature", -40],
  [0x05, "ff", "coolant_temperature", 215],
  [0x06, "00", "short_fuel_trim_1", -100],
  [0x06, "80", "short_fuel_trim_1", 0],
  [0x06, "ff", "short_fuel_trim_1", 99.22],
  [0x0a, "80", "fuel_pressure", 384],
  [0x0a, "ff", "fuel_pressure", 765],
  // The conversation of candump in docs of OBD: 7E8#04410C1AF8 and 7E8#03410D37.
  [0x0c, "1af8", "engine_speed", 1726],
  [0x0d, "37", "vehicle_speed", 55],
  [0x0e, "00", "timing_advance", -64],
  [0x0e, "ff", "timing_advance", 63.5],
  [0x03, "0100", "fuel_system_1", "open loop, engine cold"],
  [0x03, "0008", "fuel_system_2", "open loop, failure"],
  [0x12, "08", "secondary_air", "on for diagnostics"],
  [0x14, "ffff", "o2_voltage_b1s1", 1.275],
  [0x24, "00008000", "o2_wide_voltage_1", 4],
  // SAE's own bound of a PID whose value is signed (OBDb, EVAP_VP: -8192).
  [0x32, "8000", "evap_pressure", -8192],
  [0x34, "00008000", "o2_pump_current_1", 0],
  [0x34, "abcd0000", "o2_pump_current_1", -128],
  [0x43, "ffff", "absolute_load", 25_700],
  [0x50, "ff000000", "most_air_flow", 2550],
  [0x51, "17", "fuel_type", "bifuel diesel"],
  [0x53, "ffff", "evap_pressure_absolute", 327.675],
  [0x5d, "0000", "injection_timing", -210],
  [0x5d, "ffff", "injection_timing", 301.99],
  [0x5e, "ffff", "fuel_rate", 3276.75],
  // OBDb, ECT_1, TQ_ACT, ODO.
  [0x62, "00", "torque_actual", -125],
  [0x67, "014100", "coolant_temperature_1", 25],
  [0xa6, "00000064", "odometer", 10],
];

describe("the table of PIDs", () => {
  it.each(VECTORS)("PID %s: %s is %s %s", (pid, hex, name, expected) => {
    const value = valuesOf(pid, bytes(hex)).find((one) => one.name === name);
    if (typeof expected === "string") expect(value?.text).toBe(expected);
    else expect(value?.value).toBeCloseTo(expected, 2);
  });

  it("has each PID and each name once, and no value past the data of its PID", () => {
    const names = PIDS.flatMap(({ signals }) => signals.map(({ name }) => name));
    expect(new Set(names).size).toBe(names.length);
    expect(new Set(PIDS.map(({ pid }) => pid)).size).toBe(PIDS.length);
    expect(names.filter((name) => !/^[a-z][a-z0-9_]*$/.test(name))).toEqual([]);
    for (const { bytes: least, mostBytes = least, signals } of PIDS) {
      for (const { bit, bits } of signals) expect(bit + bits).toBeLessThanOrEqual(mostBytes * 8);
    }
  });

  it("reads readiness as python-OBD does, of spark and of compression ignition", () => {
    const spark = statusOf("8307ff00");
    expect(spark).toMatchObject({
      mil: 1,
      confirmed_code_count: 3,
      ignition: 0,
      misfire_monitor: 1,
      misfire_status: 0,
    });
    expect(spark).toMatchObject({ catalyst_monitor: 1, catalyst_status: 0, egr_monitor: 1, o2_heater_monitor: 1 });
    expect(spark).not.toHaveProperty("pm_filter_monitor");
    const compression = statusOf("00790303");
    expect(compression).toMatchObject({ mil: 0, ignition: 1, misfire_monitor: 1, fuel_system_monitor: 0 });
    expect(compression).toMatchObject({ misfire_status: 1, fuel_system_status: 1, components_status: 1 });
    expect(compression).toMatchObject({
      nmhc_catalyst_monitor: 1,
      nmhc_catalyst_status: 1,
      nox_scr_monitor: 1,
      nox_scr_status: 1,
    });
    expect(compression).toMatchObject({ pm_filter_monitor: 0, pm_filter_status: 0, egr_monitor: 0 });
    expect(compression).not.toHaveProperty("catalyst_monitor");
  });

  it("leaves out a value that the ECU says it does not have, and one whose bytes are not there", () => {
    expect(valuesOf(0x67, bytes("024150")).map(({ name, value }) => [name, value])).toEqual([
      ["coolant_temperature_2", 40],
    ]);
    expect(valuesOf(0x06, bytes("80")).map(({ name }) => name)).toEqual(["short_fuel_trim_1"]);
    expect(valuesOf(0x0c, bytes("1a"))).toEqual([]);
    expect(valuesOf(0xfe, bytes("00"))).toEqual([]);
  });
});

describe("the table of signals of OBD-II", () => {
  it("decodes every PID to the values that the table of PIDs gives, support bits and all", () => {
    const source = obdTable({ bus: "can0", ecus: ["engine"], pids: PIDS.map(({ pid }) => pid), file: "test" });
    const table = createSignalTable([source]);
    const messages = new Map(table.messages.map((message) => [message.arbitrationId, message]));
    const bytesOf = ({ bytes: least, mostBytes = least }: Pid): fc.Arbitrary<Uint8Array> =>
      fc.uint8Array({ minLength: least, maxLength: mostBytes });
    const answer = fc.constantFrom(...PIDS).chain((pid) => fc.tuple(fc.constant(pid), bytesOf(pid)));
    fc.assert(
      fc.property(answer, ([pid, data]) => {
        const pdu = obdPdu(pid.pid, data);
        const message = messages.get(pid.pid);
        message?.decode(pdu, 0, pdu.length, table.values, table.wides, table.present);
        const isWhole = message?.multiplexed === false && pdu.length >= message.neededBytes;
        const decoded = table.signals
          .filter(({ arbitrationId, index }) => arbitrationId === pid.pid && (isWhole || table.present[index] === 1))
          .filter(({ name }) => !name.startsWith("support_"))
          .map(({ index, name, factor, offset }) => [name, table.values[index] * factor + offset]);
        const expected = valuesOf(pid.pid, data).map(({ name, value }) => [name, value]);
        expect(Object.fromEntries(decoded)).toEqual(Object.fromEntries(expected));
      }),
      { seed: SEED, numRuns: 3000 },
    );
  });

  it("has a message for each ECU and asked PID", () => {
    const pids = [...named("engine_speed"), ...named("0x0d")];
    const { database, carriage } = obdTable({ bus: "can0", ecus: ["engine", "ecu_3"], pids, file: "test" });
    expect(carriage).toBe("pdus");
    expect(database.messages.map(({ name, id, signals }) => [name, id, signals.map((signal) => signal.name)])).toEqual([
      ["obd.engine", 0x0c, ["engine_speed"]],
      ["obd.ecu_3", 0x0c, ["engine_speed"]],
      ["obd.engine", 0x0d, ["vehicle_speed"]],
      ["obd.ecu_3", 0x0d, ["vehicle_speed"]],
    ]);
  });

  it("takes names, numbers and all, and says what a wrong name may have meant", () => {
    expect(named("short_fuel_trim_3")).toEqual([0x06]);
    expect(named("*")).toHaveLength(PIDS.length);
    expect(pidsNamed("engine_sped")).toEqual({
      kind: "unfit",
      problem: "there is no PID engine_sped; did you mean engine_speed?",
    });
    expect(pidsNamed("0xc0")).toEqual({ kind: "unfit", problem: "the layout of PID 0xc0 is not known" });
    expect(pidOf(0x0c)?.bytes).toBe(2);
  });
});

function named(name: string): readonly number[] {
  const found = pidsNamed(name);
  return found.kind === "pids" ? found.pids : [];
}

function statusOf(hex: string): Readonly<Record<string, number>> {
  return Object.fromEntries(valuesOf(0x01, bytes(hex)).map(({ name, value }) => [name, value]));
}
