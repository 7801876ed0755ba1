import type { Clock } from "../../core/clock.ts";
import type { LineLink } from "../../ports/line-link.ts";
import { readNmea } from "./nmea.ts";
import { NmeaFixes } from "./nmea-fixes.ts";
import type { PositionSink, PositionSource, SourceCounters } from "./position-source.ts";
import { SourceVoice } from "./source-voice.ts";

/** How often it is looked whether there are sentences. */
const LOOK_MS = 1000;
/** Receivers have a sentence a second: one that has had none for so long is told, and after twice that opened anew. */
const QUIET_MS = 5000;
/** Where that has not helped the next wait is twice as long, up to this, ms. */
const MAX_RESET_MS = 15 * 60_000;
/** Bytes at a wrong speed look like this: so many lines in a row, none of them a sentence. */
const FOREIGN_LINES = 20;

export type NmeaSourceParts = { readonly link: LineLink; readonly clock: Clock };

/** A receiver that speaks NMEA 0183, over a serial port or TCP. */
export class NmeaSource implements PositionSource {
  readonly name: string;
  readonly #parts: NmeaSourceParts;
  #fixes = 0;
  #malformed = 0;
  #stop: () => Promise<void> = async () => undefined;

  constructor(parts: NmeaSourceParts) {
    this.#parts = parts;
    this.name = `nmea ${parts.link.name}`;
  }

  start(sink: PositionSink): void {
    const { link, clock } = this.#parts;
    const voice = new SourceVoice(sink);
    let fixes = new NmeaFixes();
    let heardMs: number | undefined;
    let foreign = 0;
    let resetMs = 2 * QUIET_MS;
    const endLooks = clock.every(LOOK_MS, () => {
      if (heardMs === undefined) return;
      const silentMs = clock.monotonicMs() - heardMs;
      if (silentMs >= resetMs) {
        resetMs = Math.min(2 * resetMs, MAX_RESET_MS);
        link.reset("no sentence of NMEA 0183");
      } else if (silentMs >= QUIET_MS) voice.say("quiet", `${link.name}: no sentence of NMEA 0183`, remedyFor(foreign));
    });
    link.start({
      onUp: () => {
        heardMs = clock.monotonicMs();
        fixes = new NmeaFixes();
        foreign = 0;
      },
      onDown: (what, remedy) => {
        heardMs = undefined;
        voice.say("down", `${link.name}: ${what}`, remedy);
      },
      onLine: (line, receivedAtUs) => {
        if (line === "") return;
        const sentence = readNmea(line);
        if (sentence === "malformed") {
          this.#malformed += 1;
          foreign += 1;
          return;
        }
        foreign = 0;
        resetMs = 2 * QUIET_MS;
        heardMs = clock.monotonicMs();
        voice.say("up", link.name);
        const fix = sentence === "other" ? undefined : fixes.take(sentence, receivedAtUs);
        if (fix === "no-fix") voice.noFix();
        else if (fix !== undefined) {
          this.#fixes += 1;
          voice.fix(fix);
        }
      },
    });
    this.#stop = async () => {
      endLooks();
      await link.stop();
    };
  }

  async stop(): Promise<void> {
    await this.#stop();
  }

  counters(): SourceCounters {
    return { fixes: this.#fixes, malformed: this.#malformed + this.#parts.link.tooLong() };
  }
}

function remedyFor(foreign: number): string {
  return foreign < FOREIGN_LINES
    ? "is the receiver powered, and does it speak NMEA 0183?"
    : "other bytes come: set baud to that of the receiver";
}
