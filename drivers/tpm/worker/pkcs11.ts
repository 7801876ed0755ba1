import { createHash } from "node:crypto";
import pkcs11js from "pkcs11js";
import { AgentError, messageOf } from "../../../agent/core/errors.ts";
import { keyAmbiguous } from "../../../agent/core/key-faults.ts";
import type { KeyAlgorithm } from "../../../agent/ports/key-store.ts";
import { keyMissing, moduleMissing, pinWrong, tokenMissing, tpmAbsent } from "../faults.ts";
import { digestOf } from "./signature.ts";
import type { TokenLocation } from "./worker-protocol.ts";

/** DER of DigestInfo with SHA-256 up to the digest (RFC 8017, 9.2, note 1): CKM_RSA_PKCS signs what it is given. */
const SHA256_INFO = Buffer.from("3031300d060960864801650304020105000420", "hex");
const MAX_SIGNATURE_BYTES = 512;
const MAX_OBJECTS = 2;
const MAX_ATTRIBUTE_BYTES = 64;

/** A token that this process is logged in to. It ends with the process: nothing is finalised. */
export type Session = {
  /** Finding the token, opening a session and logging in. */
  readonly loginMs: number;
  /** Throws `identity.key-missing`. */
  readonly key: (label: string) => SessionKey;
};

/** A private key of the token. */
export type SessionKey = {
  /** Attributes that tell whether the key could ever be read, as the library gives them; undefined where it has none. */
  readonly protection: Readonly<
    Record<"sensitive" | "alwaysSensitive" | "extractable" | "neverExtractable" | "local", boolean | undefined>
  >;
  /** Over the digest of `content` that goes with the algorithm, in the way that TLS signs: ECDSA as r and s side by side, RSA as PKCS#1 v1.5. */
  sign(algorithm: KeyAlgorithm, content: Uint8Array): Buffer;
};

/** Loads the library, so that it makes its database where there is none. Needs no token. */
export function initialiseLibrary({ module }: Pick<TokenLocation, "module">): pkcs11js.PKCS11 {
  const library = new pkcs11js.PKCS11();
  try {
    library.load(module);
  } catch (error) {
    throw moduleMissing(module, error);
  }
  asking(() => library.C_Initialize());
  return library;
}

/** Logs in to the token. Throws `identity.token-missing`, `identity.pin-wrong`, `identity.tpm-absent`, `identity.module-missing`. */
export function login(place: TokenLocation, pin: string): Session {
  const library = initialiseLibrary(place);
  const start = performance.now();
  const slot = slotOf(library, place);
  const session = asking(() => library.C_OpenSession(slot, pkcs11js.CKF_SERIAL_SESSION | pkcs11js.CKF_RW_SESSION));
  try {
    library.C_Login(session, pkcs11js.CKU_USER, pin);
  } catch (error) {
    throw isPinRejection(error) ? pinWrong(place.tokenLabel) : unusable(error);
  }
  const loginMs = performance.now() - start;
  return { loginMs, key: (label) => sessionKey(library, session, label, place.tokenLabel) };
}

function slotOf(library: pkcs11js.PKCS11, { tokenLabel, storeDir }: TokenLocation): pkcs11js.Handle {
  const labels: string[] = [];
  for (const slot of asking(() => library.C_GetSlotList(true))) {
    const label = asking(() => library.C_GetTokenInfo(slot)).label.replace(/[ \0]+$/, "");
    if (label === tokenLabel) return slot;
    if (label !== "") labels.push(label);
  }
  throw tokenMissing(tokenLabel, storeDir, labels);
}

function sessionKey(library: pkcs11js.PKCS11, session: pkcs11js.Handle, label: string, tokenLabel: string): SessionKey {
  const found = asking(() => {
    library.C_FindObjectsInit(session, [
      { type: pkcs11js.CKA_CLASS, value: pkcs11js.CKO_PRIVATE_KEY },
      { type: pkcs11js.CKA_LABEL, value: label },
    ]);
    const objects = library.C_FindObjects(session, MAX_OBJECTS);
    library.C_FindObjectsFinal(session);
    return objects;
  });
  const [object] = found;
  if (object === undefined) throw keyMissing(label, tokenLabel);
  if (found.length > 1) throw keyAmbiguous(label, tokenLabel, []);
  const flag = (type: number): boolean | undefined => {
    try {
      const [attribute] = library.C_GetAttributeValue(session, object, [
        { type, value: Buffer.alloc(MAX_ATTRIBUTE_BYTES) },
      ]);
      const value = attribute?.value;
      return value instanceof Uint8Array ? value[0] === 1 : undefined;
    } catch {
      // CKR_ATTRIBUTE_TYPE_INVALID: an object without it.
      return undefined;
    }
  };
  return {
    protection: {
      sensitive: flag(pkcs11js.CKA_SENSITIVE),
      alwaysSensitive: flag(pkcs11js.CKA_ALWAYS_SENSITIVE),
      extractable: flag(pkcs11js.CKA_EXTRACTABLE),
      neverExtractable: flag(pkcs11js.CKA_NEVER_EXTRACTABLE),
      local: flag(pkcs11js.CKA_LOCAL),
    },
    sign: (algorithm, content) => {
      const digest = createHash(digestOf(algorithm)).update(content).digest();
      const isEc = algorithm.startsWith("ec-");
      const mechanism = isEc ? pkcs11js.CKM_ECDSA : pkcs11js.CKM_RSA_PKCS;
      const input = isEc ? digest : Buffer.concat([SHA256_INFO, digest]);
      return asking(() => {
        library.C_SignInit(session, { mechanism }, object);
        return library.C_Sign(session, input, Buffer.alloc(MAX_SIGNATURE_BYTES));
      });
    },
  };
}

function asking<T>(ask: () => T): T {
  try {
    return ask();
  } catch (error) {
    throw error instanceof AgentError ? error : unusable(error);
  }
}

/** libtpm2_pkcs11 reports a TPM that it cannot reach as CKR_GENERAL_ERROR. */
function unusable(error: unknown): AgentError {
  return tpmAbsent(messageOf(error), error);
}

function isPinRejection(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith("CKR_PIN_");
}
