import { AgentError } from "./errors.ts";

/** The remedy where a TPM has no room for another object or session: it has three places or so, which a resource manager shares out. */
export const RESOURCE_MANAGER =
  "put a resource manager before it: the kernel's, identity.tcti device:/dev/tpmrm0 instead of /dev/tpm0, or tpm2-abrmd (tabrmd:bus_type=system), which a software TPM always needs";

/** Several keys of the token have the label; `ids` where they are known. */
export function keyAmbiguous(label: string, tokenLabel: string, ids: readonly number[]): AgentError {
  const which = ids.length === 0 ? "" : ` (ids ${ids.join(" and ")})`;
  return new AgentError("identity.key-ambiguous", {
    what: `several private keys of the token "${tokenLabel}" are labelled "${label}"${which}: it is not known which one is meant`,
    remedy: `see what they are with causeway key list, then delete the wrong one: causeway key delete ${label} --id ${ids.at(-1) ?? "ID"}`,
  });
}

/** A key that must not be, or cannot be, the device's. */
export function keyUnfit(label: string, problem: string): AgentError {
  return new AgentError("identity.key-unfit", {
    what: `the key "${label}" is not fit to be the device's: ${problem}`,
    remedy: "make another one (causeway key create) and have a certificate issued for it",
  });
}

/** What the TPM says of a key that was born in it and can never leave it (TPM 2.0 part 2, 8.3.2). */
const KEPT = ["fixedtpm", "fixedparent", "sensitivedataorigin"];

/** Whether a key was born in the TPM and can never leave it. Others may be copied: they are not to be a device's identity. */
export function isBornInTpm({ attributes }: { readonly attributes: readonly string[] }): boolean {
  return KEPT.every((attribute) => attributes.includes(attribute));
}
