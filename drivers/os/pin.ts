import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { join } from "node:path";
import { AgentError, errnoOf, messageOf } from "../../agent/core/errors.ts";

/** Name of the systemd credential that holds the PIN (LoadCredentialEncrypted=, systemd.exec(5)). */
export const PIN_CREDENTIAL = "causeway-pin";
/** Longer than any PIN a token takes; more than this in the file is not a PIN. */
const MAX_PIN_BYTES = 256;
const GROUP_AND_OTHERS = 0o077;
const OTHERS = 0o007;
const REMEDY = `write the user PIN into a file of mode 0600 that the service user owns and name it in identity.pinFile, or give the service the systemd credential ${PIN_CREDENTIAL}`;

/** Where the PIN may come from; `pinFile` goes first. `credentialsDirectory` is $CREDENTIALS_DIRECTORY. */
export type PinSource = {
  readonly pinFile: string | undefined;
  readonly credentialsDirectory: string | undefined;
};

/**
 * The user PIN of the PKCS#11 token, without its line end. No message ever holds it.
 *
 * A `pinFile` must be a regular file (no link) of mode 0600 or less that this process's user owns; a credential may belong to root
 * and be readable through a group or an ACL, as systemd makes it, but not by others. Both are checked on the open descriptor, so
 * that nobody can exchange the file in between. Throws `identity.pin-missing` or `identity.pin-exposed`.
 */
export function readPin(source: PinSource): string {
  if (source.pinFile !== undefined) return readChecked(source.pinFile, GROUP_AND_OTHERS, [ownUid()]);
  if (source.credentialsDirectory !== undefined) {
    return readChecked(join(source.credentialsDirectory, PIN_CREDENTIAL), OTHERS, [ownUid(), 0]);
  }
  throw new AgentError("identity.pin-missing", {
    what: `no PIN for the token: identity.pinFile is not set and there is no credential ${PIN_CREDENTIAL}`,
    remedy: REMEDY,
  });
}

function ownUid(): number {
  return process.geteuid?.() ?? 0;
}

function readChecked(path: string, forbiddenMode: number, owners: readonly number[]): string {
  const descriptor = open(path);
  try {
    const { mode, uid } = check(path, descriptor);
    const permissions = mode & 0o777;
    if ((permissions & forbiddenMode) !== 0) {
      throw exposed(
        path,
        `has mode ${octal(permissions)}`,
        `chmod 600 ${path}, then change the PIN: others may have read it`,
      );
    }
    if (!owners.includes(uid)) {
      throw exposed(
        path,
        `belongs to user id ${uid}, not to ${owners[0]}`,
        `chown the file to the user that runs causeway`,
      );
    }
    return contentOf(path, descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function open(path: string): number {
  try {
    // O_NONBLOCK: opening a pipe that somebody put there must not hang the agent.
    return openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === "ELOOP") throw exposed(path, "is a symbolic link", "put the file itself in that place");
    if (errno === "EACCES" || errno === "EPERM") {
      throw exposed(path, "cannot be read by this user", "chown the file to the user that runs causeway");
    }
    const what = errno === "ENOENT" ? `PIN file ${path} does not exist` : `PIN file ${path}: ${messageOf(error)}`;
    throw new AgentError("identity.pin-missing", { what, remedy: REMEDY, cause: error });
  }
}

function check(path: string, descriptor: number): { readonly mode: number; readonly uid: number } {
  const stats = fstatSync(descriptor);
  if (!stats.isFile()) throw exposed(path, "is not a regular file", REMEDY);
  return stats;
}

function contentOf(path: string, descriptor: number): string {
  const bytes = Buffer.alloc(MAX_PIN_BYTES + 1);
  const length = readSync(descriptor, bytes);
  const pin = bytes.toString("utf8", 0, length).replace(/\r?\n$/, "");
  bytes.fill(0);
  if (pin !== "" && length <= MAX_PIN_BYTES && !/[\n\0]/.test(pin)) return pin;
  throw new AgentError("identity.pin-missing", {
    what: `PIN file ${path} does not hold one line of 1 to ${MAX_PIN_BYTES} bytes`,
    remedy: REMEDY,
  });
}

function exposed(path: string, problem: string, remedy: string): AgentError {
  return new AgentError("identity.pin-exposed", { what: `PIN file ${path} ${problem}`, remedy });
}

function octal(mode: number): string {
  return mode.toString(8).padStart(4, "0");
}
