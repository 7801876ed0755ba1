import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { keyUnfit } from "../../../agent/core/key-faults.ts";
import type { KeyAlgorithm } from "../../../agent/ports/key-store.ts";
import { pinWrong, tpmAbsent } from "../faults.ts";
import type { SealedObject, StoredToken } from "../store/store.ts";
import type { TokenLocation } from "../worker/worker-protocol.ts";
import { parsePublicArea } from "./public-area.ts";
import { sealAuth } from "./seal.ts";
import { runTool, SEALED_INPUT, type ToolRun } from "./tools.ts";

/** Neither duplicable nor made outside, used with an authorisation value only, and without dictionary-attack protection. */
const KEPT = "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|noda";
/**
 * What a key is made for. An RSA key signs through RSA_Decrypt in libtpm2_pkcs11, since CKM_RSA_PKCS gives it a digest of any kind: it
 * needs "decrypt" too.
 */
const KEYS = {
  "ec-p256": { type: "ecc256", attributes: `${KEPT}|sign` },
  "ec-p384": { type: "ecc384", attributes: `${KEPT}|sign` },
  "rsa-2048": { type: "rsa2048", attributes: `${KEPT}|sign|decrypt` },
  "rsa-3072": { type: "rsa3072", attributes: `${KEPT}|sign|decrypt` },
} as const;
/** Data from outside, so without "sensitivedataorigin". */
const SEAL_ATTRIBUTES = "fixedtpm|fixedparent|userwithauth|noda";

/** Name of the file with the loaded parent in the work folder. */
const PARENT = "parent.tr";

/** Makes a key below the parent. `auth` is its authorisation value. */
export function createKey(
  place: TokenLocation,
  parent: Uint8Array,
  algorithm: KeyAlgorithm,
  auth: string,
): SealedObject {
  const { type, attributes } = KEYS[algorithm];
  return created(place, parent, ["-G", type, "-a", attributes], auth);
}

/** Seals `content` below the parent. */
export function sealContent(place: TokenLocation, parent: Uint8Array, content: string, auth: string): SealedObject {
  return created(place, parent, ["-i", SEALED_INPUT, "-a", SEAL_ATTRIBUTES], auth, content);
}

function created(
  { workFolder: folder }: TokenLocation,
  parent: Uint8Array,
  what: readonly string[],
  auth: string,
  sealed?: string,
): SealedObject {
  writeFileSync(join(folder, PARENT), parent);
  const args = ["-Q", "-C", PARENT, ...what, "-p", "file:-", "-u", "new.pub", "-r", "new.priv"];
  runTool({ command: "tpm2_create", args, folder, secret: auth, ...(sealed === undefined ? {} : { sealed }) });
  return { publicBlob: readFileSync(join(folder, "new.pub")), privateBlob: readFileSync(join(folder, "new.priv")) };
}

/**
 * The public area of a key as the TPM tells it, after the TPM itself has checked that it belongs to the private part. Throws
 * `identity.key-unfit` when the TPM does not take the key.
 */
export function readKey(place: TokenLocation, parent: Uint8Array, object: SealedObject & { readonly label: string }) {
  load(place, parent, object, (problem) => keyUnfit(object.label, `the TPM does not take it (${problem})`));
  const { workFolder: folder } = place;
  runTool({ command: "tpm2_readpublic", args: ["-Q", "-c", "object.ctx", "-f", "tss", "-o", "read.pub"], folder });
  return parsePublicArea(readFileSync(join(folder, "read.pub")));
}

/** The key under which the authorisations of a token's keys are stored. Throws `identity.pin-wrong`. */
export function unsealWrappingKey(place: TokenLocation, { parent, user }: StoredToken, pin: string): string {
  if (user === undefined) throw tpmAbsent(`the token "${place.tokenLabel}" has no user PIN yet`);
  return unsealContent(place, parent, user, { auth: sealAuth(pin, user.salt) });
}

/** How something is unsealed: its authorisation, and the fault of what the TPM does not take. */
type Unsealing = { readonly auth: string; readonly unfit?: ToolRun["unfit"] };

/** What was sealed below the parent. Throws `identity.pin-wrong`. */
export function unsealContent(
  place: TokenLocation,
  parent: Uint8Array,
  object: SealedObject,
  { auth, unfit }: Unsealing,
): string {
  load(place, parent, object, unfit);
  return runTool({
    command: "tpm2_unseal",
    args: ["-c", "object.ctx", "-p", "file:-"],
    folder: place.workFolder,
    secret: auth,
    refused: () => pinWrong(place.tokenLabel),
  });
}

function load(
  { workFolder: folder }: TokenLocation,
  parent: Uint8Array,
  { publicBlob, privateBlob }: SealedObject,
  unfit?: ToolRun["unfit"],
): void {
  writeFileSync(join(folder, PARENT), parent);
  writeFileSync(join(folder, "object.pub"), publicBlob);
  writeFileSync(join(folder, "object.priv"), privateBlob);
  const args = ["-Q", "-C", PARENT, "-u", "object.pub", "-r", "object.priv", "-c", "object.ctx"];
  runTool({ command: "tpm2_load", args, folder, ...(unfit === undefined ? {} : { unfit }) });
}
