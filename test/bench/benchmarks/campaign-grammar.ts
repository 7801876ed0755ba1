import type { SignalTable } from "../../../agent/signals/signal-table.ts";

/** What JSON can say, and numbers that it cannot. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
type JsonMap = { [key: string]: Json };

/** Choices that follow a seed. */
export class Dice {
  readonly random: () => number;

  constructor(random: () => number) {
    this.random = random;
  }

  /** 0 <= n < below, whole. */
  below(below: number): number {
    return Math.floor(this.random() * below);
  }

  chance(share: number): boolean {
    return this.random() < share;
  }

  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)];
  }

  times<T>(most: number, make: (at: number) => T): T[] {
    return Array.from({ length: 1 + this.below(most) }, (_, at) => make(at));
  }
}

const VARIABLES = ["a", "b", "c", "speed", "rpm"];
const WINDOWS = [10, 100, 250, 1000, 60_000, 86_400_000];
const MODES = [
  "off",
  "every",
  "on-change",
  "latest",
  "aggregate",
  "curve",
  "duration",
  "histogram",
  "counter",
] as const;
const AGGREGATES = ["min", "max", "mean", "count", "first", "last", "sum", "integral"];

/** Makes documents that the schema takes, of every mode; most of them fit the vehicle of `table`, whose one bus is can0. */
export class CampaignGrammar {
  readonly #dice: Dice;
  readonly #names: readonly string[];
  readonly #exact: readonly string[];

