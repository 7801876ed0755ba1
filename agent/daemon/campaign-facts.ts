import { type ClockQuality, isBelievable } from "../core/clock.ts";
import type { BusState } from "../ports/can-bus.ts";
import type { FactKind, FactNames, FactValues } from "../telemetry/campaigns/plan/expression-plan.ts";
import type { VehicleFact } from "../telemetry/vehicle-facts.ts";
import { VEHICLE_STATES } from "../vehicle/state/vehicle-state.ts";

const BUS_STATES: readonly BusState[] = ["up", "down", "absent", "error-passive", "bus-off"];
const VEHICLE_FACTS: readonly [string, FactKind][] = [
  ["vehicle.state", { type: "text", texts: VEHICLE_STATES }],
  ["vehicle.trip", { type: "double" }],
  ["vehicle.ignition", { type: "bool" }],
];

/** The agent as expressions of campaigns may ask about it. */
export type AgentFacts = {
  readonly isOnline: boolean;
  readonly clockQuality: ClockQuality;
  /** Records that wait for delivery, and bytes of payload on the disk. */
  readonly outbox: { readonly records: number; readonly bytes: number };
  /** Trouble codes that are active, of all control units, and whether a lamp is on for one of them. */
  readonly codes: { readonly active: number; readonly isLampOn: boolean };
  /** Undefined where nobody knows it. */
  readonly vehicle?: VehicleFact | undefined;
  /** On which side of each fence it is; undefined where nobody knows it. */
  readonly fences?: ReadonlyMap<string, "inside" | "outside" | undefined> | undefined;
};

/**
 * What expressions of campaigns may ask beside signals: `agent.online`, `agent.outboxRecords`, `agent.outboxBytes`, `clock.believable`,
 * `dtc.active`, `dtc.lampOn`, and of each bus `bus.NAME.up` and `bus.NAME.state`; where the vehicle's state is known (`power.state`) also
 * `vehicle.state`, `vehicle.trip` and `vehicle.ignition`; of each fence `fence.NAME`: whether the vehicle is inside. What CEL does not take in a name is '_'.
 */
export function factNames(
  busNames: readonly string[],
  knowsVehicle = true,
  fences: readonly { readonly name: string }[] = [],
): FactNames {
  return new Map<string, FactKind>([
    ["agent.online", { type: "bool" }],
    ["agent.outboxRecords", { type: "double" }],
    ["agent.outboxBytes", { type: "double" }],
    ["clock.believable", { type: "bool" }],
    ["dtc.active", { type: "double" }],
    ["dtc.lampOn", { type: "bool" }],
    ...busNames.flatMap((name): [string, FactKind][] => [
      [`${prefixOf(name)}.up`, { type: "bool" }],
      [`${prefixOf(name)}.state`, { type: "text", texts: BUS_STATES }],
    ]),
    ...(knowsVehicle ? VEHICLE_FACTS : []),
    ...fences.map(({ name }): [string, FactKind] => [`fence.${name}`, { type: "bool" }]),
  ]);
}

/** How things are now, by the names of `factNames`. */
export function factValues(
  buses: readonly { readonly name: string; readonly state: BusState }[],
  { isOnline, clockQuality, outbox, codes, vehicle, fences }: AgentFacts,
): FactValues {
  return new Map([
    ["agent.online", isOnline ? 1 : 0],
    ["agent.outboxRecords", outbox.records],
    ["agent.outboxBytes", outbox.bytes],
    ["clock.believable", isBelievable(clockQuality) ? 1 : 0],
    ["dtc.active", codes.active],
    ["dtc.lampOn", codes.isLampOn ? 1 : 0],
    ...buses.flatMap(({ name, state }): [string, number][] => [
      [`${prefixOf(name)}.up`, state === "up" ? 1 : 0],
      [`${prefixOf(name)}.state`, BUS_STATES.indexOf(state)],
    ]),
    ...vehicleValues(vehicle),
    ...[...(fences ?? [])].flatMap(([name, side]): [string, number][] =>
      side === undefined ? [] : [[`fence.${name}`, side === "inside" ? 1 : 0]],
    ),
  ]);
}

function vehicleValues(vehicle: VehicleFact | undefined): readonly [string, number][] {
  if (vehicle === undefined) return [];
  return [
    ["vehicle.state", VEHICLE_STATES.indexOf(vehicle.state)],
    ["vehicle.trip", vehicle.trip],
    ["vehicle.ignition", vehicle.isIgnitionOn ? 1 : 0],
  ];
}

function prefixOf(busName: string): string {
  return `bus.${busName.replaceAll(/[^A-Za-z0-9_]/g, "_")}`;
}
