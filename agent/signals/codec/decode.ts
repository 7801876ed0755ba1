import type { DecodeMessage } from "../signal-entry.ts";
import { type BitRun, bitRunsOf } from "./layout.ts";
import type { CodedSignal, DecodePlan } from "./packed-layouts.ts";

/** Whether a signal has a slot in `wides`: an integer of more bits than a float64 holds exactly. */
export function isWide(signal: CodedSignal): boolean {
  return signal.kind === "integer" && signal.bits > 53;
}

/** A signal on its way into source text. */
type Field = {
  readonly signal: CodedSignal;
  /** A multiplexer that nobody wants is read for those that depend on it, and stored nowhere. */
  readonly isWanted: boolean;
  readonly runs: readonly BitRun[];
  readonly neededBytes: number;
  readonly slot: number;
  readonly wideSlot: number;
};

/** One message on its way into source text. */
type Source = {
  /** Those to decode, by the name of the multiplexer they depend on; undefined for those that are always there. */
  readonly children: ReadonlyMap<string | undefined, readonly Field[]>;
  readonly multiplexed: boolean;
  readonly neededBytes: number;
  /** Marks every signal that is wanted absent. */
  readonly clear: string;
};

/** More are cleared by one call, with those between them. */
const MOST_SINGLE_STORES = 32;
const PARAMETERS = "bytes,at,length,values,wides,present";

/**
 * One decoder a message, generated as straight byte arithmetic.
 *
 * The source is made of numbers only (bits, slots, multiplexer values), never of a name or text from the DBC file. Each message has
 * two functions: one for frames that hold every signal, and one, in which every signal looks at the length, for shorter frames.
 */
export function compileDecoders(plans: readonly DecodePlan[]): readonly DecodeMessage[] {
  return compile(plans.map((plan) => sourceOf(plan, () => true)));
}

/**
 * A decoder for some of a message's signals, which leaves all slots of the others alone. It is as `DecodeMessage` says of the whole
 * message, as long as the others are absent in `present`. `wanted` has one byte a signal of the table, 0 for those that nobody wants.
 */
export function compileWanted(plan: DecodePlan, wanted: Uint8Array): DecodeMessage {
  return compile([sourceOf(plan, (slot) => wanted[slot] !== 0)])[0];
}

function compile(sources: readonly Source[]): readonly DecodeMessage[] {
  const source = sources.map(messageSource).join("\n");
  const decoders: DecodeMessage[] = [];
  // One view to read IEEE 754 values through is enough, for decoding is never re-entered.
  const view = new DataView(new ArrayBuffer(8));
  // oxlint-disable-next-line typescript/no-implied-eval -- what is compiled is made here, of numbers
  Reflect.apply(new Function("view", "decoders", `"use strict";\n${source}`), undefined, [view, decoders]);
  return decoders;
}

function sourceOf({ message, firstSignal, firstWide }: DecodePlan, isWanted: (slot: number) => boolean): Source {
  const needed = neededSignals(message, (index) => isWanted(firstSignal + index));
  const children = new Map<string | undefined, Field[]>();
  let wideSlot = firstWide;
  let neededBytes = 0;
  message.signals.forEach((signal, index) => {
    const runs = bitRunsOf(signal);
    const fieldBytes = runs.reduce((most, run) => Math.max(most, run.byte + 1), 0);
    const slot = firstSignal + index;
    if (needed.has(signal)) {
      const siblings = children.get(signal.multiplexing?.by) ?? [];
      siblings.push({ signal, isWanted: isWanted(slot), runs, neededBytes: fieldBytes, slot, wideSlot });
      children.set(signal.multiplexing?.by, siblings);
    }
    // Of the whole message, for so the reader of `present` judges the length.
    neededBytes = Math.max(neededBytes, fieldBytes);
    if (isWide(signal)) wideSlot += 1;
  });
  const multiplexed = message.signals.some(({ multiplexing }) => multiplexing !== undefined);
  const slots = message.signals.map((_, index) => firstSignal + index).filter(isWanted);
  return { children, multiplexed, neededBytes, clear: clearOf(slots) };
}

/** One by one, since a call of `fill` costs as much as some dozens of stores. */
function clearOf(slots: readonly number[]): string {
  if (slots.length <= MOST_SINGLE_STORES) return slots.map((slot) => `present[${slot}]=0;`).join("");
  return `present.fill(0,${slots[0]},${slots[slots.length - 1] + 1});`;
}

/** The signals that are wanted, and the multiplexers that say whether these are there. */
function neededSignals(
  { signals }: DecodePlan["message"],
  isWanted: (index: number) => boolean,
): ReadonlySet<CodedSignal> {
  const needed = new Set(signals.filter((_, index) => isWanted(index)));
  // A set goes on to what is added to it on the way.
  for (const { multiplexing } of needed) {
    if (multiplexing === undefined) continue;
    for (const signal of signals) if (signal.name === multiplexing.by) needed.add(signal);
  }
  return needed;
}

function messageSource(source: Source, index: number): string {
  const always = source.children.get(undefined) ?? [];
  const whole = (source.multiplexed ? source.clear : "") + wholeBlock(source, always);
  const short = source.clear + shortBlock(source, always);
  return (
    `function s${index}(${PARAMETERS}){${short}}\n` +
    `function d${index}(${PARAMETERS}){if(length<${source.neededBytes}){s${index}(${PARAMETERS});return;}${whole}}\n` +
    `decoders[${index}]=d${index};`
  );
}

