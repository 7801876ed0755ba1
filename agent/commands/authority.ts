import type { Policy } from "../../config/policy.ts";
import type { Clock } from "../core/clock.ts";
import { isSignedBy, keyObjectOf } from "../core/public-key.ts";
import { TokenBucket } from "../core/token-bucket.ts";
import { type Action, requiresSignatureAndLedger } from "./action.ts";
import { type CommandRejection, rejected } from "./answer.ts";
import { type SignedFields, signedText } from "./canonical.ts";
import type { KeySet } from "./key-set.ts";
import type { CommandRequest } from "./request.ts";

/** What the policy and the keys let a request do. It counts only once it is used. */
export type Grant = {
  readonly kind: "granted";
  readonly rule: Policy["allow"][number];
  /** The key that signed, and its counter; undefined for a request without a signature. */
  readonly signed: { readonly keyId: string; readonly counter: number } | undefined;
};

/** A text that sets something, of class R1, and its detached signatures. `isGrave`: it needs one whatever its class. */
export type SetText = {
  /** By which the policy knows it. */
  readonly action: string;
  /** What the signatures are over. */
  readonly text: string;
  readonly signatures: readonly { readonly key: string; readonly value: string }[];
  readonly isGrave: boolean;
};

const MINUTE_MS = 60_000;

/** Decides who may ask for what: default deny, a rate for each rule, and a signature from outside the cloud account for what is grave. */
export class Authority {
  readonly #policy: Policy;
  readonly #keys: KeySet;
  readonly #rates: ReadonlyMap<Grant["rule"], TokenBucket>;

  constructor(policy: Policy, keys: KeySet, clock: Clock) {
    this.#policy = policy;
    this.#keys = keys;
    const rateOf = ({ ratePerMinute }: Grant["rule"]) =>
      new TokenBucket(ratePerMinute, MINUTE_MS, () => clock.monotonicMs());
    this.#rates = new Map(policy.allow.map((rule) => [rule, rateOf(rule)]));
  }

