import type { Clock } from "../../core/clock.ts";
import type { Log } from "../../core/log.ts";
import { TokenBucket } from "../../core/token-bucket.ts";
import { isJournalFault, type Journal, type JournalDocument } from "../../ports/journal.ts";
import type { JournalSpace } from "../../ports/journal-spaces.ts";
import { asJson } from "../../telemetry/durable-records/numbered-events.ts";
import type { Position } from "../../telemetry/record/encode/trigger.ts";
import type { CodeOrigin, CodeState, TroubleCodeEvent } from "../../telemetry/record/encode/trouble-code.ts";
import type { CodeEvents } from "./code-events.ts";
import { ControlUnit, type Report } from "./control-unit.ts";
import { codeKey, keptCode, keptLamps, lampsKey, originKey } from "./kept-code.ts";
import { type Debounce, isActiveIn, KnownCode, type Moment } from "./known-code.ts";
import type { CodeReading, SeenCode } from "./trouble-code.ts";

const SPACE: JournalSpace = "trouble-codes";
const HOUR_MS = 3_600_000;
/** What is gone within this time after somebody was seen to clear codes was cleared. */
const CLEAR_COUNTS_MS = 600_000;
/** Clears that are remembered. */
const MAX_CLEARS = 64;

export type CodeTrackerParts = {
  readonly settings: {
    readonly appearSeconds: number;
    readonly healSeconds: number;
    readonly maxCodes: number;
    readonly maxEventsPerHour: number;
  };
  readonly journal: Pick<Journal, "atomically" | "get" | "list" | "put">;
  readonly events: CodeEvents;
  /** How far the vehicle has gone, km, where that is known. */
  readonly odometerKm: () => number | undefined;
  /** Where it is, as far as that may leave it. */
  readonly position?: (() => Position | undefined) | undefined;
  readonly clock: Clock;
  readonly log: Log;
};

/** Counts since start. */
export type CodeCounters = {
  /** Events that were told. */
  readonly events: number;
  /** Codes that were forgotten, healed ones, for new ones; sightings of codes that there was no room for at all. */
  readonly forgotten: number;
  readonly refused: number;
  /** Readings whose events wait: there were too many within an hour, or the journal did not take them. */
  readonly delayed: number;
};

type Clear = { readonly bus: string; readonly ecu: string | undefined; readonly by: string; readonly atMs: number };

/**
 * What the control units say of their trouble codes, as events: each code that appears, is confirmed, heals or comes back is told once,
 * also over a restart. What is told is in the journal before, in one transaction with its event; where the journal refuses, nothing has
 * happened, and the next reading finds it again.
 *
 * Only readings change anything: silence and failed readings heal nothing.
 */
export class CodeTracker {
  readonly #parts: CodeTrackerParts;
  readonly #units = new Map<string, ControlUnit>();
  readonly #debounce: Debounce;
  readonly #budget: TokenBucket;
  readonly #watchers = new Set<(event: TroubleCodeEvent) => void>();
  readonly #clears: Clear[] = [];
  /** Keys to be removed with the next transaction. */
  #forgottenKeys: string[] = [];
  #count = 0;
  #isRefused = false;
  readonly #counters = { events: 0, forgotten: 0, refused: 0, delayed: 0 };

  /** Throws the faults of the journal when it cannot be read. */
  constructor(parts: CodeTrackerParts) {
    const { settings, clock, journal } = parts;
    this.#parts = parts;
    this.#debounce = { appearMs: settings.appearSeconds * 1000, healMs: settings.healSeconds * 1000 };
    this.#budget = new TokenBucket(settings.maxEventsPerHour, HOUR_MS, () => clock.monotonicMs());
    this.#restore(journal.list(SPACE));
  }

