import type { CampaignDocument } from "../../../../config/campaign.ts";
import type { VehicleMessage, VehicleSignal } from "../../vehicle/vehicle-dbc.ts";
import { rawValueOf } from "../../vehicle/vehicle-model.ts";
import { InputMemory, type ModelExpression, modelExpression } from "./expression-model.ts";
import type { DriveFacts, ReceivedFrame, Sample } from "./received-frames.ts";
import type { Moment } from "./trigger-model.ts";

type Expression = Extract<ModelExpression, { kind: "expression" }>;
type Named = { readonly name: string; readonly expression: Expression };

/** The expressions of a campaign, evaluated again over frames. */
export type DriveExpressions = {
  /** Samples of each derived signal; undefined for one that cannot be judged. */
  readonly derived: ReadonlyMap<string, readonly Sample[] | undefined>;
  /** Of the trigger; undefined where there is none, or it cannot be judged. */
  readonly moments: readonly Moment[] | undefined;
  /** Whether the result of the trigger can change without a frame. */
  readonly runsOn: boolean;
  /** Whether the condition of a trip was false for a while after it was true: where the trip ended is not known to the frame. */
  readonly hasTripEnded: boolean;
  /** Number of frames: what has that place came after the last. */
  readonly frames: number;
  /** What is not judged, and why. */
  readonly unknown: readonly string[];
};

