import { type Clock, isBelievable } from "../core/clock.ts";
import { AgentError } from "../core/errors.ts";
import { leftUntil } from "../core/validity.ts";
import type { CertificateChain } from "../identity/certificate.ts";
import { certificateFacts, requireMatch, requireUsable } from "../identity/certificate.ts";
import type { Check } from "../local-api/support-schema.ts";
import type { KeyFacts, KeyTest, LockoutState, TpmFacts } from "../ports/key-store.ts";
import { failed, outcomeOf, passed, problemOf, warned } from "./check.ts";
import { SET_CLOCK } from "./clock-checks.ts";

/** Fewer failed authorisations than this up to the lockout, and a few power cuts would use them up. */
const FEW_TRIES = 1000;
/** Part of a certificate's life after which it should have been renewed. */
const RENEWED_BY = 2 / 3;

/** Each rejects or throws its own fault. */
export type IdentityParts = {
  readonly clock: Clock;
  /** Says where the PIN comes from. */
  readPin(): string;
  checkStore(): void;
  inspect(): Promise<TpmFacts>;
  testKey(): Promise<KeyTest>;
  readChain(): Promise<CertificateChain>;
  readonly certificateFile: string;
};

/** The identity from the TPM up to the certificate, every part even when one before it fails. */
export async function checkIdentity(parts: IdentityParts): Promise<readonly Check[]> {
  const checks = [checkClock(parts.clock)];
  checks.push(await attempted("pin", () => parts.readPin()));
  checks.push(
    await attempted("store", () => {
      parts.checkStore();
      return "the token store is the service user's alone";
    }),
  );
  const facts = await outcomeOf(() => parts.inspect());
  checks.push(...(facts instanceof AgentError ? [failed("tpm", problemOf(facts))] : tpmChecks(facts)));
  const test = await outcomeOf(() => parts.testKey());
  checks.push(...keyChecks(test));
  checks.push(await checkCertificate(parts, test instanceof AgentError ? undefined : test.key));
  return checks;
}

/** The identity of a device whose key is in a file: `openKey` makes ready what a connection needs. */
export async function checkKeyFile(
  parts: Pick<IdentityParts, "clock" | "readChain" | "certificateFile"> & { openKey(): Promise<unknown> },
): Promise<readonly Check[]> {
  const { clock, certificateFile } = parts;
  const opened = await outcomeOf(() => parts.openKey());
  const found = await outcomeOf(async () => {
    const chain = await parts.readChain();
    requireUsable(chain, certificateFile, clock);
    return certificateFacts(chain.leaf).notAfter;
  });
  return [
    checkClock(clock),
    opened instanceof AgentError
      ? failed("key", problemOf(opened))
      : passed("key", "it is in a file, and fits its certificate"),
    found instanceof AgentError
      ? failed("certificate", problemOf(found))
      : passed("certificate", `valid until ${found}, left: ${leftUntil(found, clock)}`),
  ];
}

function checkClock(clock: Clock): Check {
  const quality = clock.quality();
  if (isBelievable(quality)) return passed("clock", `set (${quality})`);
  const state = quality === "saved" ? "goes on from a time of an earlier boot" : "was set by nothing";
  return {
    check: "clock",
    verdict: "warn",
    what: `this machine's clock ${state}: certificates may seem not valid yet, and commands that act are refused`,
    remedy: SET_CLOCK,
  };
}

function tpmChecks({ lockout, token }: TpmFacts): readonly Check[] {
  const checks = [passed("tpm", "it answers"), checkLockout(lockout, token.isPresent && token.problems.length === 0)];
  if (!token.isPresent) return [...checks, warned("token", "there is none yet", "make it: causeway key create")];
  return [
    ...checks,
    token.problems.length === 0
      ? passed("token", "no power cut and no wrong PIN counts against the TPM's limit")
      : warned(
          "token",
          token.problems.join("; "),
          "make the token anew with causeway key create, or keep the TPM's limit very high",
        ),
  ];
}

/** A token of our own making works in lockout too; the others then do not. */
function checkLockout(lockout: LockoutState, isExempt: boolean): Check {
  const { isLocked, counter, maxTries, recoverySeconds } = lockout;
  const counted = `${counter} of ${maxTries} failed authorisations counted, one forgiven every ${recoverySeconds} s`;
  const clear = "causeway key unlock sets the count to 0";
  if (isLocked) {
    const what = `the TPM is in lockout: ${counted}; the next try is possible in ${recoverySeconds} s at most`;
    const remedy = `wait with the TPM powered, or: ${clear}`;
    return isExempt
      ? warned("lockout", `${what}; the device's own token works nevertheless`, remedy)
      : failed("lockout", { what, remedy, code: "identity.tpm-lockout" });
  }
  if (counter > 0) return warned("lockout", counted, `find out who tries; ${clear}`);
  if (!isExempt && maxTries < FEW_TRIES) {
    const remedy = "make the token with causeway key create, or set identity.tpm.lockout before that";
    return warned("lockout", `the TPM locks after ${maxTries} failed authorisations, and power cuts count`, remedy);
  }
  return passed("lockout", counted);
}

function keyChecks(test: KeyTest | AgentError): readonly Check[] {
  if (test instanceof AgentError) {
    return test.code === "identity.module-missing"
      ? [failed("module", problemOf(test)), warned("key", "not tested: the PKCS#11 library is missing", test.remedy)]
      : [failed("key", problemOf(test))];
  }
  const { key, signMs, loginMs } = test;
  const times = `login ${loginMs.toFixed(1)} ms, signature ${signMs.toFixed(1)} ms`;
  return [
    passed("module", "the PKCS#11 library opens the token"),
    passed("key", `"${key.label}" (${key.algorithm}) signs and cannot leave the TPM; ${times}`),
  ];
}

async function checkCertificate(parts: IdentityParts, key: KeyFacts | undefined): Promise<Check> {
  const { certificateFile, clock } = parts;
  const outcome = await outcomeOf(async () => {
    const chain = await parts.readChain();
    requireUsable(chain, certificateFile, clock);
    if (key !== undefined) requireMatch(chain, key, certificateFile);
    return certificateFacts(chain.leaf);
  });
  if (outcome instanceof AgentError) return failed("certificate", problemOf(outcome));
  const { notBefore, notAfter } = outcome;
  const leftMs = Date.parse(notAfter) - clock.wallUs() / 1000;
  const left = `valid until ${notAfter}, left: ${leftUntil(notAfter, clock)}`;
  if (key === undefined)
    return warned("certificate", `${left}; not matched, since the key could not be tested`, "see the key's remedy");
  if (leftMs < (Date.parse(notAfter) - Date.parse(notBefore)) * (1 - RENEWED_BY)) {
    return warned("certificate", `for the key in the TPM; ${left}`, "have it renewed");
  }
  return passed("certificate", `for the key in the TPM; ${left}`);
}

async function attempted(check: string, look: () => string): Promise<Check> {
  const outcome = await outcomeOf(look);
  return outcome instanceof AgentError ? failed(check, problemOf(outcome)) : passed(check, outcome);
}