  /** Readings of one control unit that belong together. Throws nothing that the journal does. */
  take(readings: readonly CodeReading[]): void {
    const [first] = readings;
    if (first === undefined) return;
    const unit = this.#unitOf(first.origin);
    const { clock } = this.#parts;
    const moment = { nowMs: clock.monotonicMs(), timeUs: Math.max(...readings.map(({ timeUs }) => timeUs)) };
    // A code is met in a list in which it is active before one that only remembers it.
    const inOrder = readings.toSorted((left, right) => Number(isPassive(left)) - Number(isPassive(right)));
    for (const reading of inOrder) this.#note(unit, reading, moment);
    this.#tell(unit, moment, readings);
    for (const [code, known] of unit.codes) if (!known.isWorthKeeping) this.#drop(unit, code);
  }

  /** Which of `codes` want freeze data: those that are not known as active. */
  wantsFreeze(origin: CodeOrigin, codes: readonly string[]): readonly string[] {
    const unit = this.#units.get(originKey(origin));
    return codes.filter((code) => unit?.codes.get(code)?.told?.isActive !== true);
  }

  /** Somebody clears codes; without `ecu` those of all control units of the bus. */
  noteClear(where: { readonly bus: string; readonly ecu?: string | undefined }, by: "agent" | "another tester"): void {
    this.#clears.push({ bus: where.bus, ecu: where.ecu, by, atMs: this.#parts.clock.monotonicMs() });
    if (this.#clears.length > MAX_CLEARS) this.#clears.shift();
  }

  /** Codes that are active, as they were told. */
  active(): readonly CodeState[] {
    return this.list().filter(({ isActive }) => isActive);
  }

  /** All codes that were told, healed ones too. */
  list(): readonly CodeState[] {
    return [...this.#units.values()].flatMap(({ codes }) => [...codes.values()].flatMap(({ told }) => told ?? []));
  }

  /** Calls `take` with each event once it is durable, until the returned function is called. */
  watch(take: (event: TroubleCodeEvent) => void): () => void {
    this.#watchers.add(take);
    return () => this.#watchers.delete(take);
  }

  counters(): CodeCounters {
    return { ...this.#counters };
  }

  #note(unit: ControlUnit, { list, codes, lamps }: CodeReading, moment: Moment): void {
    if (lamps !== undefined) unit.seeLamps(lamps, moment);
    const seen = new Map(codes.map((code) => [code.code, code]));
    for (const [name, code] of seen) {
      const known = unit.codes.get(name) ?? (isActiveIn(list, code.status) ? this.#meet(unit, code) : undefined);
      known?.see(list, code, moment, this.#debounce);
    }
    for (const [name, known] of unit.codes) if (!seen.has(name)) known.miss(list, moment, this.#debounce);
  }

  #tell(unit: ControlUnit, moment: Moment, readings: readonly CodeReading[]): void {
    const { odometerKm, log, events } = this.#parts;
    const isMemory = readings.every(({ list }) => list !== "active");
    const clear = this.#clearOf(unit.origin, moment);
    const report = unit.report(moment, { odometerKm: odometerKm(), isMemory, clear });
    if (report.untold.length === 0 && report.changes.length === 0) return;
    if (report.changes.length > 0 && !this.#budget.hasToken()) {
      this.#counters.delayed += 1;
      return;
    }
    try {
      const told = this.#keep(unit, report);
      unit.tell(report, moment);
      for (const event of told) this.#announce(event);
      events.handOver(told);
      this.#isRefused = false;
    } catch (thrown) {
      if (!isJournalFault(thrown)) throw thrown;
      this.#counters.delayed += 1;
      if (!this.#isRefused) log.error("codes.not-kept", { code: thrown.code, what: thrown.message });
      this.#isRefused = true;
    }
  }

  /** Writes it all in one transaction, and gives the events with their numbers. */
  #keep(unit: ControlUnit, { untold, changes, lit }: Report): readonly TroubleCodeEvent[] {
    const { journal, events } = this.#parts;
    const codes = untold.map(({ known, next }): JournalDocument => {
      const value = asJson({ state: next, lists: known.lists });
      return { space: SPACE, key: codeKey(unit.key, next.code), value };
    });
    const lamps = lit === undefined ? [] : [lampsDocument(unit, lit)];
    const gone = this.#forgottenKeys.map((key) => ({ space: SPACE, key, value: undefined }));
    const position = this.#parts.position?.();
    const told = journal.atomically(() => {
      journal.put([...gone, ...codes, ...lamps]);
      return events.add(changes.map((change) => ({ ...change, position })));
    });
    this.#forgottenKeys = [];
    return told;
  }

  #announce(event: TroubleCodeEvent): void {
    this.#counters.events += 1;
    this.#budget.take();
    for (const take of this.#watchers) take(event);
  }

  #clearOf({ bus, ecu }: CodeOrigin, { nowMs }: Moment): Clear | undefined {
    return this.#clears.findLast(
      (clear) => nowMs - clear.atMs <= CLEAR_COUNTS_MS && clear.bus === bus && (clear.ecu ?? ecu) === ecu,
    );
  }

  #unitOf(origin: CodeOrigin): ControlUnit {
    const key = originKey(origin);
    const unit = this.#units.get(key) ?? new ControlUnit(origin);
    this.#units.set(key, unit);
    return unit;
  }

  /** A code that is not known yet; undefined where there is no room for it. */
  #meet(unit: ControlUnit, seen: SeenCode): KnownCode | undefined {
    if (this.#count >= this.#parts.settings.maxCodes && !this.#forgetOldest()) {
      this.#counters.refused += 1;
      return undefined;
    }
    const known = new KnownCode(unit.origin, seen);
    unit.codes.set(seen.code, known);
    this.#count += 1;
    return known;
  }

