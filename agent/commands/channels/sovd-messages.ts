import type { SovdAnswer } from "./sovd-answer.ts";

type Message = Readonly<Record<string, unknown>>;

/**
 * The messages that an answer goes in: one where it is short enough, with `storage_uri` null, as nothing is stored elsewhere. A longer one
 * goes as parts of its components, each PROGRESS with `part` and `parts`, and then a last one with the status and a summary, as the
 * reference gives one with what it has stored.
 */
export function sovdMessages(head: Message, answer: SovdAnswer, maxBytes: number): readonly Message[] {
  const { status, reason, components, members } = answer;
  const ending = { ...head, status, reason, error: reason, ...members };
  const whole = { ...ending, components: Object.fromEntries(components), storage_uri: null };
  if (bytesOf(whole) <= maxBytes) return [whole];
  const { latency_ms: _latency, ...rest } = head;
  const room = maxBytes - bytesOf({ ...rest, status: "PROGRESS", part: 1_000_000, parts: 1_000_000, components: {} });
  const parts = pack(pieces(components, room), room);
  const inParts = parts.map((part, index) => ({
    ...rest,
    status: "PROGRESS",
    part: index + 1,
    parts: parts.length,
    components: part,
  }));
  return [...inParts, { ...ending, storage_uri: null, parts: parts.length, summary: summaryOf(components) }];
}

type Piece = readonly [name: string, component: unknown];

/** Components, those that are too long as several with a part of their list each. */
function pieces(components: SovdAnswer["components"], room: number): readonly Piece[] {
  return [...components].flatMap(([name, component]): readonly Piece[] => {
    if (bytesOf({ [name]: component }) <= room || typeof component !== "object" || component === null) {
      return [[name, component]];
    }
    const [key, list] = Object.entries(component).find(([, value]) => isList(value)) ?? [];
    if (key === undefined || !isList(list)) return [[name, component]];
    return list.map((one): Piece => [name, { ...component, [key]: [one] }]);
  });
}

/** Pieces side by side, as many as there is room for; those of one component become one again. */
function pack(given: readonly Piece[], room: number): readonly Message[] {
  const packed: Record<string, unknown>[] = [];
  let last: Record<string, unknown> | undefined;
  for (const [name, component] of given) {
    const grown = last === undefined ? undefined : { ...last, [name]: merged(last[name], component) };
    if (grown === undefined || bytesOf(grown) > room) {
      last = { [name]: component };
      packed.push(last);
    } else {
      packed[packed.length - 1] = grown;
      last = grown;
    }
  }
  return packed;
}

/** Two pieces of one component, with the entries of both. */
function merged(before: unknown, next: unknown): unknown {
  if (typeof before !== "object" || before === null || typeof next !== "object" || next === null) return next;
  const lists = new Map<string, unknown>(Object.entries(before));
  return Object.fromEntries(Object.entries(next).map(([key, value]) => [key, bothOf(lists.get(key), value)]));
}

function bothOf(before: unknown, next: unknown): unknown {
  return isList(before) && isList(next) ? [...before, ...next] : next;
}

function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value);
}

function summaryOf(components: SovdAnswer["components"]): Message {
  const codes = [...components.values()].flatMap(codesOf);
  return { ecu_count: components.size, dtc_count: codes.length, has_freeze_frame: codes.some(hasFrame) };
}

function codesOf(component: unknown): readonly unknown[] {
  if (typeof component !== "object" || component === null) return [];
  const list = "dtcs" in component ? component.dtcs : "faults" in component ? component.faults : [];
  return isList(list) ? list : [];
}

function hasFrame(code: unknown): boolean {
  if (typeof code !== "object" || code === null || !("freeze_frame" in code)) return false;
  const { freeze_frame: frame } = code;
  return typeof frame === "object" && frame !== null && Object.keys(frame).length > 0;
}

function bytesOf(message: Message): number {
  return new TextEncoder().encode(JSON.stringify(message)).length;
}
