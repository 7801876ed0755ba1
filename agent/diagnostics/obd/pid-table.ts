import { laterPids } from "./later-pids.ts";
import type { Pid, PidSignal } from "./pid.ts";
import {
  CATALYST,
  CELSIUS,
  COUNT,
  flag,
  KM,
  KMH,
  KPA,
  MINUTES,
  PERCENT,
  RATIO,
  row,
  SECONDS,
  scale,
  single,
  TEN_KPA,
  TRIM,
  value,
  WIDE_VOLTS,
} from "./pid-rows.ts";
import {
  COMPLETE,
  EMISSION_REQUIREMENTS,
  FUEL_SYSTEM,
  FUEL_TYPES,
  IGNITION,
  OBD_STANDARDS,
  OFF_ON,
  SECONDARY_AIR,
} from "./pid-texts.ts";

/** A trim of one bank, and that of a second bank where the vehicle has it (OBDb; python-OBD reads the first byte alone). */
function trims(pid: number, name: string, first: number): Pid {
  const signals = [value(`${name}_${first}`, 0, 8, TRIM), value(`${name}_${first + 2}`, 8, 8, TRIM)];
  return { pid, bytes: 1, mostBytes: 2, source: "python-OBD", signals };
}

const BASE_MONITORS = ["misfire", "fuel_system", "components"];
const SPARK_MONITORS = "catalyst heated_catalyst evap secondary_air ac_refrigerant o2_sensor o2_heater egr".split(" ");
/** Empty where no monitor has the bit. EGR has the same bit for both kinds of ignition. */
const DIESEL_MONITORS = ["nmhc_catalyst", "nox_scr", "", "boost_pressure", "", "exhaust_gas_sensor", "pm_filter", ""];
const IGNITION_BIT = 12;

/** Monitors of PID 01, and with the suffix those of PID 41; `done` says which bit is meant. Both sources have the bits of spark ignition, python-OBD those of compression. */
function monitors(suffix: string): readonly PidSignal[] {
  const pair = (name: string, support: number, done: number): readonly PidSignal[] => [
    flag(`${name}_monitor${suffix}`, support),
    flag(`${name}_status${suffix}`, done, COMPLETE),
  ];
  const ignition = (value: 0 | 1, names: readonly string[]): readonly PidSignal[] =>
    names.flatMap((name, bit) =>
      name === ""
        ? []
        : pair(name, 23 - bit, 31 - bit).map((signal) => ({ ...signal, when: { bit: IGNITION_BIT, value } })),
    );
  const [egr] = SPARK_MONITORS.slice(-1);
  return [
    flag(`ignition${suffix}`, IGNITION_BIT, IGNITION),
    ...BASE_MONITORS.flatMap((name, bit) => pair(name, 15 - bit, 11 - bit)),
    ...ignition(0, SPARK_MONITORS.slice(0, -1)),
    ...ignition(1, DIESEL_MONITORS),
    ...pair(egr, 16, 24),
  ];
}

/** PID 13 and 1D: which sensors there are. OBDb has bit A0 for the first (as SAE has it [M]); python-OBD reads A7 as the first. */
function sensorsPresent(pid: number, suffix: string, sensors: readonly string[]): Pid {
  return row(pid, 1, "OBDb", ...sensors.map((name, bit) => flag(`o2_sensor_${name}_present${suffix}`, 7 - bit)));
}

const NARROW = ["b1s1", "b1s2", "b1s3", "b1s4", "b2s1", "b2s2", "b2s3", "b2s4"];
const FOUR_BANKS = ["b1s1", "b1s2", "b2s1", "b2s2", "b3s1", "b3s2", "b4s1", "b4s2"];

