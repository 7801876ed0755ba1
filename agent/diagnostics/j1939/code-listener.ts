import type { Clock } from "../../core/clock.ts";
import type { CanFrame } from "../../ports/frame.ts";
import { destinationOf, sourceOf } from "../../signals/pgn.ts";
import type { CodeOrigin, FreezeValue } from "../../telemetry/record/encode/trouble-code.ts";
import type { CodeTracker } from "../codes/code-tracker.ts";
import type { CodeReading, SeenCode } from "../codes/trouble-code.ts";
import type { FrameTap } from "../tester/frame-tap.ts";
import { CodePresence } from "./code-presence.ts";
import { FREEZE_FRAME_GROUP, parseFreezeFrames } from "./freeze-frames.ts";
import { GLOBAL_ADDRESS, GROUP, requestedGroup } from "./groups.ts";
import { groupFilters, type MessageLine, type NodeMessage } from "./message-line.ts";
import { parseReadiness, READINESS_GROUP, type Readiness } from "./readiness.ts";
import { parseControl } from "./transfer-control.ts";
import { ACTIVE_CODES, CLEAR_GROUP, CODE_MESSAGES, parseCodeMessage } from "./trouble-codes.ts";

export type CodeListenerParts = {
  readonly bus: string;
  readonly tap: FrameTap;
  readonly line: MessageLine;
  readonly codes: Pick<CodeTracker, "take" | "wantsFreeze" | "noteClear">;
  /** Asks a node for its freeze frames, which then come as a message; absent where nothing may be asked. */
  readonly askFreeze?: ((source: number) => Promise<unknown>) | undefined;
  /** Our own address, whose requests are not somebody else's. */
  readonly own: () => number | undefined;
  readonly clock: Clock;
};

/** Counts since start. */
export type CodeListenerCounts = { readonly messages: number; readonly malformed: number };

type Freeze = {
  /** By code; of the last message of the node. */
  readonly values: Map<string, readonly FreezeValue[]>;
  askedMs: number;
  /** The newest reading that waits for the answer. */
  waiting: CodeReading | undefined;
  isAsking: boolean;
};

/** A node is not asked for its freeze frames more often. */
const ASK_AGAIN_MS = 60_000;
const LAST_ADDRESS = 253;

/** How control units of J1939 are called in readings, events and verbs. */
export function nodeName(address: number): string {
  return `sa_${address}`;
}

/** The address of a control unit that is called so; undefined for another name. */
export function nodeAddress(name: string): number | undefined {
  const address = Number(/^sa_(\d{1,3})$/.exec(name)?.[1]);
  return address <= LAST_ADDRESS ? address : undefined;
}

/**
 * Listens to the diagnostic messages of a bus (DM1 and those of its layout, DM4, DM5, requests to clear) and makes them readings of trouble
 * codes. Says nothing itself, but has freeze frames asked for where that is allowed.
 */
export class CodeListener {
  readonly #parts: CodeListenerParts;
  readonly #presence: CodePresence;
  readonly #freezes = new Map<number, Freeze>();
  /** What each node said last, by its address. */
  readonly readiness = new Map<number, Readiness>();
  #releases: readonly (() => void)[] = [];
  #messages = 0;
  #malformed = 0;

  constructor(parts: CodeListenerParts) {
    this.#parts = parts;
    const { tap, clock } = parts;
    this.#presence = new CodePresence({ tap, clock, noteAbsent: (source) => this.#takeAbsence(source) });
  }