/** The signal that a name of a document stands for: Message.Signal, with a bus or an id. */
export function signalNamed(vehicle: readonly VehicleMessage[], name: string): VehicleSignal | undefined {
  const [message, signal] = name
    .replace(/^.*\//, "")
    .replace(/@0x[0-9a-fA-F]+/, "")
    .split(".");
  return vehicle.find((one) => one.name === message)?.signals.find((one) => one.name === signal);
}

/** Evaluates derived signals and the trigger at each frame that brings something they read, and whenever something becomes too old. */
export function evaluateDrive(
  frames: readonly ReceivedFrame[],
  document: CampaignDocument,
  facts: DriveFacts,
): DriveExpressions {
  const { inputs, derived, trigger, trip } = document;
  const names = new Set([...Object.keys(inputs), ...derived.map(({ name }) => name)]);
  const unknown: string[] = [];
  const modelOf = (text: string | undefined): Expression | undefined => {
    const model = text === undefined ? undefined : modelExpression(text, names);
    if (model?.kind === "unknown") unknown.push(model.why);
    return model?.kind === "expression" ? model : undefined;
  };
  const models = derived.flatMap(({ name, expression }): readonly Named[] => {
    const model = modelOf(expression);
    if (model?.runsOn === true) unknown.push(`${name}: samples that come without a frame`);
    return model === undefined ? [] : [{ name, expression: model }];
  });
  const condition = modelOf(trigger?.condition);
  const release = modelOf(trigger?.release);
  const isReleaseUnknown = trigger?.release !== undefined && release === undefined;
  const run = new DriveRun(document, models, { condition, release, trip: modelOf(trip) }, facts);
  frames.forEach((frame, at) => run.take(frame, at));
  run.finish(frames.length);
  return {
    derived: new Map(
      derived.map(({ name }) => {
        const model = models.find((one) => one.name === name);
        return [name, model === undefined || model.expression.runsOn ? undefined : (run.derived.get(name) ?? [])];
      }),
    ),
    moments: condition === undefined || isReleaseUnknown ? undefined : run.moments,
    runsOn: condition?.runsOn === true || release?.runsOn === true,
    hasTripEnded: run.hasTripEnded,
    frames: frames.length,
    unknown,
  };
}

type Conditions = {
  readonly condition: Expression | undefined;
  readonly release: Expression | undefined;
  readonly trip: Expression | undefined;
};

class DriveRun {
  readonly derived = new Map<string, Sample[]>();
  readonly moments: Moment[] = [];
  hasTripEnded = false;
  readonly #memory: InputMemory;
  readonly #inputs: readonly { readonly name: string; readonly signal: VehicleSignal }[];
  readonly #models: readonly Named[];
  readonly #conditions: Conditions;
  readonly #facts: DriveFacts;
  readonly #maxAgeUs: number;
  #lastUs = Number.NEGATIVE_INFINITY;
  #wasInTrip = false;

  constructor(document: CampaignDocument, models: readonly Named[], conditions: Conditions, facts: DriveFacts) {
    this.#memory = new InputMemory(document.maxAgeMs);
    this.#maxAgeUs = document.maxAgeMs * 1000;
    this.#models = inOrder(models);
    this.#conditions = conditions;
    this.#facts = facts;
    this.#inputs = Object.entries(document.inputs).flatMap(([name, full]) => {
      const signal = signalNamed(facts.vehicle, full);
      return signal === undefined ? [] : [{ name, signal }];
    });
  }

  take({ message, n, timeUs }: ReceivedFrame, at: number): void {
    const noted = new Map<string, number>();
    for (const { name, signal } of this.#inputs) {
      const raw = signal.message === message.name ? rawValueOf(message, signal, n, this.#facts.seed) : undefined;
      if (raw !== undefined) noted.set(name, Number(raw) * signal.factor + signal.offset);
    }
    if (noted.size === 0) return;
    this.#becomeStale(timeUs, at);
    for (const [name, value] of noted) this.#memory.note(name, { timeUs, value });
    this.#settle(timeUs, at, new Set(noted.keys()));
  }

  /** The last values become too old, which no frame sees. */
  finish(at: number): void {
    this.#becomeStale(this.#lastUs + 2 * this.#maxAgeUs, at);
  }

  #becomeStale(untilUs: number, at: number): void {
    const { condition, release } = this.#conditions;
    const expressions = [...this.#models.map(({ expression }) => expression), condition, release];
    for (;;) {
      const staleUs = Math.min(
        ...expressions.map((one) => {
          const moment = one === undefined ? Number.POSITIVE_INFINITY : this.#memory.staleUs(one) + 1;
          return moment > this.#lastUs ? moment : Number.POSITIVE_INFINITY;
        }),
      );
      if (!(staleUs < untilUs)) return;
      this.#settle(staleUs, at, new Set());
    }
  }

  #settle(timeUs: number, at: number, noted: Set<string>): void {
    this.#lastUs = timeUs;
    for (const { name, expression } of this.#models) {
      const isAwake = expression.inputs.some((input) => noted.has(input));
      const { result } = this.#memory.evaluate(expression, timeUs);
      if (result === undefined) this.#memory.forget(name);
      if (result === undefined || !isAwake) continue;
      const value = Number(result);
      noted.add(name);
      this.#memory.note(name, { timeUs, value });
      const samples = this.derived.get(name) ?? [];
      this.derived.set(name, samples);
      samples.push({ at, timeUs, raw: value, physical: value });
    }
    this.#decide(timeUs, at);
  }

  #decide(timeUs: number, at: number): void {
    const { condition, release, trip } = this.#conditions;
    const inTrip = trip !== undefined && this.#memory.evaluate(trip, timeUs).result === true;
    if (this.#wasInTrip && !inTrip) this.hasTripEnded = true;
    this.#wasInTrip = inTrip;
    if (condition === undefined) return;
    const { result, values } = this.#memory.evaluate(condition, timeUs);
    const released = release === undefined ? undefined : this.#memory.evaluate(release, timeUs).result;
    this.moments.push({ at, timeUs, condition: flagOf(result), release: flagOf(released), values });
  }
}

function flagOf(result: number | boolean | undefined): boolean | undefined {
  return typeof result === "boolean" ? result : undefined;
}

/** Each after those that it reads. */
function inOrder(models: readonly Named[]): readonly Named[] {
  const ordered: Named[] = [];
  while (ordered.length < models.length) {
    const next = models.find(
      (one) =>
        !ordered.includes(one) &&
        one.expression.inputs.every(
          (input) => ordered.some(({ name }) => name === input) || !models.some(({ name }) => name === input),
        ),
    );
    if (next === undefined) throw new Error("derived signals read each other in a circle");
    ordered.push(next);
  }
  return ordered;
}
