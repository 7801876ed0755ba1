import { AgentError } from "../../../agent/core/errors.ts";
import { codeEvents } from "../../../agent/diagnostics/codes/code-events.ts";
import { CodeTracker, type CodeTrackerParts } from "../../../agent/diagnostics/codes/code-tracker.ts";
import type { CodeReading, SeenCode } from "../../../agent/diagnostics/codes/trouble-code.ts";
import type { CodeOrigin, TroubleCodeEvent } from "../../../agent/telemetry/record/encode/trouble-code.ts";
import { ManualClock } from "../core/clock.ts";
import { MemoryLog } from "../core/log.ts";
import { DurableWrites } from "../ports/durable-writes.ts";
import { FakeJournal } from "../ports/journal.ts";

const SETTINGS = { appearSeconds: 2, healSeconds: 10, maxCodes: 100, maxEventsPerHour: 100_000 };

/** A vehicle whose agent tracks codes: journal and outbox stay over restarts and power cuts. */
export class CodeVehicle {
  readonly clock = new ManualClock();
  readonly journal = new FakeJournal({ clock: this.clock });
  /** What is in the outbox, in its order. */
  readonly outbox: TroubleCodeEvent[] = [];
  readonly log = new MemoryLog();
  odometerKm: number | undefined;
  readonly #writes = new DurableWrites();
  readonly #settings: CodeTrackerParts["settings"];
  #tracker: CodeTracker;
  #storedNumber: number | undefined;

  constructor(settings: Partial<CodeTrackerParts["settings"]> = {}) {
    this.#settings = { ...SETTINGS, ...settings };
    this.#tracker = this.#start();
  }

  /** Whether the outbox has room. */
  set isStoring(isStoring: boolean) {
    this.#writes.isStoring = isStoring;
  }

  /** Writes until the power goes, in this one or right after it. */
  set cut(cut: DurableWrites["cut"]) {
    this.#writes.cut = cut;
  }

  get tracker(): CodeTracker {
    return this.#tracker;
  }

  /** The outbox has forgotten that it ever had an event. */
  loseOutbox(): void {
    this.#storedNumber = undefined;
  }

  restart(settings: Partial<CodeTrackerParts["settings"]> = {}): void {
    Object.assign(this.#settings, settings);
    this.#tracker = this.#start();
  }

  /** A reading now; gives the events that came into the outbox with it. */
  read(origin: CodeOrigin, list: CodeReading["list"], codes: readonly SeenCode[], more: Partial<CodeReading> = {}) {
    return this.readAll([{ origin, list, codes, timeUs: this.clock.wallUs(), ...more }]);
  }

  readAll(readings: readonly CodeReading[]): readonly TroubleCodeEvent[] {
    const before = this.outbox.length;
    this.#tracker.take(readings);
    return this.outbox.slice(before);
  }

  #start(): CodeTracker {
    const { clock, log } = this;
    const journal = this.#writes.journal(this.journal);
    const sink = this.#writes.sink((event: TroubleCodeEvent) => {
      this.outbox.push(event);
      this.#storedNumber = event.number;
    });
    const events = codeEvents({ journal, sink, storedNumber: this.#storedNumber });
    events.handOver();
    const odometerKm = (): number | undefined => this.odometerKm;
    return new CodeTracker({ settings: this.#settings, journal, events, odometerKm, clock, log });
  }
}

/** The journal refuses a write. */
export function journalFull(): AgentError {
  return new AgentError("journal.full", { what: "the disk is full", remedy: "free space" });
}

/** What tests mostly look at: number, event and code. */
export function told(events: readonly TroubleCodeEvent[]): readonly (readonly [number, string, string])[] {
  return events.map(({ number, event, code }) => [number, event, code.code]);
}