  get counts(): CodeListenerCounts {
    return { messages: this.#messages, malformed: this.#malformed };
  }

  start(): void {
    const { tap, line } = this.#parts;
    this.#releases = [
      line.on([...CODE_MESSAGES.keys()], (message) => this.#takeCodes(message)),
      line.on([FREEZE_FRAME_GROUP], (message) => this.#takeFreezeFrames(message)),
      line.on([READINESS_GROUP], (message) => this.#takeReadiness(message)),
      tap.on(groupFilters([GROUP.request]), (frame) => this.#takeRequest(frame)),
      tap.on(groupFilters([GROUP.transferControl]), (frame) => this.#takeAnnouncement(frame)),
    ];
    this.#presence.start();
  }

  stop(): void {
    for (const release of this.#releases) release();
    this.#releases = [];
    this.#presence.stop();
  }

  #takeCodes({ pgn, source, data, receivedAtUs }: NodeMessage): void {
    const list = CODE_MESSAGES.get(pgn)?.list;
    const message = parseCodeMessage(data);
    if (list === undefined || message === undefined) {
      this.#malformed += 1;
      return;
    }
    this.#messages += 1;
    const reading = { origin: this.#originOf(source), list, ...message, timeUs: receivedAtUs };
    if (list !== "active") this.#parts.codes.take([reading]);
    else this.#takeActive(source, reading);
  }

  #takeActive(source: number, reading: CodeReading): void {
    this.#presence.noteCodes(source, reading.codes.length > 0);
    const freeze = this.#freezes.get(source);
    if (freeze?.isAsking === true) freeze.waiting = reading;
    else if (!this.#askFreeze(source, reading)) this.#give(source, reading);
  }

  /** Whether the reading waits for freeze frames, which belong to the first sight of a code. */
  #askFreeze(source: number, reading: CodeReading): boolean {
    const { askFreeze, codes, clock } = this.#parts;
    const wanted = codes.wantsFreeze(
      reading.origin,
      reading.codes.map(({ code }) => code),
    );
    const freeze = this.#freezeOf(source);
    const isNews = wanted.some((code) => !freeze.values.has(code));
    const nowMs = clock.monotonicMs();
    if (askFreeze === undefined || !isNews || nowMs - freeze.askedMs < ASK_AGAIN_MS) return false;
    Object.assign(freeze, { askedMs: nowMs, waiting: reading, isAsking: true });
    void askFreeze(source).then(() => {
      freeze.isAsking = false;
      if (freeze.waiting !== undefined) this.#give(source, freeze.waiting);
      freeze.waiting = undefined;
    });
    return true;
  }

  #give(source: number, reading: CodeReading): void {
    const values = this.#freezes.get(source)?.values;
    const codes = reading.codes.map((code): SeenCode => {
      const freeze = values?.get(code.code);
      return freeze === undefined ? code : { ...code, freeze };
    });
    this.#parts.codes.take([{ ...reading, codes }]);
  }

  #takeFreezeFrames({ source, data }: NodeMessage): void {
    const { frames, isWhole } = parseFreezeFrames(data);
    this.#messages += 1;
    if (!isWhole) this.#malformed += 1;
    const { values } = this.#freezeOf(source);
    values.clear();
    for (const { code, freeze } of frames) if (freeze !== undefined) values.set(code, freeze);
  }

  #takeReadiness({ source, data }: NodeMessage): void {
    const readiness = parseReadiness(data);
    if (readiness === undefined) {
      this.#malformed += 1;
      return;
    }
    this.#messages += 1;
    this.readiness.set(source, readiness);
  }

  #takeRequest({ id, data }: CanFrame): void {
    const pgn = requestedGroup(data);
    const isClear = pgn === CLEAR_GROUP.active || pgn === CLEAR_GROUP.previous;
    if (!isClear || sourceOf(id) === this.#parts.own()) return;
    const to = destinationOf(id);
    const { bus } = this.#parts;
    const ecu = to === undefined || to === GLOBAL_ADDRESS ? undefined : nodeName(to);
    this.#parts.codes.noteClear({ bus, ecu }, "another tester");
  }

  #takeAnnouncement({ id, data }: CanFrame): void {
    const control = parseControl(data);
    if (control?.kind === "announcement" && control.pgn === ACTIVE_CODES) this.#presence.noteAnnounced(sourceOf(id));
  }

  #takeAbsence(source: number): void {
    const timeUs = this.#parts.clock.wallUs();
    this.#parts.codes.take([{ origin: this.#originOf(source), list: "active", codes: [], timeUs }]);
  }

  #originOf(source: number): CodeOrigin {
    return { bus: this.#parts.bus, ecu: nodeName(source), protocol: "j1939" };
  }

  #freezeOf(source: number): Freeze {
    const known = this.#freezes.get(source);
    if (known !== undefined) return known;
    const made = {
      values: new Map(),
      askedMs: Number.NEGATIVE_INFINITY,
      waiting: undefined,
      isAsking: false,
    };
    this.#freezes.set(source, made);
    return made;
  }
}
