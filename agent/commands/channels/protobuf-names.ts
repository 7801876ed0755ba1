import type { ProtobufNames } from "../../../config/catalogue.ts";
import type { Json } from "../../core/canonical-json.ts";
import type { LatestSignals } from "../../signals/latest-signals.ts";
import type { Action } from "../action.ts";
import { type CommandRejection, rejected } from "../answer.ts";
import type { CommandMessage } from "./command-messages.ts";

/** What a request in the protobuf flavour asks for in our own words. */
export type NamedCommand = {
  readonly action: string;
  readonly arguments: Readonly<Record<string, Json>>;
  readonly decodeError: CommandRejection | undefined;
};

/** What is wrong with the first entry that cannot be used, and its place; undefined where all can. */
export function protobufProblem(
  { actuators, states }: ProtobufNames,
  actions: ReadonlyMap<string, Action>,
  signals: LatestSignals,
): { readonly path: readonly (string | number)[]; readonly problem: string } | undefined {
  for (const [index, { signal, type, does }] of actuators.entries()) {
    const path = ["actuators", index];
    if (actuators.findIndex((one) => one.signal === signal) !== index) {
      return { path: [...path, "signal"], problem: "is named twice" };
    }
    const named = "argument" in does ? [does.action] : does.map(({ action }) => action);
    const unknown = named.find((name) => !actions.has(name));
    if (unknown !== undefined) return { path: [...path, "does"], problem: `the catalogue has no action ${unknown}` };
    if ("argument" in does && (type === "boolean" || type === "string")) {
      return { path: [...path, "does"], problem: `an argument is a number, not a ${type}` };
    }
  }
  for (const [index, { template, signals: names }] of states.entries()) {
    if (states.findIndex((one) => one.template === template) !== index) {
      return { path: ["states", index, "template"], problem: "is named twice" };
    }
    for (const [at, name] of names.entries()) {
      const found = signals.find(name);
      if (found.kind === "unfit") return { path: ["states", index, "signals", at], problem: found.problem };
    }
  }
  return undefined;
}

/** What `command` asks for by the names of the catalogue. `isOtherState`: whether there is a state template beside those of the catalogue. */
export function namedCommand(
  command: NonNullable<CommandMessage["command"]>,
  names: ProtobufNames,
  isOtherState: (template: string) => boolean = () => false,
): NamedCommand {
  if (command.kind === "actuate") return actuationOf(command, names);
  return stateCommand(command, (id) => names.states.some(({ template }) => template === id) || isOtherState(id));
}

function actuationOf(
  { signalId, manifest, value: given }: Extract<CommandMessage["command"], { kind: "actuate" }>,
  { actuators, manifest: known }: ProtobufNames,
): NamedCommand {
  const undecodable = (decodeError: CommandRejection): NamedCommand => ({
    action: `actuator.${signalId}`,
    arguments: {},
    decodeError,
  });
  if (known !== undefined && manifest !== known) {
    return undecodable(rejected("DECODER_MANIFEST_OUT_OF_SYNC", `the vehicle has ${known}`));
  }
  const actuator = actuators.find(({ signal }) => signal === signalId);
  if (actuator === undefined)
    return undecodable(rejected("NO_DECODING_RULES_FOUND", `there is no actuator ${signalId}`));
  if (given?.type !== actuator.type) {
    return undecodable(
      rejected("ARGUMENT_TYPE_MISMATCH", `actuator ${signalId} takes a value of type ${actuator.type}`),
    );
  }
  const { does } = actuator;
  if ("argument" in does)
    return { action: does.action, arguments: { [does.argument]: given.value }, decodeError: undefined };
  const asked = does.find(({ value }) => value === given.value);
  return asked === undefined
    ? undecodable(rejected("ARGUMENT_OUT_OF_RANGE", `actuator ${signalId} does not take this value`))
    : { action: asked.action, arguments: {}, decodeError: undefined };
}

/** Actions on state templates, by their operations. */
const STATE_ACTIONS = {
  activate_operation: "state.activate",
  deactivate_operation: "state.deactivate",
  fetch_snapshot_operation: "state.fetch",
} as const;

/** All templates of a request meet the same operation: it has one answer. */
function stateCommand(
  { templates }: Extract<CommandMessage["command"], { kind: "state" }>,
  isState: (template: string) => boolean,
): NamedCommand {
  const [first] = templates;
  const action = STATE_ACTIONS[first?.operation ?? "fetch_snapshot_operation"];
  const template = [...new Set(templates.map(({ id }) => id))];
  const meaning = (decodeError?: CommandRejection): NamedCommand => ({
    action,
    arguments: first?.seconds === undefined ? { template } : { template, seconds: first.seconds },
    decodeError,
  });
  if (first?.operation === undefined) {
    return meaning(rejected("COMMAND_REQUEST_PARSING_FAILED", "it names no state template, or not what to do with it"));
  }
  if (templates.some(({ id }) => !isState(id))) {
    return meaning(rejected("STATE_TEMPLATE_OUT_OF_SYNC", "a state template is not known"));
  }
  if (templates.some(({ operation, seconds }) => operation !== first.operation || seconds !== first.seconds)) {
    return meaning(rejected("NOT_SUPPORTED", "a request has one operation for all of its state templates"));
  }
  return meaning();
}
