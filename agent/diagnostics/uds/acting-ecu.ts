import type { Ecu, EcuResult } from "../../../config/ecu.ts";
import type { ActEnd, ActGuard, ActingEcu, EcuAct, PreparedAct, RoutineResult } from "../ecu-acts.ts";
import { type OptionShape, packOption, signalValues } from "./data-values.ts";
import { failureText, type UdsOutcome } from "./outcome.ts";
import type { UdsClient } from "./uds-client.ts";

/** Session, security and their way back, ms. */
const ACCESS_MS = 15_000;

/** What acts on an ECU need. `client` is asked for when something is done: what may be done is known before there is a bus. */
export type ActingUdsParts = {
  readonly ecu: Ecu;
  readonly client: () => UdsClient;
  /** Its codes were cleared by this agent. */
  readonly onCleared: () => void;
};

/** An ECU of the catalogue as commands reach it that change something. */
export function actingUdsEcu({ ecu, client, onCleared }: ActingUdsParts): ActingEcu {
  return {
    name: ecu.name,
    clearCodes: async (group, before, signal) => {
      const end = endOf(await client().clearCodes(group, before, signal), () => undefined);
      if (end.kind === "done") onCleared();
      return end;
    },
    reset: (name) => {
      const reset = ecu.resets.find((one) => one.name === name);
      if (reset === undefined) return undefined;
      return act(reset.class, ACCESS_MS, NO_OPTION, async (_option, before, signal) =>
        endOf(await client().reset(reset, before, signal), () => undefined),
      );
    },
    routine: (name) => {
      const routine = ecu.routines.find((one) => one.name === name);
      if (routine === undefined) return undefined;
      return act(routine.class, ACCESS_MS + routine.longestMs, routine.start, async (option, before, signal) =>
        endOf(await client().runRoutine(routine, option, before, signal), (bytes) => resultOf(routine.result, bytes)),
      );
    },
    output: (name, holdMs) => {
      const output = ecu.outputs.find((one) => one.name === name);
      if (output === undefined) return undefined;
      const held = Math.min(holdMs, output.longestMs);
      return act(output.class, ACCESS_MS + held, output.state, async (state, before, signal) =>
        endOf(await client().holdOutput(output, { state, holdMs: held }, before, signal), () => undefined),
      );
    },
  };
}

const NO_OPTION: OptionShape = { bytes: "", arguments: [] };

function act<T>(
  safety: EcuAct<T>["safety"],
  longestMs: number,
  shape: OptionShape,
  run: (option: Uint8Array, before: ActGuard, signal: AbortSignal) => Promise<ActEnd<T>>,
): EcuAct<T> {
  return {
    safety,
    longestMs,
    prepare: (given): PreparedAct<T> => {
      const option = packOption(shape, given);
      if (option.kind === "unfit") return option;
      return { kind: "prepared", run: (before, signal) => run(option.bytes, before, signal) };
    },
  };
}

function endOf<V, T>(outcome: UdsOutcome<V>, valueOf: (value: V) => T): ActEnd<T> {
  switch (outcome.kind) {
    case "done":
      return { kind: "done", value: valueOf(outcome.value) };
    case "withheld":
      return outcome;
    case "negative":
      return { kind: "refused", what: failureText(outcome) };
    // No key, an answer that makes no sense, silence, a fault of the bus: it is not known what the ECU has done.
    case "unfit":
    case "silent":
    case "fault":
      return { kind: "failed", what: failureText(outcome) };
  }
}

/** What a routine measured, and how the catalogue judges it. */
function resultOf({ signals, verdict }: EcuResult, bytes: Uint8Array): RoutineResult {
  const values = signalValues(signals, bytes);
  const named = values.map(
    ({ name, value, unit, text }) =>
      [name, { value: text ?? (typeof value === "bigint" ? String(value) : value), unit }] as const,
  );
  const judged = values.find(({ name }) => name === verdict?.signal)?.value;
  return {
    values: Object.fromEntries(named),
    verdict: verdict === undefined || typeof judged !== "number" ? undefined : verdictOf(verdict, judged),
  };
}

function verdictOf(
  { inSpec, marginal }: NonNullable<EcuResult["verdict"]>,
  value: number,
): NonNullable<RoutineResult["verdict"]> {
  const isIn = ([first, last]: readonly [number, number]): boolean => value >= first && value <= last;
  if (isIn(inSpec)) return "in_spec";
  return marginal !== undefined && isIn(marginal) ? "marginal" : "out_of_spec";
}
