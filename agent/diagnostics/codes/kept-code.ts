import { z } from "zod";
import type { CodeOrigin, FreezeValue } from "../../telemetry/record/encode/trouble-code.ts";
import { CODE_LISTS } from "./trouble-code.ts";

/** Freeze data of a code beyond this are left out, and counted: so a code has a few KiB in memory, in the journal and in its record. */
const MAX_FREEZE_VALUES = 64;
const MAX_FREEZE_CHARACTERS = 2000;

/** What names a control unit in keys. No part of it may hold '/', which is replaced. */
export function originKey({ bus, protocol, ecu }: CodeOrigin): string {
  return [bus, protocol, ecu].map((part) => part.replaceAll("/", "_")).join("/");
}

/** Key of a code in the journal. */
export function codeKey(unitKey: string, code: string): string {
  return `code/${unitKey}/${code}`;
}

/** Key of the lamps of a control unit in the journal. */
export function lampsKey(unitKey: string): string {
  return `lamps/${unitKey}`;
}

/** As many freeze data as are kept, and how many are not. */
export function boundedFreeze(values: readonly FreezeValue[]): {
  readonly freeze: readonly FreezeValue[];
  readonly freezeDropped: number;
} {
  let room = MAX_FREEZE_CHARACTERS;
  const beyond = values.findIndex(({ name, value, unit }, at) => {
    room -= name.length + String(value).length + (unit?.length ?? 0);
    return room < 0 || at >= MAX_FREEZE_VALUES;
  });
  const kept = beyond < 0 ? values : values.slice(0, beyond);
  return { freeze: kept, freezeDropped: values.length - kept.length };
}

const lampState = z.enum(["off", "on", "slow-flash", "fast-flash"]).optional();
const lamps = z.object({ malfunction: lampState, stop: lampState, warning: lampState, protect: lampState });
const protocol = z.enum(["obd", "uds", "j1939"]);
/** A code, with what is known of it. */
export const codeState = z.object({
  bus: z.string(),
  ecu: z.string(),
  protocol,
  code: z.string(),
  raw: z.int().min(0),
  text: z.string().optional(),
  status: z.int().optional(),
  isActive: z.boolean(),
  isPending: z.boolean(),
  isConfirmed: z.boolean(),
  isPermanent: z.boolean(),
  ecuOccurrences: z.int().min(0).optional(),
  occurrences: z.int().min(0),
  firstSeenUs: z.int(),
  sinceUs: z.int(),
  lastSeenUs: z.int(),
  odometerKm: z.number().optional(),
  lamps: lamps.optional(),
  freeze: z
    .array(z.object({ name: z.string(), value: z.union([z.number(), z.string()]), unit: z.string().optional() }))
    .readonly(),
  freezeDropped: z.int().min(0),
});

/** A code as the journal keeps it. Another version of the agent may have written more of it. */
export const keptCode = z.object({ state: codeState, lists: z.array(z.enum(CODE_LISTS)) });
export type KeptCode = z.infer<typeof keptCode>;

/** Which lamps of a control unit were on when they were told last, by `litLamps`. */
export const keptLamps = z.object({ bus: z.string(), ecu: z.string(), protocol, lit: z.string() });

/** An event as the journal keeps it until the outbox has it. */
export const keptEvent = z.object({
  number: z.int().min(1),
  timeUs: z.int(),
  event: z.enum(["appeared", "confirmed", "healed", "returned", "changed", "cleared", "lamps"]),
  code: codeState,
  cleared: z
    .object({ codes: z.array(z.string()).readonly(), dropped: z.int().min(0), by: z.string().optional() })
    .optional(),
  position: z
    .object({
      latitude: z.number(),
      longitude: z.number(),
      altitude: z.number().optional(),
      accuracy: z.number().optional(),
      timeUs: z.int(),
    })
    .optional(),
});
