import type { Clock } from "../../agent/core/clock.ts";
import { AgentError, errnoOf, messageOf } from "../../agent/core/errors.ts";
import type { GpioLine, GpioSink } from "../../agent/ports/gpio-line.ts";

/** GPIO_V2_LINE_FLAG_* of linux/gpio.h. */
const FLAG = { activeLow: 2, input: 4, edgeRising: 16, edgeFalling: 32 } as const;
const BIAS_FLAG = { "as-is": 0, "pull-up": 256, "pull-down": 512, disabled: 1024 } as const;
/** The kernel keeps edges with their times; they are fetched so often. */
const POLL_MS = 100;
/** The level is compared so often: the kernel keeps 16 edges, and a chip that is gone tells nobody. */
const COMPARE_MS = 1000;
const RETRY_MS = 5000;
const EVENTS = 16;

export type GpioLineSettings = {
  /** gpiochip0, or a path below /dev. */
  readonly chip: string;
  readonly line: number;
  readonly activeLow: boolean;
  readonly bias: keyof typeof BIAS_FLAG;
  readonly debounceMs: number;
};

/** What the addon does for a line: see drivers/can/gpio-addon.ts. */
export type GpioAccess = {
  gpioOpen(chip: string, offset: number, flags: number, debounceUs: number): number;
  gpioLevel(descriptor: number): boolean;
  gpioEvents(descriptor: number, out: Float64Array): number;
  gpioClose(descriptor: number): void;
};

export type GpioLineParts = {
  readonly settings: GpioLineSettings;
  /** Throws where the addon was not built. */
  readonly load: () => GpioAccess;
  readonly clock: Pick<Clock, "monotonicMs" | "every">;
};

type OpenLine = { readonly access: GpioAccess; readonly descriptor: number; readonly hasEdges: boolean };

/**
 * A line through the kernel's character device (linux/gpio.h, version 2). Debounce and edges are the kernel's; of a chip without
 * interrupts, which has neither, the level is looked at instead. A chip that comes later, or goes and comes back, is found again.
 */
export class KernelGpioLine implements GpioLine {
  readonly name: string;
  readonly #parts: GpioLineParts;
  readonly #events = new Float64Array(EVENTS * 2);
  #sink: GpioSink | undefined;
  #open: OpenLine | undefined;
  #level: boolean | undefined;
  #told: string | undefined;
  #dueMs = Number.NEGATIVE_INFINITY;
  #stopTimer: (() => void) | undefined;

  constructor(parts: GpioLineParts) {
    const { chip, line } = parts.settings;
    this.#parts = parts;
    this.name = `${chip} ${line}`;
  }

  async start(sink: GpioSink): Promise<void> {
    this.#sink = sink;
    this.#tick();
    this.#stopTimer = this.#parts.clock.every(POLL_MS, () => this.#tick());
  }

  async stop(): Promise<void> {
    this.#sink = undefined;
    this.#stopTimer?.();
    this.#stopTimer = undefined;
    this.#release();
  }

  #tick(): void {
    const isDue = this.#parts.clock.monotonicMs() >= this.#dueMs;
    try {
      if (this.#open !== undefined) this.#read(this.#open, isDue);
      else if (isDue) this.#begin();
    } catch (thrown) {
      if (errnoOf(thrown) === undefined && !(thrown instanceof AgentError)) throw thrown;
      this.#lose(thrown);
    }
  }

  #begin(): void {
    this.#open = this.#ask();
    this.#told = undefined;
    this.#level = undefined;
    this.#compare(this.#open);
  }

  #ask(): OpenLine {
    const { settings, load } = this.#parts;
    const access = load();
    const chip = settings.chip.startsWith("/") ? settings.chip : `/dev/${settings.chip}`;
    const flags = FLAG.input + (settings.activeLow ? FLAG.activeLow : 0) + BIAS_FLAG[settings.bias];
    const edges = flags + FLAG.edgeRising + FLAG.edgeFalling;
    try {
      const descriptor = access.gpioOpen(chip, settings.line, edges, settings.debounceMs * 1000);
      return { access, descriptor, hasEdges: true };
    } catch {
      // No interrupt: chips say so in many ways, EBUSY where another line has it. What else is wrong is so without edges too.
      return { access, descriptor: access.gpioOpen(chip, settings.line, flags, 0), hasEdges: false };
    }
  }

  #read(open: OpenLine, isDue: boolean): void {
    const count = open.hasEdges ? open.access.gpioEvents(open.descriptor, this.#events) : 0;
    for (let at = 0; at < count; at++) this.#tell(this.#events[at * 2] === 1, this.#events[at * 2 + 1] / 1000);
    if ((isDue && count === 0) || !open.hasEdges) this.#compare(open);
  }

  #compare({ access, descriptor }: OpenLine): void {
    const nowMs = this.#parts.clock.monotonicMs();
    this.#dueMs = nowMs + COMPARE_MS;
    this.#tell(access.gpioLevel(descriptor), nowMs);
  }

  #tell(level: boolean, atMs: number): void {
    if (level === this.#level) return;
    this.#level = level;
    this.#sink?.onLevel(level, atMs);
  }

  #lose(thrown: unknown): void {
    this.#release();
    this.#dueMs = this.#parts.clock.monotonicMs() + RETRY_MS;
    const { what, remedy } = this.#problem(thrown);
    if (what === this.#told) return;
    this.#told = what;
    this.#sink?.onGone(what, remedy);
  }

  #release(): void {
    const open = this.#open;
    this.#open = undefined;
    open?.access.gpioClose(open.descriptor);
  }

  #problem(thrown: unknown): { readonly what: string; readonly remedy: string } {
    if (thrown instanceof AgentError) return { what: thrown.message, remedy: thrown.remedy };
    const { chip, line } = this.#parts.settings;
    switch (errnoOf(thrown)) {
      case "ENOENT":
        return { what: `there is no GPIO chip ${chip}`, remedy: "see: gpiodetect" };
      case "ENOTTY":
        return { what: `${chip} is no GPIO chip`, remedy: "see: gpiodetect" };
      case "EACCES":
      case "EPERM":
        return {
          what: `GPIO chip ${chip} may not be opened`,
          remedy: "give the service the device: /usr/share/doc/causeway/examples/gpio.conf",
        };
      case "EBUSY":
        return { what: `line ${line} of GPIO chip ${chip} is in use`, remedy: "gpioinfo says by whom" };
      case "ENODEV":
        return { what: `GPIO chip ${chip} is gone`, remedy: "it is looked for every 5 s" };
      default:
        return {
          what: `GPIO chip ${chip} gives no line ${line}: ${messageOf(thrown)}`,
          remedy: "see: gpioinfo; a bias that the chip cannot do is refused too",
        };
    }
  }
}