  #drop(unit: ControlUnit, code: string): void {
    unit.codes.delete(code);
    this.#count -= 1;
  }

  /** Makes room where a code has healed: the one that was seen last longest ago. False where there is none. */
  #forgetOldest(): boolean {
    let oldest: { readonly unit: ControlUnit; readonly state: CodeState } | undefined;
    for (const unit of this.#units.values()) {
      for (const { told: state } of unit.codes.values()) {
        if (state === undefined || state.isActive) continue;
        if (oldest === undefined || state.lastSeenUs < oldest.state.lastSeenUs) oldest = { unit, state };
      }
    }
    if (oldest === undefined) return false;
    this.#drop(oldest.unit, oldest.state.code);
    this.#forgottenKeys.push(codeKey(oldest.unit.key, oldest.state.code));
    this.#counters.forgotten += 1;
    return true;
  }

  #restore(documents: readonly JournalDocument[]): void {
    const codes = documents.filter(({ key }) => key.startsWith("code/"));
    const read = codes.map(({ key, value }) => ({ key, kept: keptCode.safeParse(value).data }));
    // Where the bound became smaller, active ones stay, and those that were seen last.
    const inOrder = read.toSorted(
      (left, right) =>
        Number(right.kept?.state.isActive ?? false) - Number(left.kept?.state.isActive ?? false) ||
        (right.kept?.state.lastSeenUs ?? 0) - (left.kept?.state.lastSeenUs ?? 0),
    );
    for (const { key, kept } of inOrder) {
      if (kept === undefined || this.#count >= this.#parts.settings.maxCodes) {
        this.#forgottenKeys.push(key);
        this.#counters.forgotten += 1;
        continue;
      }
      const { bus, ecu, protocol, code } = kept.state;
      this.#unitOf({ bus, ecu, protocol }).codes.set(code, KnownCode.restore(kept));
      this.#count += 1;
    }
    for (const { key, value } of documents) {
      const lamps = key.startsWith("lamps/") ? keptLamps.safeParse(value).data : undefined;
      if (lamps === undefined) continue;
      const { bus, ecu, protocol, lit } = lamps;
      this.#unitOf({ bus, ecu, protocol }).restoreLit(lit);
    }
  }
}

function lampsDocument({ key, origin }: ControlUnit, lit: string): JournalDocument {
  return { space: SPACE, key: lampsKey(key), value: lit === "" ? undefined : { ...origin, lit } };
}

function isPassive({ list }: CodeReading): boolean {
  return list === "previous" || list === "previous-emission" || list === "permanent";
}