function oxygenSensors(): readonly Pid[] {
  const current = scale(1 / 256, -128, "mA");
  return [
    // B = FF is said to mean that the sensor is not used for the trim [M]; it is given as it comes.
    ...NARROW.map((name, index) =>
      row(
        0x14 + index,
        2,
        "python-OBD",
        value(`o2_voltage_${name}`, 0, 8, scale(1 / 200, 0, "V")),
        value(`o2_trim_${name}`, 8, 8, TRIM),
      ),
    ),
    ...NARROW.map((_, index) =>
      row(
        0x24 + index,
        4,
        "both",
        value(`o2_ratio_${index + 1}`, 0, 16, RATIO),
        value(`o2_wide_voltage_${index + 1}`, 16, 16, WIDE_VOLTS),
      ),
    ),
    ...NARROW.map((_, index) =>
      row(
        0x34 + index,
        4,
        "both",
        value(`o2_pump_ratio_${index + 1}`, 0, 16, RATIO),
        value(`o2_pump_current_${index + 1}`, 16, 16, current),
      ),
    ),
  ];
}

function firstBlock(): readonly Pid[] {
  return [
    row(0x01, 4, "both", flag("mil", 0, OFF_ON), value("confirmed_code_count", 1, 7), ...monitors("")),
    // As a trouble code of two bytes; 0 for none.
    single(0x02, 2, "both", "freeze_frame_code"),
    row(
      0x03,
      2,
      "both",
      value("fuel_system_1", 0, 8, COUNT, FUEL_SYSTEM),
      value("fuel_system_2", 8, 8, COUNT, FUEL_SYSTEM),
    ),
    single(0x04, 1, "both", "engine_load", PERCENT),
    single(0x05, 1, "both", "coolant_temperature", CELSIUS),
    trims(0x06, "short_fuel_trim", 1),
    trims(0x07, "long_fuel_trim", 1),
    trims(0x08, "short_fuel_trim", 2),
    trims(0x09, "long_fuel_trim", 2),
    single(0x0a, 1, "both", "fuel_pressure", scale(3, 0, "kPa")),
    single(0x0b, 1, "both", "intake_pressure", KPA),
    single(0x0c, 2, "both", "engine_speed", scale(1 / 4, 0, "rpm")),
    single(0x0d, 1, "both", "vehicle_speed", KMH),
    single(0x0e, 1, "both", "timing_advance", scale(1 / 2, -64, "deg")),
    single(0x0f, 1, "both", "intake_temperature", CELSIUS),
    single(0x10, 2, "both", "air_flow", scale(0.01, 0, "g/s")),
    single(0x11, 1, "both", "throttle_position", PERCENT),
    // OBDb reads the lowest three bits only, in which its own fourth text cannot be.
    row(0x12, 1, "python-OBD", value("secondary_air", 0, 8, COUNT, SECONDARY_AIR)),
    sensorsPresent(0x13, "", NARROW),
    row(0x1c, 1, "both", value("obd_standard", 0, 8, COUNT, OBD_STANDARDS)),
    sensorsPresent(0x1d, "_four_banks", FOUR_BANKS),
    // python-OBD reads A7.
    row(0x1e, 1, "OBDb", flag("pto", 7, OFF_ON)),
    single(0x1f, 2, "both", "run_time", SECONDS),
  ];
}

function secondBlock(): readonly Pid[] {
  return [
    single(0x21, 2, "both", "distance_with_mil", KM),
    single(0x22, 2, "both", "fuel_rail_pressure_relative", scale(0.079, 0, "kPa")),
    single(0x23, 2, "both", "fuel_rail_pressure", TEN_KPA),
    single(0x2c, 1, "both", "egr_commanded", PERCENT),
    single(0x2d, 1, "python-OBD", "egr_error", TRIM),
    single(0x2e, 1, "both", "evap_purge_commanded", PERCENT),
    single(0x2f, 1, "both", "fuel_level", PERCENT),
    single(0x30, 1, "both", "warm_ups_since_clear"),
    single(0x31, 2, "both", "distance_since_clear", KM),
    // OBDb; python-OBD extends the sign of both bytes one by one, which is wrong for a low byte of 80 and above.
    single(0x32, 2, "OBDb", "evap_pressure", { ...scale(1 / 4, 0, "Pa"), signed: true }),
    single(0x33, 1, "both", "barometric_pressure", KPA),
    single(0x3c, 2, "both", "catalyst_temperature_b1s1", CATALYST),
    single(0x3d, 2, "both", "catalyst_temperature_b2s1", CATALYST),
    single(0x3e, 2, "both", "catalyst_temperature_b1s2", CATALYST),
    single(0x3f, 2, "both", "catalyst_temperature_b2s2", CATALYST),
  ];
}

