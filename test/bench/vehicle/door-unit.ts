import type { CanBus } from "../../../agent/ports/can-bus.ts";
import type { FrameBatch } from "../../../agent/ports/frame.ts";

/** Ids and meaning of `config/bench-doors.dbc`. */
const DOOR_COMMAND = 0x600;
const DOOR_STATUS = 0x601;
const VEHICLE_MOTION = 0x602;
const FIND_COMMAND = 0x603;
const FIND_STATUS = 0x604;
const PERIOD_MS = 50;

/**
 * A door control unit on a bus: sends how fast the vehicle is and whether it is locked, 20 times a second, and locks or unlocks when
 * told to by a frame whose checksum is right; the same for horn and lights. Counts those frames, to show that nothing acts twice.
 */
export class DoorUnit {
  readonly #bus: CanBus;
  readonly #timer: NodeJS.Timeout;
  /** km/h */
  speed = 0;
  isLocked = false;
  /** How often horn and lights went on, and whether they are. */
  flashes = 0;
  isFlashing = false;
  /** Whether it does what it is told to. */
  obeys = true;
  /** Whether it says nothing, as one that sleeps; it still hears. */
  isSilent = false;
  /** Told of every command frame to the doors. */
  onCommand: () => void = () => undefined;
  /** Every command frame that came, to the doors and to horn and lights, and those whose checksum was wrong. */
  readonly frames = { commands: 0, finds: 0, wrong: 0, others: 0 };

  private constructor(bus: CanBus) {
    this.#bus = bus;
    this.#timer = setInterval(() => void this.#say(), PERIOD_MS);
  }

  static async start(bus: CanBus): Promise<DoorUnit> {
    const unit = new DoorUnit(bus);
    await bus.start({ onFrames: (batch) => unit.#take(batch), onState: () => undefined });
    return unit;
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#bus.stop();
  }

  #take(batch: FrameBatch): void {
    for (let at = 0; at < batch.count; at += 1) {
      const { id, flags, data } = batch.frame(at);
      if (id === DOOR_COMMAND && flags === 0) this.#command(data);
      else if (id === FIND_COMMAND && flags === 0) this.#find(data);
      else this.frames.others += 1;
    }
  }

  #command(data: Uint8Array): void {
    this.frames.commands += 1;
    this.onCommand();
    if (data.length !== 4 || data[3] !== ((data[0] ^ data[1] ^ data[2]) & 0xff)) {
      this.frames.wrong += 1;
      return;
    }
    if (this.obeys) this.isLocked = (data[0] & 3) === 1;
    void this.#say();
  }

  #find(data: Uint8Array): void {
    this.frames.finds += 1;
    if (data.length !== 2 || data[1] !== data[0]) {
      this.frames.wrong += 1;
      return;
    }
    const isOn = this.obeys && (data[0] & 3) === 3;
    if (isOn && !this.isFlashing) this.flashes += 1;
    this.isFlashing = isOn;
    void this.#say();
  }

  async #say(): Promise<void> {
    if (this.isSilent) return;
    const send = (id: number, bytes: readonly number[]): Promise<void> =>
      this.#bus.send({ id, flags: 0, data: Uint8Array.from(bytes), receivedAtUs: 0 });
    // A bus that is not there yet is tried again with the next turn.
    await send(VEHICLE_MOTION, [this.speed]).catch(() => undefined);
    await send(DOOR_STATUS, [this.isLocked ? 1 : 0]).catch(() => undefined);
    await send(FIND_STATUS, [this.isFlashing ? 3 : 0]).catch(() => undefined);
  }
}
