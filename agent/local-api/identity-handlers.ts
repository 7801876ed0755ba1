import { AgentError } from "../core/errors.ts";
import type { Log } from "../core/log.ts";
import type { Renewal } from "../identity/renewal.ts";
import type { Broker } from "../ports/broker.ts";
import { certRenew } from "./identity-schema.ts";
import { requireOnline } from "./require-online.ts";
import type { ServedVerb } from "./verb.ts";

/** What changes the identity. `renewal` is undefined where no template is configured. */
export type IdentityHandlerParts = {
  readonly renewal: Renewal | undefined;
  readonly broker: Pick<Broker, "status">;
  readonly log: Log;
};

/** `cert.renew`: a new certificate now. */
export function identityHandlers({ renewal, broker, log }: IdentityHandlerParts): readonly ServedVerb[] {
  return [
    certRenew.answeredBy(async () => {
      log.info("admin.renewal-requested");
      if (renewal === undefined) throw noTemplate();
      requireOnline(broker);
      const outcome = await renewal.request({ reason: "cli" });
      if (outcome.kind === "failed") throw outcome.fault;
      return { schemaVersion: 1, certificateId: outcome.certificateId };
    }),
  ];
}

function noTemplate(): AgentError {
  return new AgentError("config.invalid", {
    what: "neither provisioning.rotationTemplate nor provisioning.template is set, or the key is in a file",
    remedy: "set provisioning.rotationTemplate to the template that gives a registered thing a further certificate",
  });
}
