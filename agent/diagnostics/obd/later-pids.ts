import type { Pid } from "./pid.ts";
import {
  BOOST,
  CELSIUS,
  COUNT,
  flag,
  KMH,
  PERCENT,
  row,
  SECONDS,
  scale,
  single,
  supported,
  TEN_KPA,
  TENTH_KM,
  TORQUE,
  TRIM,
  value,
} from "./pid-rows.ts";
import { LOOP, OFF_ON } from "./pid-texts.ts";

/** PIDs 61 to D3: most came later, with several values and support bits. python-OBD has none of them. */
export function laterPids(): readonly Pid[] {
  return [...torqueToBoost(), ...runTimeToRange()];
}

function torqueToBoost(): readonly Pid[] {
  const flow = scale(1 / 32, 0, "g/s");
  const temperatures = ["11", "12", "13", "21", "22", "23"];
  return [
    single(0x61, 1, "OBDb", "torque_demanded", TORQUE),
    single(0x62, 1, "OBDb", "torque_actual", TORQUE),
    single(0x63, 2, "OBDb", "torque_reference", scale(1, 0, "Nm")),
    row(0x64, 5, "OBDb", ...[1, 2, 3, 4, 5].map((point) => value(`torque_point_${point}`, (point - 1) * 8, 8, TORQUE))),
    row(
      0x65,
      2,
      "OBDb",
      supported(7, flag("pto_output", 15, OFF_ON)),
      supported(6, flag("automatic_in_drive", 14)),
      supported(5, flag("manual_in_gear", 13)),
      supported(4, flag("glow_plug_lamp", 12, OFF_ON)),
      supported(3, value("recommended_gear", 8, 4)),
    ),
    row(
      0x66,
      5,
      "OBDb",
      supported(7, value("air_flow_a", 8, 16, flow)),
      supported(6, value("air_flow_b", 24, 16, flow)),
    ),
    row(
      0x67,
      3,
      "OBDb",
      supported(7, value("coolant_temperature_1", 8, 8, CELSIUS)),
      supported(6, value("coolant_temperature_2", 16, 8, CELSIUS)),
    ),
    row(
      0x68,
      7,
      "OBDb",
      ...temperatures.map((name, at) => supported(7 - at, value(`intake_temperature_${name}`, 8 + at * 8, 8, CELSIUS))),
    ),
    row(
      0x69,
      7,
      "OBDb",
      ...["a", "b"].flatMap((name, at) => [
        supported(7 - at * 3, value(`egr_${name}_commanded`, 8 + at * 24, 8, PERCENT)),
        supported(6 - at * 3, value(`egr_${name}_actual`, 16 + at * 24, 8, PERCENT)),
        supported(5 - at * 3, value(`egr_${name}_error`, 24 + at * 24, 8, TRIM)),
      ]),
    ),
    row(
      0x6b,
      5,
      "OBDb",
      ...["a", "c", "b", "d"].flatMap((name, at) => [
        supported(7 - at, value(`egr_temperature_${name}`, 8 + at * 8, 8, CELSIUS)),
        supported(3 - at, value(`egr_temperature_${name}_wide`, 8 + at * 8, 8, scale(4, -40, "degC"))),
      ]),
    ),
    row(
      0x6c,
      5,
      "OBDb",
      ...["a", "b"].flatMap((name, at) => [
        supported(7 - at * 2, value(`throttle_${name}_commanded`, 8 + at * 16, 8, PERCENT)),
        supported(6 - at * 2, value(`throttle_${name}_relative`, 16 + at * 16, 8, PERCENT)),
      ]),
    ),
    row(
      0x6d,
      11,
      "OBDb",
      ...["a", "b"].flatMap((name, at) => [
        supported(7 - at * 3, value(`fuel_rail_${name}_pressure_commanded`, 8 + at * 40, 16, TEN_KPA)),
        supported(6 - at * 3, value(`fuel_rail_${name}_pressure`, 24 + at * 40, 16, TEN_KPA)),
        supported(5 - at * 3, value(`fuel_rail_${name}_temperature`, 40 + at * 40, 8, CELSIUS)),
      ]),
    ),
    row(
      0x70,
      10,
      "OBDb",
      ...["a", "b"].flatMap((name, at) => [
        supported(7 - at * 3, value(`boost_${name}_commanded`, 8 + at * 32, 16, BOOST)),
        supported(6 - at * 3, value(`boost_${name}_pressure`, 24 + at * 32, 16, BOOST)),
        supported(5 - at * 3, value(`boost_${name}_control`, 78 - at * 2, 2, COUNT, LOOP)),
      ]),
    ),
    row(
      0x72,
      5,
      "OBDb",
      ...["a", "b"].flatMap((name, at) => [
        supported(7 - at * 2, value(`wastegate_${name}_commanded`, 8 + at * 16, 8, PERCENT)),
        supported(6 - at * 2, value(`wastegate_${name}_position`, 16 + at * 16, 8, PERCENT)),
      ]),
    ),
  ];
}

function runTimeToRange(): readonly Pid[] {
  return [
    row(
      0x7f,
      13,
      "OBDb",
      ...["run", "idle", "pto"].map((name, at) =>
        supported(7 - at, value(`total_${name}_time`, 8 + at * 32, 32, SECONDS)),
      ),
    ),
    single(0x84, 1, "OBDb", "manifold_temperature", CELSIUS),
    single(0x8d, 1, "OBDb", "throttle_position_g", PERCENT),
    single(0x8e, 1, "OBDb", "torque_friction", TORQUE),
    row(
      0x9a,
      6,
      "OBDb",
      supported(6, value("hybrid_battery_voltage", 16, 16, scale(1 / 64, 0, "V"))),
      supported(5, value("hybrid_battery_current", 32, 16, { ...scale(0.1, 0, "A"), signed: true })),
    ),
    row(
      0x9d,
      4,
      "OBDb",
      value("engine_fuel_rate", 0, 16, scale(1 / 50, 0, "g/s")),
      value("vehicle_fuel_rate", 16, 16, scale(1 / 50, 0, "g/s")),
    ),
    single(0x9e, 2, "OBDb", "exhaust_flow", scale(1 / 5, 0, "kg/h")),
    row(
      0x9f,
      9,
      "OBDb",
      ...[1, 2, 3, 4].flatMap((bank, at) => [
        supported(7 - at * 2, value(`fuel_system_a_bank_${bank}`, 8 + at * 16, 8, PERCENT)),
        supported(6 - at * 2, value(`fuel_system_b_bank_${bank}`, 16 + at * 16, 8, PERCENT)),
      ]),
    ),
    single(0xa2, 2, "OBDb", "cylinder_fuel_rate", scale(1 / 32, 0, "mg/stroke")),
    single(0xa6, 4, "OBDb", "odometer", TENTH_KM),
    single(0xaa, 1, "OBDb", "speed_limit", KMH),
    single(0xb2, 1, "OBDb", "battery_health", PERCENT),
    row(
      0xd2,
      3,
      "OBDb",
      supported(7, value("certified_energy", 8, 8, PERCENT)),
      supported(6, value("certified_range", 16, 8, PERCENT)),
    ),
    single(0xd3, 4, "OBDb", "engine_odometer", TENTH_KM),
  ];
}
