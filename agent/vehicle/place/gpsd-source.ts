import type { Clock } from "../../core/clock.ts";
import type { LineLink } from "../../ports/line-link.ts";
import { GpsdFixes } from "./gpsd-fixes.ts";
import { readGpsdReport } from "./gpsd-report.ts";
import type { PositionSink, PositionSource, SourceCounters } from "./position-source.ts";
import { SourceVoice } from "./source-voice.ts";

/** How often a connection is looked at. */
const LOOK_MS = 1000;
/** gpsd has nothing to say where its receiver is silent: after this time it is asked whether it is there, and then given up. */
const ASK_AFTER_MS = 5000;
const GIVE_UP_AFTER_MS = 10_000;
const PROTOCOL = 3;
const RECEIVER = "check the receiver: DEVICES in /etc/default/gpsd, its cable, and gpsmon on this machine";

export type GpsdSourceParts = {
  readonly link: LineLink;
  /** The receiver as gpsd names it; any when absent. */
  readonly device: string | undefined;
  /** After so long without a fix of one receiver another one counts. */
  readonly quietMs: number;
  readonly clock: Clock;
};

/**
 * A gpsd (protocol 3, gpsd_json(5)). One that hangs is noticed: it is asked for its devices when it falls silent, and connected to anew
 * when it does not answer.
 */
export class GpsdSource implements PositionSource {
  readonly name = "gpsd";
  readonly #parts: GpsdSourceParts;
  #fixes = 0;
  #malformed = 0;
  #stop: () => Promise<void> = async () => undefined;

  constructor(parts: GpsdSourceParts) {
    this.#parts = parts;
  }

  start(sink: PositionSink): void {
    const { link, clock } = this.#parts;
    const session = new GpsdSession(this.#parts, new SourceVoice(sink), {
      onFix: () => {
        this.#fixes += 1;
      },
      onMalformed: () => {
        this.#malformed += 1;
      },
    });
    const endLooks = clock.every(LOOK_MS, () => session.look());
    link.start({
      onUp: () => session.begin(),
      onLine: (line, receivedAtUs) => session.take(line, receivedAtUs),
      onDown: (what, remedy) => session.end(what, remedy),
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

type Counted = { onFix(): void; onMalformed(): void };

class GpsdSession {
  readonly #parts: GpsdSourceParts;
  readonly #voice: SourceVoice;
  readonly #counted: Counted;
  #fixes: GpsdFixes;
  /** Monotonic ms of the newest line; undefined while there is no connection. */
  #heardMs: number | undefined;
  /** Of the newest report of a receiver. */
  #reportedMs = 0;

  constructor(parts: GpsdSourceParts, voice: SourceVoice, counted: Counted) {
    this.#parts = parts;
    this.#voice = voice;
    this.#counted = counted;
    this.#fixes = this.#newFixes();
  }

  begin(): void {
    this.#heardMs = this.#parts.clock.monotonicMs();
    this.#reportedMs = this.#heardMs;
    this.#fixes = this.#newFixes();
  }

  end(what: string, remedy: string): void {
    this.#heardMs = undefined;
    this.#voice.say("down", `${this.#parts.link.name}: ${what}`, remedy);
  }

  look(): void {
    const { clock, link } = this.#parts;
    if (this.#heardMs === undefined) return;
    const nowMs = clock.monotonicMs();
    const silentMs = nowMs - this.#heardMs;
    if (silentMs >= GIVE_UP_AFTER_MS) link.reset("gpsd does not answer");
    else if (silentMs >= ASK_AFTER_MS) link.send("?DEVICES;\n");
    else if (nowMs - this.#reportedMs >= ASK_AFTER_MS) {
      this.#voice.say("quiet", `${link.name}: gpsd runs, and its receiver says nothing`, RECEIVER);
    }
  }

  take(line: string, receivedAtUs: number): void {
    const { clock, device, link } = this.#parts;
    this.#heardMs = clock.monotonicMs();
    const report = readGpsdReport(line);
    switch (report.kind) {
      case "version":
        if (report.protocol !== PROTOCOL) return link.reset(`gpsd speaks protocol ${report.protocol}, not ${PROTOCOL}`);
        link.send(watchOf(device));
        this.#voice.say("up", `${link.name}: gpsd ${report.release}`);
        return;
      case "tpv":
        this.#reportedMs = this.#heardMs;
        this.#takeFix(this.#fixes.takeTpv(report.tpv, receivedAtUs));
        return;
      case "sky":
        this.#fixes.takeSky(report.sky, receivedAtUs);
        return;
      case "devices":
        if (report.paths.length === 0) this.#voice.say("quiet", `${link.name}: gpsd has no receiver`, RECEIVER);
        return;
      case "error":
        this.#voice.say("quiet", `${link.name}: gpsd: ${report.what}`, RECEIVER);
        return;
      case "malformed":
        this.#counted.onMalformed();
        return;
      case "other":
        return;
    }
  }

  #takeFix(fix: ReturnType<GpsdFixes["takeTpv"]>): void {
    if (fix === undefined) return;
    this.#voice.say("up", `${this.#parts.link.name}: gpsd`);
    if (fix === "no-fix") return this.#voice.noFix();
    this.#counted.onFix();
    this.#voice.fix(fix);
  }

  #newFixes(): GpsdFixes {
    return new GpsdFixes(this.#parts.device, this.#parts.quietMs * 1000);
  }
}

function watchOf(device: string | undefined): string {
  return `?WATCH=${JSON.stringify({ enable: true, json: true, ...(device !== undefined && { device }) })};\n`;
}
