import { randomBytes } from "node:crypto";
import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readSync,
  rmSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { AgentError, AS_SERVICE_USER, errnoOf, type FaultCode } from "../../agent/core/errors.ts";
import { fileTrouble } from "../../agent/core/file-trouble.ts";

/** Name of the systemd credential that holds the PIN (LoadCredentialEncrypted=, systemd.exec(5)). */
export const PIN_CREDENTIAL = "causeway-pin";
/** Longer than any PIN a token takes; more than this in the file is not a PIN. */
const MAX_PIN_BYTES = 256;
/** Of a PIN that is made here; twice as many hexadecimal digits. */
const PIN_BYTES = 16;
const GROUP_AND_OTHERS = 0o077;
const OTHERS = 0o007;

/** How it is told that a secret is not there or not fit, may be read by others, or not by us. */
type SecretFaults = { readonly missing: FaultCode; readonly exposed: FaultCode; readonly denied: FaultCode };

/** What is read, for messages: "PIN file", and what to do when it cannot be. */
type Kind = { readonly thing: string; readonly remedy: string; readonly faults: SecretFaults };

const PIN_FAULTS: SecretFaults = {
  missing: "identity.pin-missing",
  exposed: "identity.pin-exposed",
  denied: "identity.not-permitted",
};

const PIN: Kind = {
  thing: "PIN file",
  faults: PIN_FAULTS,
  remedy: `where there is no token yet, causeway key create makes it and the file that identity.pinFile names; else write the token's user PIN into that file, mode 0600, the service user's own, or give the service the systemd credential ${PIN_CREDENTIAL}: a verb that root runs gets that one from systemd by itself`,
};

/** Where the PIN may come from; `pinFile` goes first. `credentialsDirectory` is $CREDENTIALS_DIRECTORY. */
export type PinSource = {
  readonly pinFile: string | undefined;
  readonly credentialsDirectory: string | undefined;
};

/** Where a secret may come from that not every device has; `file` goes first. `thing` names it in messages: "owner authorisation file". `faults`: those of the PIN when absent. */
export type SecretSource = {
  readonly thing: string;
  readonly file: string | undefined;
  readonly credential: string;
  readonly credentialsDirectory: string | undefined;
  readonly faults?: SecretFaults;
};

/**
 * The user PIN of the PKCS#11 token, without its line end. No message ever holds it.
 *
 * A `pinFile` must be a regular file (no link) of mode 0600 or less that this process's user owns; a credential may belong to root
 * and be readable through a group or an ACL, as systemd makes it, but not by others. Both are checked on the open descriptor, so
 * that nobody can exchange the file in between. Throws `identity.pin-missing` or `identity.pin-exposed`.
 */
export function readPin({ pinFile, credentialsDirectory }: PinSource): string {
  if (pinFile !== undefined) return readChecked(pinFile, GROUP_AND_OTHERS, [ownUid()], PIN);
  if (credentialsDirectory !== undefined) {
    return readChecked(join(credentialsDirectory, PIN_CREDENTIAL), OTHERS, [ownUid(), 0], PIN);
  }
  throw new AgentError("identity.pin-missing", {
    what: `no PIN for the token: identity.pinFile is not set and there is no credential ${PIN_CREDENTIAL}`,
    remedy: PIN.remedy,
  });
}

/** Another secret, under the same rules. Undefined when no file is named and there is no such credential. */
export function readSecret(source: SecretSource): string | undefined {
  const { thing, file, credential, credentialsDirectory, faults = PIN_FAULTS } = source;
  const kind = {
    thing,
    faults,
    remedy: `write it into a file of mode 0600, or give it as the systemd credential ${credential}`,
  };
  if (file !== undefined) return readChecked(file, GROUP_AND_OTHERS, [ownUid()], kind);
  if (credentialsDirectory === undefined) return undefined;
  const path = join(credentialsDirectory, credential);
  return existsSync(path) ? readChecked(path, OTHERS, [ownUid(), 0], kind) : undefined;
}

