import type { ProtobufWriter } from "./protobuf-writer.ts";

/** Field numbers of config/proto/telemetry.proto. */
const ENERGY = { value: 1, unit: 2 } as const;
const MAX_UNIT_CHARACTERS = 32;

/** What drives the vehicle, as much as there is: charge or fuel, in the unit of its signal. */
export type Energy = { readonly value: number; readonly unit: string };

/** Writes the `Energy` message as field `field`. */
export function writeEnergy(writer: ProtobufWriter, field: number, { value, unit }: Energy): void {
  writer.begin(field, 24);
  writer.doubleField(ENERGY.value, value);
  writer.stringField(ENERGY.unit, unit.slice(0, MAX_UNIT_CHARACTERS));
  writer.end();
}
