/** Who hears of a line. Calls come one at a time, and none from inside a call of the line. What they throw is a bug. */
export type GpioSink = {
  /** The level when it is known, and each change of it: `atMs` is when it changed, monotonic ms, by the kernel where that can say. */
  onLevel(isActive: boolean, atMs: number): void;
  /** The line cannot be read now, and why; told once. The line goes on trying by itself, and `onLevel` says when it is back. */
  onGone(what: string, remedy: string): void;
};

/** One line of a GPIO chip, as an input. */
export interface GpioLine {
  /** For people: "gpiochip0 17". */
  readonly name: string;
  /** Begins to listen; one of the calls of `sink` has come when it resolves. It never rejects. */
  start(sink: GpioSink): Promise<void>;
  /** No call comes after it. Idempotent. */
  stop(): Promise<void>;
}
