import type { CodeState, FreezeValue, Lamps } from "../encode/trouble-code.ts";
import type { RecordBody } from "./decoded-record.ts";
import { malformed } from "./malformed-record.ts";
import { positionOf } from "./record-campaigns.ts";
import type { WireRecord } from "./record-schema.ts";

type WireEvent = NonNullable<WireRecord["trouble_code"]>;
type WireCode = WireEvent["code"];

/** A trouble code that has changed its state. Throws `input.malformed` for freeze data without a value. */
export function troubleCodeOf(wire: WireEvent): RecordBody {
  const { number, repeated: isRepeated, event, time_us: timeUs } = wire;
  const { cleared: codes, cleared_dropped: dropped, cleared_by: by } = wire;
  const cleared = { codes, dropped, by: by === "" ? undefined : by };
  const about = { number, isRepeated, event, timeUs, code: codeOf(wire.code), position: positionOf(wire.position) };
  return { kind: "trouble-code", ...about, ...(event === "cleared" && { cleared }) };
}

/** All active trouble codes. */
export function codeReportOf(wire: NonNullable<WireRecord["trouble_code_report"]>): RecordBody {
  const { time_us: timeUs, reason, codes, part, parts, ecu, refused } = wire;
  const about = { timeUs, reason, ecu: ecu === "" ? undefined : ecu, codes: codes.map(codeOf), refused };
  return { kind: "trouble-code-report", ...about, part, parts };
}

function codeOf(wire: WireCode): CodeState {
  const { bus, ecu, protocol, code, raw, text, status } = wire;
  return {
    bus,
    ecu,
    protocol,
    code,
    raw,
    status,
    text: text === "" ? undefined : text,
    isActive: wire.active,
    isPending: wire.pending,
    isConfirmed: wire.confirmed,
    isPermanent: wire.permanent,
    ecuOccurrences: wire.ecu_occurrences,
    occurrences: wire.occurrences,
    firstSeenUs: wire.first_seen_us,
    sinceUs: wire.since_us,
    lastSeenUs: wire.last_seen_us,
    odometerKm: wire.odometer_km,
    lamps: wire.lamps === null ? undefined : lampsOf(wire.lamps),
    freeze: wire.freeze.map(freezeOf),
    freezeDropped: wire.freeze_dropped,
  };
}

function lampsOf({ malfunction, stop, warning, protect }: NonNullable<WireCode["lamps"]>): Lamps {
  return { malfunction, stop, warning, protect };
}

function freezeOf({ name, number, text, unit }: WireCode["freeze"][number]): FreezeValue {
  const value = number ?? text;
  if (value === undefined) throw malformed(`the freeze data give no value of ${name}`);
  return { name, value, unit: unit === "" ? undefined : unit };
}
