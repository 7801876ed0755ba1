import type { CanFrame } from "../../../agent/ports/frame.ts";
import { type Hub, startHub } from "../vehicle/socketcand-hub.ts";
import { type DayPlan, isIn, loadDay } from "./day-plan.ts";
import { NmeaReceiver } from "./nmea-receiver.ts";
import { PulseFile } from "./pulse-file.ts";
import { isSuspended, machineNowMs, type Timeline, vehicleMsAt, wallUsAt } from "./timeline.ts";
import { vanAt } from "./van-drive.ts";
import { framesOf, VAN_IDS } from "./van-frames.ts";
import type { VanReport } from "./van-protocol.ts";

const BUS = "can0";
/** A round of frames each 100 ms of vehicle time, while the bus is awake: 40 frames a second. */
const ROUND_MS = 100;
const FIX_MS = 1000;
/** Most rounds in one go, so that a van that was held up does not keep the bus from anybody. */
const BURST_ROUNDS = 50;
/** Who has not been alive for so long of the machine is held up: with `LONGEST_MS` less than it takes for a machine that slept. */
const HELD_UP_MS = 10;
/** DoorCommand.Lock of van.dbc. */
const UNLOCK = 2;

/**
 * The van: sends its frames while the bus is awake, stamped with the gateway's clock at the very moment that they are of, says where it is
 * each second, and does what DoorCommand says, as a door control unit whose command is edge-triggered: the repeats of one actuation have one
 * effect.
 */
export class DayVan {
  readonly #plan: DayPlan;
  readonly #tell: (report: VanReport) => void;
  readonly #receiver: NmeaReceiver;
  readonly #hub: Hub;
  readonly #pulse: PulseFile;
  #line: Timeline;
  #stampMs = 0;
  #round: number;
  #second: number;
  #counter = 0;
  #frames = 0;
  #fixes = 0;
  #behindMs = 0;
  #isLocked = true;
  #unlocks = 0;

  private constructor(
    parts: {
      readonly plan: DayPlan;
      readonly line: Timeline;
      readonly receiver: NmeaReceiver;
      readonly hub: Hub;
      readonly pulse: PulseFile;
    },
    tell: (report: VanReport) => void,
  ) {
    this.#plan = parts.plan;
    this.#line = parts.line;
    this.#receiver = parts.receiver;
    this.#hub = parts.hub;
    this.#pulse = parts.pulse;
    this.#tell = tell;
    const nowMs = this.#nowMs();
    this.#round = Math.ceil(nowMs / ROUND_MS);
    this.#second = Math.ceil(nowMs / FIX_MS);
  }

  /** Starts the bus and the receiver on free ports. Nothing is sent before the first `tick`. */
  static async start(
    { day, pulseFile, timeline }: { readonly day: string; readonly pulseFile: string; readonly timeline: Timeline },
    tell: (report: VanReport) => void,
  ): Promise<DayVan> {
    const plan = await loadDay(day);
    const receiver = await NmeaReceiver.start();
    let van: DayVan | undefined;
    const hub = await startHub({
      buses: [BUS],
      wallUs: () => (van === undefined ? 0 : van.#stampUs()),
      onSent: (_bus, frame) => {
        if (van !== undefined) van.#take(frame);
      },
    });
    van = new DayVan({ plan, line: timeline, receiver, hub, pulse: PulseFile.open(pulseFile) }, tell);
    return van;
  }

  get busPort(): number {
    return this.#hub.port;
  }

  get receiverPort(): number {
    return this.#receiver.port;
  }

  /** From now on this holds. */
  follow(line: Timeline): void {
    this.#line = line;
  }

  /** Gives the pulse, and sends all that is due. */
  tick(): void {
    const machineMs = machineNowMs();
    // Time goes on for a moment by itself, and then stands until they are alive again.
    const isHeldUp = (who: "agent" | "bench"): boolean => machineMs - this.#pulse.lastBeat(who) > HELD_UP_MS;
    const mustWait = isHeldUp("bench") || (this.#line.waits && !isSuspended(this.#line) && isHeldUp("agent"));
    if (!mustWait) this.#pulse.write({ vehicleMs: vehicleMsAt(this.#line, this.#pulse.read(), machineMs), machineMs });
    const nowMs = this.#nowMs();
    for (let sent = 0; this.#round * ROUND_MS <= nowMs && sent < BURST_ROUNDS; this.#round += 1) {
      const ms = this.#round * ROUND_MS;
      if (!isIn(this.#plan.awake, ms)) continue;
      sent += 1;
      this.#behindMs = Math.max(this.#behindMs, nowMs - ms);
      this.#send(ms);
    }
    for (; this.#second * FIX_MS <= nowMs; this.#second += 1) this.#locate(this.#second * FIX_MS);
  }

  /** Counts since the start; `behindMs` since it was last asked. */
  takeCounts(): {
    readonly frames: number;
    readonly dropped: number;
    readonly fixes: number;
    readonly behindMs: number;
  } {
    const counts = {
      frames: this.#frames,
      dropped: this.#hub.counters().dropped,
      fixes: this.#fixes,
      behindMs: Math.round(this.#behindMs),
    };
    this.#behindMs = 0;
    return counts;
  }

  async stop(): Promise<void> {
    await this.#hub.stop();
    await this.#receiver.stop();
  }

  #send(ms: number): void {
    this.#stampMs = ms;
    const doors = { isLocked: this.#isLocked, unlocks: this.#unlocks };
    for (const frame of framesOf(vanAt(this.#plan, ms), doors, ms, this.#counter)) {
      this.#hub.inject(BUS, frame);
      this.#frames += 1;
    }
    this.#counter += 1;
  }

  /** The receiver has power as long as the bus is awake. */
  #locate(ms: number): void {
    if (!isIn(this.#plan.awake, ms)) return;
    const isCovered = this.#plan.trips.some(({ tunnels }) => isIn(tunnels, ms));
    this.#receiver.say(vanAt(this.#plan, ms), this.#line.startsAtMs + ms, !isCovered);
    if (!isCovered) this.#fixes += 1;
  }

  #take({ id, data }: CanFrame): void {
    const atMs = this.#nowMs();
    this.#tell({ kind: "sent", id, atMs });
    const isWhole = data.length === 4 && data[3] === ((data[0] ^ data[1] ^ data[2]) & 0xff);
    if (id !== VAN_IDS.doorCommand || !isWhole) return;
    const isLocked = (data[0] & 3) !== UNLOCK;
    if (isLocked === this.#isLocked) return;
    this.#isLocked = isLocked;
    if (!isLocked) this.#unlocks += 1;
    this.#tell({ kind: "doors", isLocked, atMs });
  }

  #stampUs(): number {
    return wallUsAt(this.#line, this.#stampMs);
  }

  #nowMs(): number {
    return vehicleMsAt(this.#line, this.#pulse.read(), machineNowMs());
  }
}
