import { readFileSync } from "node:fs";
import { join } from "node:path";
import { authRefused, tpmAbsent } from "../faults.ts";
import type { TokenLocation } from "../worker/worker-protocol.ts";
import { runTool } from "./tools.ts";

/** Persistent handles of the owner's storage keys (TCG "Registry of Reserved TPM 2.0 Handles"); 0x81000001 is the library's habit. */
const FIRST_HANDLE = 0x8100_0001;
const LAST_HANDLE = 0x8100_00ff;
/**
 * A storage parent with an empty authorisation that is exempt from dictionary-attack protection. The library binds its sessions to the
 * primary: one that is protected makes every use of the token count, whatever the other objects are.
 */
const PRIMARY = [
  "-C",
  "o",
  "-G",
  "ecc256",
  "-a",
  "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|restricted|decrypt|noda",
];

/**
 * A persistent primary for the token, as a serialised ESYS_TR. The same TPM always makes the same one, so that one that is there already is
 * used again. Throws `identity.tpm-auth-refused` when the owner hierarchy has an authorisation and `ownerAuth` is not it.
 */
export function persistentPrimary(place: TokenLocation, ownerAuth: string | undefined): Uint8Array {
  const { workFolder: folder } = place;
  const owner = ownerAuth === undefined ? { args: [] } : { args: ["-P", "file:-"], secret: ownerAuth };
  const refused = () => authRefused("owner", ownerAuth !== undefined);
  const run = { folder, secret: owner.secret, refused };
  runTool({ ...run, command: "tpm2_createprimary", args: ["-Q", ...PRIMARY, ...owner.args, "-c", "primary.ctx"] });
  const name = nameOf(folder, "primary.ctx");
  const used = persistentHandles(folder);
  const existing = used.find(
    (handle) => handle >= FIRST_HANDLE && handle <= LAST_HANDLE && nameOf(folder, hex(handle)) === name,
  );
  const handle = existing ?? freeHandle(used);
  if (existing === undefined) {
    const args = ["-Q", "-C", "o", ...owner.args, "-c", "primary.ctx", hex(handle)];
    runTool({ ...run, command: "tpm2_evictcontrol", args });
  }
  runTool({ command: "tpm2_readpublic", args: ["-Q", "-c", hex(handle), "-t", "primary.tr"], folder });
  return readFileSync(join(folder, "primary.tr"));
}

/** TPMA_OBJECT words can be read from what this gives (TPM2B_PUBLIC). A serialised ESYS_TR begins with the handle. */
export function readPrimary({ workFolder: folder }: TokenLocation, parent: Uint8Array): Uint8Array {
  const handle = Buffer.from(parent).readUInt32BE(0);
  runTool({ command: "tpm2_readpublic", args: ["-Q", "-c", hex(handle), "-f", "tss", "-o", "primary.pub"], folder });
  return readFileSync(join(folder, "primary.pub"));
}

function nameOf(folder: string, object: string): string {
  runTool({ command: "tpm2_readpublic", args: ["-Q", "-c", object, "-n", "object.name"], folder });
  return readFileSync(join(folder, "object.name"), "hex");
}

/** Output: one "- 0x81000001" a line. */
function persistentHandles(folder: string): readonly number[] {
  const output = runTool({ command: "tpm2_getcap", args: ["handles-persistent"], folder });
  return [...output.matchAll(/0x([0-9a-f]+)/gi)].map(([, digits = ""]) => Number.parseInt(digits, 16));
}

function freeHandle(used: readonly number[]): number {
  for (let handle = FIRST_HANDLE; handle <= LAST_HANDLE; handle += 1) {
    if (!used.includes(handle)) return handle;
  }
  throw tpmAbsent(`no persistent handle is free from ${hex(FIRST_HANDLE)} to ${hex(LAST_HANDLE)}`);
}

function hex(handle: number): string {
  return `0x${handle.toString(16)}`;
}
