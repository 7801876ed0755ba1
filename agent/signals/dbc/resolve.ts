import { CLASSIC_MAX_DATA_BYTES } from "../../ports/frame.ts";
import { neededBytesOf } from "../codec/layout.ts";
import { pgnOf } from "../pgn.ts";
import { type DatabaseDraft, EXTENDED_BIT, type MessageDraft, type ProblemList, type SignalDraft } from "./draft.ts";
import type { DbcDatabase, DbcMessage, DbcSignal } from "./model.ts";
import { resolveMultiplexing } from "./multiplexing.ts";
import { reportOverlaps } from "./overlap.ts";
import { distinctMessages, distinctSignals, withoutRepeats } from "./repeats.ts";
import { excludeCandidates } from "./suspects.ts";

/** Protocols whose ids hold a parameter group, as files name them in ProtocolType. */
const GROUP_PROTOCOLS = /^(?:SAE[ _-]?)?(?:J1939|N2K|NMEA[ _-]?2000|ISO[ _-]?BUS|ISO[ _-]?11783)/i;
const J1939_PROTOCOL = /^(?:SAE[ _-]?)?J1939/i;
/** What VFrameFormat's numbers mean where the file declares the attribute without texts. */
const FORMATS: ReadonlyMap<number, string> = new Map([
  [3, "J1939PG"],
  [14, "StandardCAN_FD"],
  [15, "ExtendedCAN_FD"],
]);

/** Applies long names, value types, frame formats and multiplexing to what was read, and checks each message as a whole. */
export function resolveDatabase(draft: DatabaseDraft, problems: ProblemList): DbcDatabase {
  excludeCandidates(draft, problems);
  const messages = distinctMessages(draft.messages, problems).map((one) => resolveMessage(one, draft, problems));
  return { version: draft.version, nodes: draft.nodes, messages };
}

function resolveMessage(message: MessageDraft, draft: DatabaseDraft, problems: ProblemList): DbcMessage {
  const extended = message.rawId >= EXTENDED_BIT;
  const given = withoutRepeats(message, message.signals, problems);
  const drafts = given.filter((signal) => checkSignal(signal, message, problems));
  const multiplexing = resolveMultiplexing(message, drafts, problems);
  const kept = distinctSignals(message, multiplexing, problems);
  const names = longNamesOf(kept, problems);
  const nameOf = (signal: SignalDraft): string => names.get(signal.name) ?? signal.name;
  const signals = kept.flatMap((signal): DbcSignal[] => {
    const place = multiplexing.get(signal);
    if (place === undefined) return [];
    const { at, indicator, longName: _, problems: __, isTyped: ___, ...facts } = signal;
    const by = place.by === undefined ? undefined : { by: nameOf(place.by), ranges: place.ranges };
    const name = nameOf(signal);
    return [{ ...facts, name, multiplexer: indicator.multiplexer, multiplexing: by, line: problems.lineOf(at) }];
  });
  reportOverlaps(message, kept, multiplexing, problems);
  const id = extended ? message.rawId - EXTENDED_BIT : message.rawId;
  const pgn = extended && isByPgn(message, draft) ? pgnOf(id) : undefined;
  return {
    id,
    extended,
    pgn,
    j1939: pgn !== undefined && isJ1939(pgn, draft),
    fd: isFd(message, draft),
    name: message.longName ?? message.name,
    length: message.length,
    sender: message.sender,
    comment: message.comment,
    cycleMs: (message.cycleMs ?? draft.defaultCycleMs) || undefined,
    signals,
    complete: message.complete && signals.length === given.length,
    line: problems.lineOf(message.at),
  };
}

/** False for a signal that would be read wrongly. */
function checkSignal(signal: SignalDraft, message: MessageDraft, problems: ProblemList): boolean {
  // Told where the statement is that could not be read.
  if (signal.problems > 0) return false;
  const floatBits = { integer: undefined, float: 32, double: 64 }[signal.kind];
  if (floatBits !== undefined && floatBits !== signal.bits) {
    problems.error(
      signal.at,
      `signal ${signal.name} is an IEEE ${signal.kind} of ${signal.bits} bits; it must have ${floatBits}; it is left out`,
    );
    return false;
  }
  const needed = neededBytesOf(signal);
  if (needed > message.length) {
    problems.error(
      signal.at,
      `signal ${signal.name} needs ${needed} bytes, message ${message.name} has ${message.length}`,
    );
  }
  return true;
}

/** Long names by short name. One that could be mistaken for another signal of the message is not used. */
function longNamesOf(signals: readonly SignalDraft[], problems: ProblemList): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  const used = new Set(signals.map((signal) => signal.name));
  for (const { name, longName, at } of signals) {
    if (longName === undefined || longName === name || names.has(name)) continue;
    if (used.has(longName)) problems.warn(at, `the long name ${longName} is used twice`);
    else names.set(name, longName);
    used.add(longName);
  }
  return names;
}

function isFd(message: MessageDraft, draft: DatabaseDraft): boolean {
  const text = formatText(message.frameFormat, draft) ?? draft.defaultFrameFormat;
  if (text?.endsWith("_FD") === true) return true;
  // A J1939 message of more than 8 bytes comes in several classic frames; any other needs an FD frame whatever the attribute says.
  return !isByPgn(message, draft) && message.length > CLASSIC_MAX_DATA_BYTES;
}

/** What the file says of the message itself counts before what it says of all. */
function isByPgn(message: MessageDraft, draft: DatabaseDraft): boolean {
  const text = formatText(message.frameFormat, draft);
  if (text !== undefined) return text === "J1939PG";
  return draft.defaultFrameFormat === "J1939PG" || GROUP_PROTOCOLS.test(draft.protocol ?? "");
}

/** NMEA 2000 and ISOBUS have conventions of their own; what says nothing, and is in the data page of NMEA 2000, may be of these. */
function isJ1939(pgn: number, { protocol = "" }: DatabaseDraft): boolean {
  return GROUP_PROTOCOLS.test(protocol) ? J1939_PROTOCOL.test(protocol) : pgn < 0x10000;
}

function formatText(format: number | string | undefined, { frameFormats }: DatabaseDraft): string | undefined {
  return typeof format === "number" ? (frameFormats[format] ?? FORMATS.get(format)) : format;
}