/** Statements that decode `fields` from a frame known to hold every signal of the message. */
function wholeBlock(source: Source, fields: readonly Field[]): string {
  const stores = fields.map((field) => {
    const mark = source.multiplexed && field.isWanted ? `present[${field.slot}]=1;` : "";
    return storeOf(field) + mark + branchesOf(source, field, wholeBlock);
  });
  return loadOf(fields.flatMap((field) => field.runs)) + stores.join("");
}

/** Statements that decode those of `fields` whose bytes the frame holds. */
function shortBlock(source: Source, fields: readonly Field[]): string {
  const stores = fields.map((field) => {
    const decode = `${loadOf(field.runs)}${storeOf(field)}${field.isWanted ? `present[${field.slot}]=1;` : ""}`;
    return `if(length>=${field.neededBytes}){${decode}${branchesOf(source, field, shortBlock)}}`;
  });
  return stores.join("");
}

/** What to decode depending on the bits of a multiplexer, which `storeOf` left in a constant. */
function branchesOf(source: Source, multiplexer: Field, block: typeof wholeBlock): string {
  const fields = source.children.get(multiplexer.signal.name) ?? [];
  const branches = Map.groupBy(fields, ({ signal }) => signal.multiplexing?.ranges.join(";") ?? "");
  const value = `v${multiplexer.slot}`;
  const cases = [...branches.values()].map((branch) => {
    const ranges = branch[0].signal.multiplexing?.ranges ?? [];
    return { ranges, body: block(source, branch) };
  });
  if (cases.every(({ ranges }) => ranges.length === 1 && ranges[0][0] === ranges[0][1])) {
    const bodies = cases.map(({ ranges, body }) => `case ${ranges[0][0]}:{${body}break;}`);
    return cases.length === 0 ? "" : `switch(${value}){${bodies.join("")}}`;
  }
  return cases.map(({ ranges, body }) => `if(${inRanges(value, ranges)}){${body}}`).join("");
}

function inRanges(value: string, ranges: readonly (readonly [number, number])[]): string {
  return ranges.map(([first, last]) => `(${value}>=${first}&&${value}<=${last})`).join("||");
}

/** Each byte that the runs touch as a constant. */
function loadOf(runs: readonly BitRun[]): string {
  const bytes = [...new Set(runs.map((run) => run.byte))];
  return bytes.length === 0 ? "" : `const ${bytes.map((byte) => `b${byte}=bytes[at+${byte}]`).join(",")};`;
}

/** Statements that write one signal's raw value to its slots. A multiplexer also leaves its bits, read as unsigned, in the constant v<slot>. */
function storeOf(field: Field): string {
  const { signal, runs, slot, isWanted } = field;
  if (isWanted && (!signal.multiplexer || !signal.signed))
    return valueOf(field, signal.multiplexer ? `const v${slot}=` : "");
  const low = wordOf(runs, 0, Math.min(signal.bits, 32));
  const high = signal.bits > 32 ? `((${wordOf(runs, 32, signal.bits - 32)})>>>0)*4294967296+` : "";
  return `${isWanted ? valueOf(field, "") : ""}const v${slot}=${high}((${low})>>>0);`;
}

function valueOf({ signal, runs, slot, wideSlot }: Field, keep: string): string {
  const { bits } = signal;
  const low = wordOf(runs, 0, Math.min(bits, 32));
  if (signal.kind === "float") return `view.setInt32(0,${low});values[${slot}]=view.getFloat32(0);`;
  const high = wordOf(runs, 32, bits - 32);
  if (signal.kind === "double") {
    return `view.setInt32(0,${high});view.setInt32(4,${low});values[${slot}]=view.getFloat64(0);`;
  }
  if (bits <= 32) return `${keep}values[${slot}]=${extend(low, bits, signal.signed)};`;
  const halves = `const h${slot}=${extend(high, bits - 32, signal.signed)},l${slot}=(${low})>>>0;`;
  const value = `${keep}values[${slot}]=h${slot}*4294967296+l${slot};`;
  const wide = isWide(signal) ? `wides[${wideSlot}]=(BigInt(h${slot})<<32n)|BigInt(l${slot});` : "";
  return halves + value + wide;
}

/** Bits `from` .. `from + count - 1` of the raw value as a 32-bit integer, its sign meaningless. `count` is 1..32. */
function wordOf(runs: readonly BitRun[], from: number, count: number): string {
  const terms = runs.flatMap((run) => {
    const first = Math.max(run.weight, from);
    const last = Math.min(run.weight + run.count, from + count);
    if (first >= last) return [];
    const shift = run.shift + first - run.weight;
    const shifted = shift === 0 ? `b${run.byte}` : `(b${run.byte}>>${shift})`;
    const masked = shift + last - first === 8 ? shifted : `(${shifted}&${2 ** (last - first) - 1})`;
    return [first === from ? masked : `(${masked}<<${first - from})`];
  });
  return terms.join("|");
}

/** A word of `bits` bits with its value: sign-extended, or made unsigned where bit 31 is used. */
function extend(word: string, bits: number, signed: boolean): string {
  if (bits === 32) return signed ? `(${word})|0` : `(${word})>>>0`;
  return signed ? `(${word})<<${32 - bits}>>${32 - bits}` : `(${word})`;
}