function thirdBlock(): readonly Pid[] {
  return [
    row(0x41, 4, "both", ...monitors("_this_cycle")),
    single(0x42, 2, "both", "control_module_voltage", scale(0.001, 0, "V")),
    single(0x43, 2, "both", "absolute_load", PERCENT),
    single(0x44, 2, "both", "equivalence_ratio_commanded", RATIO),
    single(0x45, 1, "both", "relative_throttle", PERCENT),
    single(0x46, 1, "both", "ambient_temperature", CELSIUS),
    single(0x47, 1, "both", "throttle_position_b", PERCENT),
    single(0x48, 1, "both", "throttle_position_c", PERCENT),
    single(0x49, 1, "both", "pedal_position_d", PERCENT),
    single(0x4a, 1, "both", "pedal_position_e", PERCENT),
    single(0x4b, 1, "both", "pedal_position_f", PERCENT),
    single(0x4c, 1, "both", "throttle_commanded", PERCENT),
    single(0x4d, 2, "both", "time_with_mil", MINUTES),
    single(0x4e, 2, "both", "time_since_clear", MINUTES),
    row(
      0x4f,
      4,
      "OBDb",
      value("most_equivalence_ratio", 0, 8),
      value("most_o2_voltage", 8, 8, scale(1, 0, "V")),
      value("most_o2_current", 16, 8, scale(1, 0, "mA")),
      value("most_intake_pressure", 24, 8, TEN_KPA),
    ),
    row(0x50, 4, "both", value("most_air_flow", 0, 8, scale(10, 0, "g/s"))),
    row(0x51, 1, "both", value("fuel_type", 0, 8, COUNT, FUEL_TYPES)),
    single(0x52, 1, "both", "ethanol", PERCENT),
    single(0x53, 2, "both", "evap_pressure_absolute", scale(1 / 200, 0, "kPa")),
    // OBDb: two's complement; python-OBD: raw - 32767. Not settled by either: to be checked on a vehicle.
    single(0x54, 2, "OBDb", "evap_pressure_wide", { ...scale(1, 0, "Pa"), signed: true }),
    trims(0x55, "short_o2_trim", 1),
    trims(0x56, "long_o2_trim", 1),
    trims(0x57, "short_o2_trim", 2),
    trims(0x58, "long_o2_trim", 2),
    single(0x59, 2, "both", "fuel_rail_pressure_absolute", TEN_KPA),
    single(0x5a, 1, "both", "relative_pedal", PERCENT),
    single(0x5b, 1, "both", "hybrid_battery_charge", PERCENT),
    single(0x5c, 1, "both", "oil_temperature", CELSIUS),
    // OBDb adds -38665 with a least value of -210: a slip.
    single(0x5d, 2, "python-OBD", "injection_timing", scale(1 / 128, -210, "deg")),
    single(0x5e, 2, "both", "fuel_rate", scale(1 / 20, 0, "l/h")),
    row(0x5f, 1, "OBDb", value("emission_requirements", 0, 8, COUNT, EMISSION_REQUIREMENTS)),
  ];
}

/**
 * The parameters of service 01 that are known, by PID ascending, with the layout and scaling of their data. Not in it: the bitmaps of
 * what is supported (00, 20 .. E0; supported-pids.ts), and what neither source has.
 * Left out of PID 9A is the state of charging: OBDb has it in the byte of the support bits, and no other source was found.
 */
export const PIDS: readonly Pid[] = [
  ...firstBlock(),
  ...oxygenSensors(),
  ...secondBlock(),
  ...thirdBlock(),
  ...laterPids(),
].toSorted((left, right) => left.pid - right.pid);

const BY_PID = new Map(PIDS.map((pid) => [pid.pid, pid]));

/** The parameter with this number; undefined for one that is not known. */
export function pidOf(pid: number): Pid | undefined {
  return BY_PID.get(pid);
}
