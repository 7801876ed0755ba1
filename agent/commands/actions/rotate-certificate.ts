import type { Renewal, RenewalOutcome } from "../../identity/renewal.ts";
import type { Action, Outcome } from "../action.ts";
import { rejected } from "../answer.ts";
import { alwaysSafe } from "./prepare.ts";

/** Keys are made and tested in the TPM, the cloud issues, and the link is made anew: minutes on a slow link. */
const TIMEOUT_MS = 900_000;

/** `certificate.rotate`: a new certificate, and with it a new key where the configuration says so, now. It has succeeded when the agent connects with it. */
export function rotateCertificate(renewal: Pick<Renewal, "request">): Action {
  return {
    name: "certificate.rotate",
    summary: "a new certificate now, whatever is left of the present one",
    commandClass: "R2",
    keyRole: "commands",
    endsInRestart: false,
    uses: ["certificate.rotate"],
    timeoutMs: TIMEOUT_MS,
    prepare: (given) => {
      if (Object.keys(given).length > 0) return rejected("ARGUMENT_TYPE_MISMATCH", "it takes no arguments");
      return alwaysSafe(async (signal) => outcomeOf(await settled(renewal.request({ reason: "command" }), signal)));
    },
  };
}

/** The outcome, or undefined when `signal` aborts before it: the rotation goes on by itself. */
async function settled(outcome: Promise<RenewalOutcome>, signal: AbortSignal): Promise<RenewalOutcome | undefined> {
  const { promise: aborted, resolve } = Promise.withResolvers<undefined>();
  const stop = (): void => resolve(undefined);
  if (signal.aborted) stop();
  signal.addEventListener("abort", stop, { once: true });
  const first = await Promise.race([outcome, aborted]);
  signal.removeEventListener("abort", stop);
  return first;
}

function outcomeOf(outcome: RenewalOutcome | undefined): Outcome {
  if (outcome === undefined) {
    return { kind: "failed", code: "INTERRUPTED", description: "it was begun, and goes on; the status tells its end" };
  }
  if (outcome.kind === "renewed") return { kind: "done", result: { certificateId: outcome.certificateId } };
  const { code, message } = outcome.fault;
  if (code === "identity.renewal-busy") return rejected("BUSY", message);
  return { kind: "failed", code: "UNAVAILABLE", description: `${code}: ${message}` };
}
