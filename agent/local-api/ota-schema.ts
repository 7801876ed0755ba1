import { z } from "zod";
import { INSTALL_EFFECTS } from "../ports/update.ts";
import { UPDATE_STEPS } from "../updates/update-state.ts";
import { updateOrder } from "../updates/update-verifier.ts";
import { streamVerb, verb } from "./verb.ts";

const nothingAsked = z.object({});
const version = { schemaVersion: z.literal(1) };

const shownUpdate = z.object({
  component: z.string(),
  /** SHA-256 of its manifest. */
  digest: z.string(),
  sequenceNumber: z.int(),
  versionFrom: z.string(),
  versionTo: z.string(),
  step: z.enum(UPDATE_STEPS),
  awaits: z.enum(INSTALL_EFFECTS),
  bytes: z.number().optional(),
  totalBytes: z.number().optional(),
  waitingFor: z.string().optional(),
  failure: z.object({ reason: z.string(), detail: z.string() }).optional(),
});
/** The update under way, or the last one. */
export type ShownUpdate = z.infer<typeof shownUpdate>;

const otaStatus = z.object({
  ...version,
  /** Version of the trust root. */
  root: z.int(),
  /** "packaged", or the SHA-256 of the release that runs; absent where no supervisor started the agent. */
  running: z.string().optional(),
  installed: z.array(z.object({ component: z.string(), sequenceNumber: z.int(), digest: z.string() })).readonly(),
  rollbackIndexFault: z.string().optional(),
  update: shownUpdate.optional(),
});
/** The answer to `ota.show`, and each one to `ota.watch`. */
export type OtaStatus = z.infer<typeof otaStatus>;

const verdict = z.discriminatedUnion("kind", [
  z.object({ ...version, kind: z.enum(["accepted", "installed"]), digest: z.string(), manifest: z.unknown() }),
  z.object({ ...version, kind: z.literal("rejected"), reason: z.string(), detail: z.string() }),
  z.object({ ...version, kind: z.enum(["nothing", "acknowledged", "agreed", "committed", "cancelled"]) }),
]);

/** What became of a question about an update. "nothing": there is none to decide about. */
export type OtaVerdict = z.infer<typeof verdict>;

/** The update under way or the last one, and what is installed. */
export const otaShow = verb({ name: "ota.show", socket: "view", request: nothingAsked, answer: otaStatus });

/** The same over time, until the update has come to its end. */
export const otaWatch = streamVerb({ name: "ota.watch", socket: "view", request: nothingAsked, each: otaStatus });

/** Judges an update and does nothing. */
export const otaCheck = verb({
  name: "ota.check",
  socket: "view",
  request: z.object({ order: updateOrder }),
  answer: verdict,
});

/** Judges an update, and begins it where it is accepted. */
export const otaInstall = verb({
  name: "ota.install",
  socket: "admin",
  request: z.object({ order: updateOrder }),
  answer: verdict,
});

/** Begins the update again that failed last. */
export const otaResume = change("ota.resume");

/** Someone knows that the record of what is installed was lost. */
export const otaAcknowledge = change("ota.acknowledge");

/** Someone in the vehicle agrees to the update under way. */
export const otaConsent = change("ota.consent");

/** The technician answers for the version on trial. */
export const otaCommit = change("ota.commit");

/** Gives up the update under way, and goes back. */
export const otaRollback = change("ota.rollback");

function change(name: string) {
  return verb({ name, socket: "admin", request: nothingAsked, answer: verdict });
}
