import type { FaultNote } from "../vehicle/ecus/fault-memory.ts";
import type { WireTroubleCode } from "./record-reader.ts";

/** One change of a code as a consumer must learn of it. */
export type CodeEvent = {
  /** As the agent names the control unit. */
  readonly ecu: string;
  readonly code: string;
  readonly event: "APPEARED" | "CONFIRMED" | "HEALED" | "RETURNED";
};

/** How what arrived compares with what the control units did. */
export type CodeVerdict = {
  readonly expected: number;
  /** Distinct events that arrived, those of lamps and counts left out. */
  readonly arrived: number;
  /** Numbers between 1 and the highest that never came. */
  readonly gaps: number;
  /** Numbers that came more than once, however that was delivered. */
  readonly repeats: number;
  /** Where the events of a code differ, in words. */
  readonly differences: readonly string[];
};

const PREFIX = "TROUBLE_CODE_EVENT_";
/** What is told beside what becomes of a code. */
const BESIDES = ["CHANGED", "LAMPS"];
/** Names of the agent for units that are known by their address alone. */
const AGENT_NAMES: Readonly<Record<string, string>> = { "truck-engine": "sa_0" };

/**
 * What the agent must tell of the notes that the units made, in order, if each state lasted long enough to be seen: by the words of
 * config/proto/telemetry.proto, and without any code of the agent. A unit of J1939 lists no code that has healed; OBD and UDS list one that
 * was confirmed until it is forgotten.
 */
export function expectedEvents(notes: readonly FaultNote[]): readonly CodeEvent[] {
  const known = new Map<string, "pending" | "confirmed" | "gone">();
  const events: CodeEvent[] = [];
  for (const { ecu, code, what } of notes) {
    if (code === undefined || what === "cleared") continue;
    const name = codeName(ecu, code);
    const before = known.get(`${ecu} ${name}`);
    const after = what === "healed" && before === "confirmed" && ecu !== "truck-engine" ? "confirmed" : stateOf(what);
    known.set(`${ecu} ${name}`, after);
    const event = eventOf(before, after);
    if (event !== undefined) events.push({ ecu: AGENT_NAMES[ecu] ?? ecu, code: name, event });
  }
  return events;
}

function stateOf(what: "pending" | "confirmed" | "healed" | "gone"): "pending" | "confirmed" | "gone" {
  return what === "pending" || what === "confirmed" ? what : "gone";
}

function eventOf(before: string | undefined, after: string): CodeEvent["event"] | undefined {
  const isActive = after !== "gone";
  if (before === undefined) return isActive ? "APPEARED" : undefined;
  if (before === "gone") return isActive ? "RETURNED" : undefined;
  if (!isActive) return "HEALED";
  return before === "pending" && after === "confirmed" ? "CONFIRMED" : undefined;
}

/** Holds what arrived, each delivery of it, against what the units did. */
export function judgeCodes(notes: readonly FaultNote[], arrived: readonly WireTroubleCode[]): CodeVerdict {
  const byNumber = new Map(arrived.map((event) => [event.number, event]));
  const highest = Math.max(0, ...byNumber.keys());
  const told = [...byNumber.values()]
    .toSorted((left, right) => left.number - right.number)
    .map(({ event, code }) => ({ ecu: code.ecu, code: code.code, event: event.replace(PREFIX, "") }))
    .filter(({ event }) => !BESIDES.includes(event));
  const expected = expectedEvents(notes);
  const [wanted, got] = [byCode(expected), byCode(told)];
  const differences = [...new Set([...wanted.keys(), ...got.keys()])].flatMap((key) => {
    const [one, other] = [wanted.get(key) ?? "nothing", got.get(key) ?? "nothing"];
    return one === other ? [] : [`${key}: expected ${one}, arrived ${other}`];
  });
  return {
    expected: expected.length,
    arrived: told.length,
    gaps: highest - byNumber.size,
    repeats: arrived.length - byNumber.size,
    differences,
  };
}

/** Events of each code, in order. */
function byCode(events: readonly { readonly ecu: string; readonly code: string; readonly event: string }[]) {
  const groups = Map.groupBy(events, ({ ecu, code }) => `${ecu} ${code}`);
  return new Map([...groups].map(([key, group]) => [key, group.map(({ event }) => event).join(" ")]));
}

/** P0301, P0301-1F or SPN 100 FMI 1, as the unit means its number. */
function codeName(ecu: string, code: number): string {
  if (ecu === "truck-engine") return `SPN ${code >>> 5} FMI ${code & 31}`;
  const isLong = ecu === "body";
  const two = isLong ? code >>> 8 : code;
  const digits = (two & 0x3fff).toString(16).toUpperCase().padStart(4, "0");
  const short = `${"PCBU"[two >>> 14]}${digits}`;
  return isLong ? `${short}-${(code & 0xff).toString(16).toUpperCase().padStart(2, "0")}` : short;
}
