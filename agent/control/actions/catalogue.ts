import type { Catalogue } from "../../../config/catalogue.ts";
import { AgentError } from "../../core/errors.ts";
import type { Action } from "../action.ts";
import { protobufProblem } from "../protobuf-names.ts";
import { type ActuateParts, buildActuation } from "./actuate.ts";
import { buildSequence } from "./sequence.ts";

/** A catalogue file as it was read: `locate` gives "file:line:col" of a value. */
export type CatalogueFile = {
  readonly value: Catalogue;
  readonly locate: (path: readonly (string | number)[]) => string;
};

/** The actions of the catalogue, by name. Throws `config.invalid` naming the first entry that cannot be used, and why. */
export function buildCatalogue({ value, locate }: CatalogueFile, parts: ActuateParts): ReadonlyMap<string, Action> {
  const actions = new Map<string, Action>();
  const fail = (at: readonly (string | number)[], problem: string): never => {
    throw new AgentError("config.invalid", {
      what: `${locate(at)} ${problem}`,
      remedy: "correct the catalogue file; its messages and signals are those of the DBC files of the configuration",
    });
  };
  for (const [index, config] of value.actions.entries()) {
    const failIn = (path: readonly (string | number)[], problem: string): never =>
      fail(["actions", index, ...path], `${config.name} ${path.join(".")}: ${problem}`);
    if (actions.has(config.name)) failIn(["name"], "is named twice");
    const built =
      config.kind === "actuate" ? buildActuation(config, parts) : buildSequence(config, actions, parts.clock);
    if (built.kind === "unfit") failIn(built.path, built.problem);
    else actions.set(config.name, built.action);
  }
  const unfit = protobufProblem(value.protobuf, actions, parts.signals);
  if (unfit !== undefined) fail(["protobuf", ...unfit.path], `protobuf.${unfit.path.join(".")}: ${unfit.problem}`);
  return actions;
}

/** The messages that the catalogue may send on `bus`, by name. */
export function transmittedMessages({ actions }: Catalogue, bus: string): readonly string[] {
  return actions.flatMap((action) => (action.kind === "actuate" && action.bus === bus ? [action.message] : []));
}
