import { AgentError } from "../core/errors.ts";
import { clearCodes, listCodes, readCodesNow, watchCodes } from "./codes-schema.ts";
import { diagnosticsAsk } from "./diagnostics-schema.ts";
import { j1939Nodes, j1939Request } from "./j1939-schema.ts";
import { jobsCancel, jobsCheck, jobsList, jobsShow } from "./jobs-schema.ts";
import {
  otaAcknowledge,
  otaCheck,
  otaCommit,
  otaConsent,
  otaInstall,
  otaResume,
  otaRollback,
  otaShow,
  otaWatch,
} from "./ota-schema.ts";
import { placePrivate, placeShow } from "./place-schema.ts";
import { vehicleSleep } from "./sleep-schema.ts";
import { vehicleSetState, vehicleState, vehicleTrips } from "./vehicle-schema.ts";
import type { ServedVerb } from "./verb.ts";

/** A verb of which only its name matters. */
type NamedVerb = Pick<ServedVerb, "name" | "socket">;

/** Verbs that need a part of the configuration, and what it is. */
const NEEDED: readonly (readonly [what: string, verbs: readonly NamedVerb[]])[] = [
  [
    "the section ota",
    [otaShow, otaWatch, otaCheck, otaInstall, otaResume, otaAcknowledge, otaConsent, otaCommit, otaRollback],
  ],
  ["the section ota, with jobs.enabled: true,", [jobsList, jobsShow, jobsCheck, jobsCancel]],
  ["the section diagnostics", [listCodes, watchCodes, readCodesNow, clearCodes, diagnosticsAsk]],
  ["the section diagnostics, with a bus that speaks J1939,", [j1939Nodes, j1939Request]],
  ["the section place", [placeShow]],
  ["the section place, with fences,", [placePrivate]],
  ["the section power, with state,", [vehicleState, vehicleSetState, vehicleTrips]],
  ["the section power, with sleep,", [vehicleSleep]],
];

/** What answers in the place of verbs that are not `served`, since the configuration has no part for them: it says which. */
export function absentVerbs(served: readonly ServedVerb[]): readonly ServedVerb[] {
  const names = new Set(served.map(({ name }) => name));
  return NEEDED.flatMap(([what, verbs]) =>
    verbs.filter(({ name }) => !names.has(name)).map(({ name, socket }) => ({ name, socket, handle: refusalOf(what) })),
  );
}

function refusalOf(what: string): () => never {
  return () => {
    throw new AgentError("config.invalid", {
      what: `the configuration of the running agent has no part for this: it needs ${what.replace(/,$/, "")}`,
      remedy: `add ${what} to its configuration (causeway config example --all shows it), then: systemctl restart causeway`,
    });
  };
}