  constructor(dice: Dice, { signals }: SignalTable) {
    this.#dice = dice;
    this.#names = signals.map(({ message, name }) => `${message}.${name}`);
    this.#exact = signals.map(({ message, name, arbitrationId, extended }) => {
      const id = arbitrationId.toString(16).padStart(extended ? 8 : 3, "0");
      return `can0/${message}@0x${id}.${name}`;
    });
  }

  document(id: string): JsonMap {
    const dice = this.#dice;
    const inputs = Object.fromEntries(VARIABLES.slice(0, dice.below(6)).map((name) => [name, this.#name()]));
    const known = Object.keys(inputs);
    const derived = known.length > 0 && dice.chance(0.4) ? this.#derived(known) : [];
    const names = [...known, ...derived.map((one) => one.name)];
    const trigger = names.length > 0 && dice.chance(0.5) ? this.#trigger(names) : undefined;
    const isCapture = trigger?.mode !== "while" && trigger !== undefined;
    const patterns = derived.map((one) => one.name);
    const parts: [string, Json][] = [
      ["schemaVersion", 1],
      ["id", id],
      ["version", 1 + dice.below(5)],
      ["inputs", inputs],
      ["derived", derived],
      ...(trigger === undefined ? [] : [["trigger", trigger] satisfies [string, Json]]),
      ["collect", dice.times(dice.chance(0.2) ? 6 : 2, () => this.#entry(patterns, isCapture))],
      ...this.#rest(names, isCapture),
    ];
    return Object.fromEntries(parts.filter(([, value]) => !isEmpty(value) || dice.chance(0.2)));
  }

  /** An expression over `names`, which are numbers. */
  expression(names: readonly string[], kind: "condition" | "value", depth = 0): string {
    return kind === "value" ? this.#value(names, depth) : this.#condition(names, depth);
  }

  #rest(names: readonly string[], isCapture: boolean): [string, Json][] {
    const dice = this.#dice;
    const maybe = (share: number, name: string, make: () => Json): [string, Json][] =>
      dice.chance(share) ? [[name, make()]] : [];
    const year = 2025 + dice.below(2);
    return [
      ...maybe(0.2, "description", () => "fuzz ä \u{1f697}"),
      ...maybe(0.05, "for", () => ({ buses: ["can0"], hardware: dice.pick([["gw-2*"], ["*"], ["x", "gw-2b"]]) })),
      ...maybe(0.2, "start", () => `${year}-0${1 + dice.below(9)}-01T00:00:00Z`),
      ...maybe(0.2, "end", () => `${year + 1}-01-01T00:00:00+0${dice.below(9)}:00`),
      ...maybe(0.3, "maxAgeMs", () => dice.pick([10, 500, 86_400_000])),
      ...maybe(isCapture ? 0.5 : 0, "frames", () => dice.times(3, () => this.#frames())),
      ...maybe(names.length > 0 ? 0.2 : 0, "trip", () => this.#condition(names, 1)),
      ...maybe(0.5, "send", () => this.#send()),
      ...maybe(0.3, "budget", () => ({ bytesPerDay: dice.pick([1000, 100_000, 100_000_000_000]) })),
      ...maybe(0.2, "thin", () => 2 + dice.below(998)),
    ];
  }

  #send(): Json {
    const dice = this.#dice;
    const send: JsonMap = { stream: dice.pick(["event", "telemetry", "capture"]) };
    if (dice.chance(0.6)) send.form = dice.pick(["columns", "rows", "json"]);
    if (dice.chance(0.3)) send.compression = dice.pick(["none", "gzip", "zstd"]);
    if (dice.chance(0.3)) send.batchMs = dice.pick([20, 1000, 3_600_000]);
    return send;
  }

  #frames(): Json {
    const dice = this.#dice;
    if (dice.chance(0.4)) return { bus: "can0" };
    const ids = dice.times(4, (): Json => {
      if (dice.chance(0.3)) return { pgn: dice.below(0x4_0000) };
      return dice.chance(0.5) ? { id: dice.below(0x800) } : { id: dice.below(0x2000_0000), extended: true };
    });
    return { bus: "can0", ids };
  }

  #derived(known: readonly string[]): { name: string; [key: string]: Json }[] {
    const dice = this.#dice;
    const before = [...known];
    return dice.times(3, (at) => {
      const name = `d${at}`;
      const expression = this.#value(before, 0);
      before.push(name);
      return { name, unit: dice.pick(["", "kW", "°C"]), expression };
    });
  }

  #trigger(names: readonly string[]): JsonMap {
    const dice = this.#dice;
    const isWhile = dice.chance(0.4);
    const trigger: JsonMap = { condition: this.#condition(names, 0) };
    if (isWhile || dice.chance(0.5)) trigger.mode = isWhile ? "while" : "rising";
    if (dice.chance(0.3)) trigger.release = this.#condition(names, 1);
    if (dice.chance(0.3)) trigger.forMs = dice.pick([0, 50, 1000, 86_400_000]);
    if (dice.chance(0.6)) trigger.minIntervalMs = dice.pick([0, 0, 100, 2_592_000_000]);
    if (dice.chance(0.3)) trigger.maxCount = 1 + dice.below(5);
    if (!isWhile && dice.chance(0.7)) trigger.beforeMs = dice.pick([0, 100, 2000, 3_600_000]);
    if (dice.chance(0.7)) trigger.afterMs = dice.pick([0, 100, 2000, 3_600_000]);
    return trigger;
  }

  #entry(derived: readonly string[], isCapture: boolean): JsonMap {
    const dice = this.#dice;
    const mode = dice.pick(isCapture ? MODES.slice(0, 6) : MODES);
    const signals = dice.chance(0.7) ? this.#pattern(derived) : dice.times(4, () => this.#pattern(derived));
    const kept = { ...(dice.chance(0.5) ? { per: "trip" } : {}), ...(dice.chance(0.5) ? { everyHours: 0.01 } : {}) };
    switch (mode) {
      case "off":
        return { signals, mode };
      case "every":
        return { signals, mode, ms: dice.pick([0, 1, 100, 86_400_000]) };
      case "on-change":
        return { signals, mode, ...this.#change() };
      case "latest":
        return { signals, mode, windowMs: dice.pick(WINDOWS) };
      case "aggregate": {
        const over = dice.chance(0.3) ? { per: "trip" } : { windowMs: dice.pick(WINDOWS) };
        return { signals, mode, of: AGGREGATES.filter((_, at) => at === 0 || dice.chance(0.3)), over };
      }
      case "curve":
        return { signals, mode, maxError: dice.pick([1e-9, 0.5, 1e300]), maxDelayMs: dice.pick([100, 86_400_000]) };
      case "duration":
        return { signals, mode, ...kept };
      case "counter":
        return { signals, mode, of: dice.pick(["samples", "changes", "increase"]), ...kept };
      case "histogram": {
        const second = dice.chance(0.3) ? { with: { signal: this.#name(), edges: this.#edges() } } : {};
        const by = dice.chance(0.5) ? { by: dice.pick(["time", "count"]) } : {};
        return { signals, mode, edges: this.#edges(), ...second, ...by, ...kept };
      }
    }
  }

  #change(): JsonMap {
    const dice = this.#dice;
    const change: JsonMap = dice.chance(0.5) ? { atLeastEveryMs: dice.pick(WINDOWS) } : {};
    if (dice.chance(0.5)) change.deadband = dice.chance(0.5) ? { absolute: dice.random() + 1e-9 } : { percent: 1000 };
    return change;
  }

  #edges(): number[] {
    let edge = this.#dice.pick([-1e300, -40, 0]);
    return this.#dice.times(8, () => (edge += this.#dice.random() * 100 + 0.001));
  }

  #pattern(derived: readonly string[]): string {
    const dice = this.#dice;
    if (derived.length > 0 && dice.chance(0.4)) return dice.pick(derived);
    const [message] = this.#name().split(".");
    return dice.pick([
      this.#name(),
      this.#name(),
      `${message}.*`,
      dice.pick(this.#exact),
      "*.Counter",
      "can0/*",
      "*ee*d*",
    ]);
  }

  #name(): string {
    return this.#dice.pick(this.#names);
  }

  #value(names: readonly string[], depth: number): string {
    const dice = this.#dice;
    const name = dice.pick(names);
    const below = (): string => this.#value(names, depth + 1);
    if (depth > 3 || dice.chance(0.3)) return dice.chance(0.7) ? name : dice.pick(["1.5", "0.0", "1e300", "3600.0"]);
    const window = dice.pick(["min", "max", "mean", "sum", "first", "last", "increase"]);
    const span = dice.pick(["1ms", "500ms", "10s", "1h"]);
    return dice.pick([
      () => `(${below()} ${dice.pick(["+", "-", "*", "/"])} ${below()})`,
      () => `${window}(${name}, duration("${span}"))`,
      () => `${dice.pick(["rate", "previous", "abs"])}(${name})`,
      () => `(${this.#condition(names, depth + 1)} ? ${below()} : ${below()})`,
      () => `pow(${below()}, 2.0)`,
    ])();
  }

  #condition(names: readonly string[], depth: number): string {
    const dice = this.#dice;
    const below = (): string => this.#condition(names, depth + 1);
    if (depth > 3 || dice.chance(0.5)) {
      return `${this.#value(names, depth + 1)} ${dice.pick([">", "<", ">=", "<=", "==", "!="])} ${this.#value(names, 4)}`;
    }
    return dice.pick([
      () => `(${below()} ${dice.pick(["&&", "||"])} ${below()})`,
      () => `!(${below()})`,
      () => `bus.can0.up || ${below()}`,
      () => `bus.can0.state == "bus-off" || ${below()}`,
      () => `age(${dice.pick(names)}) > 500.0`,
    ])();
  }
}

function isEmpty(value: Json): boolean {
  return typeof value === "object" && value !== null && Object.keys(value).length === 0;
}
