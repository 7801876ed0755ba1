import type { Catalogue } from "../../../config/catalogue.ts";
import type { EntryProblem } from "../../core/entry-problem.ts";
import { AgentError } from "../../core/errors.ts";
import type { Action } from "../action.ts";
import { protobufProblem } from "../channels/protobuf-names.ts";
import { type ActuateParts, type BuiltAction, buildActuation } from "./actuate.ts";
import { buildDiagnosis, type DiagnoseParts } from "./diagnose.ts";
import { buildProgramAction, type ProgramActionParts } from "./program-action.ts";
import { buildSequence } from "./sequence.ts";

/** Problems that are told at once. */
const MAX_NAMED = 10;

/** A catalogue file as it was read: `locate` gives "file:line:col" of a value. */
export type CatalogueFile = {
  readonly value: Catalogue;
  readonly locate: (path: readonly (string | number)[]) => string;
};

/** What entries of the catalogue are made with. */
export type CatalogueParts = ActuateParts & DiagnoseParts & ProgramActionParts;

/** The actions of the catalogue, by name. Throws `config.invalid` naming the entries that cannot be used, and why. */
export function buildCatalogue({ value, locate }: CatalogueFile, parts: CatalogueParts): ReadonlyMap<string, Action> {
  const actions = new Map<string, Action>();
  const problems: string[] = [];
  for (const [index, config] of value.actions.entries()) {
    const addProblem = ({ path, problem }: EntryProblem): number =>
      problems.push(`${locate(["actions", index, ...path])} ${config.name} ${path.join(".")}: ${problem}`);
    if (actions.has(config.name)) addProblem({ path: ["name"], problem: "is named twice" });
    const built = build(config, actions, parts);
    if (built.kind === "action") actions.set(config.name, built.action);
    // A sequence misses the actions that are told already.
    else if (config.kind !== "sequence" || problems.length === 0) built.problems.forEach(addProblem);
  }
  if (problems.length === 0) {
    const unfit = protobufProblem(value.protobuf, actions, parts.signals);
    if (unfit !== undefined) {
      const { path, problem } = unfit;
      problems.push(`${locate(["protobuf", ...path])} protobuf.${path.join(".")}: ${problem}`);
    }
  }
  if (problems.length === 0) {
    holdStates(value, parts.signals);
    return actions;
  }
  throw new AgentError("config.invalid", {
    what: firstProblems(problems),
    remedy: "correct the catalogue file; its messages and signals are those of the DBC files of the configuration",
  });
}

function build(
  config: Catalogue["actions"][number],
  known: ReadonlyMap<string, Action>,
  parts: CatalogueParts,
): BuiltAction {
  switch (config.kind) {
    case "actuate":
      return buildActuation(config, parts);
    case "sequence":
      return buildSequence(config, known, parts.clock);
    case "program":
      return buildProgramAction(config, parts);
    default:
      return buildDiagnosis(config, parts);
  }
}

/** For ever: a snapshot of a state template is the last known values, for which nobody waits. */
function holdStates({ protobuf }: Catalogue, signals: ActuateParts["signals"]): void {
  const named = protobuf.states.flatMap((state) => state.signals.map((name) => signals.find(name)));
  const found = named.flatMap((one) => (one.kind === "signal" ? [one.signal] : []));
  if (found.length > 0) signals.hold("state templates", found);
}

/** The messages that the catalogue may send on `bus`, as it names them. */
export function transmittedMessages({ actions }: Catalogue, bus: string): readonly string[] {
  return actions.flatMap((action) => (action.kind === "actuate" && action.bus === bus ? [action.message] : []));
}

function firstProblems(problems: readonly string[]): string {
  const more = problems.length > MAX_NAMED ? [`and ${problems.length - MAX_NAMED} more`] : [];
  return [...problems.slice(0, MAX_NAMED), ...more].join("\n");
}