  /** Judges a request; changes nothing. A signature that is there is checked even where none is needed. */
  authorise(
    request: CommandRequest,
    action: Pick<Action, "name" | "commandClass" | "keyRole">,
  ): Grant | CommandRejection {
    const rule = this.#policy.allow.find(({ action: pattern }) => matchesPattern(pattern, action.name));
    if (rule === undefined) return rejected("ACCESS_DENIED", `no rule of the policy allows ${action.name}`);
    if (this.#rates.get(rule)?.hasToken() !== true) {
      return rejected("RATE_LIMITED", `more than ${rule.ratePerMinute} a minute of ${rule.action}`);
    }
    if (request.signature === undefined) {
      if (this.#needsSignature(rule, action)) return rejected("SIGNATURE_MISSING", `${action.name} needs a signature`);
      return { kind: "granted", rule, signed: undefined };
    }
    return this.#checkSignature(request, request.signature, rule, action.keyRole);
  }

  /**
   * Judges what sets something without being a command, by its text. Every signature that is there must be good, though none may be needed.
   * There is no counter: what keeps an old text from coming again is its version.
   */
  judgeText({ action, text, signatures, isGrave }: SetText): CommandRejection | undefined {
    const rule = this.#policy.allow.find(({ action: pattern }) => matchesPattern(pattern, action));
    if (rule === undefined) return rejected("ACCESS_DENIED", `no rule of the policy allows ${action}`);
    if (signatures.length === 0) {
      const isNeeded = isGrave || this.#needsSignature(rule, { commandClass: "R1" });
      return isNeeded ? rejected("SIGNATURE_MISSING", `${action} needs a signature here`) : undefined;
    }
    for (const { key: id, value } of signatures) {
      const found = this.#keys.find(id);
      if (found.kind === "rejected") return found;
      if (!isSignedBy(keyObjectOf(found.key.publicKey), text, value)) {
        return rejected("SIGNATURE_INVALID", `it is not the signature of key ${id} over this text`);
      }
      if (found.key.role !== "commands" || (rule.keys !== undefined && !rule.keys.includes(id))) {
        return rejected("ACCESS_DENIED", `key ${id} may not sign ${action}`);
      }
    }
    return undefined;
  }

  /** Judges what acts without being a command, and which nobody can sign; changes nothing. */
  judgeUnsigned(action: string): Grant | CommandRejection {
    const rule = this.#policy.allow.find(({ action: pattern }) => matchesPattern(pattern, action));
    if (rule === undefined) return rejected("ACCESS_DENIED", `no rule of the policy allows ${action}`);
    if (this.#rates.get(rule)?.hasToken() !== true) {
      return rejected("RATE_LIMITED", `more than ${rule.ratePerMinute} a minute of ${rule.action}`);
    }
    if (this.#needsSignature(rule, { commandClass: "R1" })) {
      return rejected("SIGNATURE_MISSING", `${action} needs a signature here`);
    }
    return { kind: "granted", rule, signed: undefined };
  }

  /** Uses a grant up: its key's counter, and one of the rule's rate. Call inside the transaction that takes the command. */
  use({ rule, signed }: Grant): void {
    if (signed !== undefined) this.#keys.use(signed.keyId, signed.counter);
    this.#rates.get(rule)?.take();
  }

  /** Makes the use of a grant known outside the journal; gives the rejection where that cannot be. Call before anything acts by it. */
  settle({ signed }: Grant): CommandRejection | undefined {
    const problem = signed === undefined ? undefined : this.#keys.settle();
    return problem === undefined ? undefined : rejected("LEDGER_UNREADABLE", problem);
  }

  #needsSignature(rule: Policy["allow"][number], { commandClass }: Pick<Action, "commandClass">): boolean {
    if (requiresSignatureAndLedger(commandClass) || rule.signature) return true;
    return this.#policy.classes[commandClass === "R0" ? "R0" : "R1"].signature;
  }

  #checkSignature(
    request: CommandRequest,
    signature: NonNullable<CommandRequest["signature"]>,
    rule: Policy["allow"][number],
    role: Action["keyRole"],
  ): Grant | CommandRejection {
    const fields = signedFieldsOf(request);
    if (fields === undefined) {
      return rejected("SIGNATURE_INVALID", "a signed request names id, thing, notBeforeMs, expiresAtMs and counter");
    }
    const found = this.#keys.find(signature.key);
    if (found.kind === "rejected") return found;
    const { key } = found;
    if (!isSignedBy(keyObjectOf(key.publicKey), signedText(fields), signature.value)) {
      return rejected("SIGNATURE_INVALID", `it is not the signature of key ${key.id} over this request`);
    }
    if (key.role !== role || (rule.keys !== undefined && !rule.keys.includes(key.id))) {
      return rejected("ACCESS_DENIED", `key ${key.id} may not sign ${request.action}`);
    }
    const strange = this.#keys.strangeCounter(fields.counter);
    if (strange !== undefined) return rejected("COUNTER_REPLAYED", strange);
    if (!this.#keys.isFresh(key.id, fields.counter)) {
      return rejected("COUNTER_REPLAYED", `counter ${fields.counter} of key ${key.id} is used up`);
    }
    return { kind: "granted", rule, signed: { keyId: key.id, counter: fields.counter } };
  }
}

function matchesPattern(pattern: string, name: string): boolean {
  return pattern.endsWith("*") ? name.startsWith(pattern.slice(0, -1)) : pattern === name;
}

function signedFieldsOf(request: CommandRequest): SignedFields | undefined {
  const { id, thing, action, arguments: given, notBeforeMs, expiresAtMs, counter } = request;
  if (id === undefined || thing === undefined || counter === undefined) return undefined;
  if (notBeforeMs === undefined || expiresAtMs === undefined) return undefined;
  return { id, thing, action, arguments: given, notBeforeMs, expiresAtMs, counter };
}