/**
 * Writes a new random PIN into a file that does not exist yet, mode 0600; "present" when there is one, which is left alone. The file appears as
 * a whole, in a folder that is made (0700) where it is missing. 128 random bits: nothing in the token counts wrong guesses. Throws
 * `identity.pin-missing` when it cannot be written.
 */
export function makePinFile(path: string): "made" | "present" {
  if (existsSync(path)) return "present";
  try {
    writePinFile(path);
  } catch (error) {
    throw new AgentError("identity.pin-missing", {
      what: `the PIN file ${path} cannot be written: ${fileTrouble(error)}`,
      remedy: existsSync(dirname(path))
        ? "name a file in identity.pinFile that the service user may make, such as pin in the folder identity of stateDir"
        : `make its folder for the service user: install -d -m 0700 -o causeway -g causeway ${dirname(path)}`,
      cause: error,
    });
  }
  return "made";
}

function writePinFile(path: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const next = join(dirname(path), `.${basename(path)}.next`);
  rmSync(next, { force: true });
  const descriptor = openSync(next, "wx", 0o600);
  try {
    writeSync(descriptor, `${randomBytes(PIN_BYTES).toString("hex")}\n`);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  // Unlike rename(2), link(2) never takes the place of a file that somebody else made meanwhile.
  linkSync(next, path);
  unlinkSync(next);
}

function ownUid(): number {
  return process.geteuid?.() ?? 0;
}

function readChecked(path: string, forbiddenMode: number, owners: readonly number[], kind: Kind): string {
  const descriptor = open(path, kind);
  try {
    const { mode, uid } = check(path, descriptor, kind);
    const permissions = mode & 0o777;
    if ((permissions & forbiddenMode) !== 0) {
      throw exposed(
        kind,
        path,
        `has mode ${octal(permissions)}`,
        `chmod 600 ${path}, then change what is in it: others may have read it`,
      );
    }
    if (!owners.includes(uid)) {
      const remedy = ownUid() === 0 ? AS_SERVICE_USER : "chown the file to the user that runs causeway";
      throw exposed(kind, path, `belongs to user id ${uid}, not to ${owners[0]}`, remedy);
    }
    return contentOf(path, descriptor, kind);
  } finally {
    closeSync(descriptor);
  }
}

function open(path: string, kind: Kind): number {
  try {
    // O_NONBLOCK: opening a pipe that somebody put there must not hang the agent.
    return openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === "ELOOP") throw exposed(kind, path, "is a symbolic link", "put the file itself in that place");
    if (errno === "EACCES" || errno === "EPERM") {
      throw new AgentError(kind.faults.denied, {
        what: `${kind.thing} ${path} cannot be read by this user`,
        remedy: AS_SERVICE_USER,
        cause: error,
      });
    }
    const what =
      errno === "ENOENT" ? `${kind.thing} ${path} does not exist` : `${kind.thing} ${path}: ${fileTrouble(error)}`;
    throw new AgentError(kind.faults.missing, { what, remedy: kind.remedy, cause: error });
  }
}

function check(path: string, descriptor: number, kind: Kind): { readonly mode: number; readonly uid: number } {
  const stats = fstatSync(descriptor);
  if (!stats.isFile()) throw exposed(kind, path, "is not a regular file", kind.remedy);
  return stats;
}

function contentOf(path: string, descriptor: number, kind: Kind): string {
  const bytes = Buffer.alloc(MAX_PIN_BYTES + 1);
  const length = readSync(descriptor, bytes);
  const pin = bytes.toString("utf8", 0, length).replace(/\r?\n$/, "");
  bytes.fill(0);
  if (pin !== "" && length <= MAX_PIN_BYTES && !/[\n\0]/.test(pin)) return pin;
  throw new AgentError(kind.faults.missing, {
    what: `${kind.thing} ${path} does not hold one line of 1 to ${MAX_PIN_BYTES} bytes`,
    remedy: kind.remedy,
  });
}

function exposed({ thing, faults }: Kind, path: string, problem: string, remedy: string): AgentError {
  return new AgentError(faults.exposed, { what: `${thing} ${path} ${problem}`, remedy });
}

function octal(mode: number): string {
  return mode.toString(8).padStart(4, "0");
}
