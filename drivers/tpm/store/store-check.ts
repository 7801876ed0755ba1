import { closeSync, constants, fstatSync, openSync, readdirSync, type Stats } from "node:fs";
import { join } from "node:path";
import { AgentError, AS_SERVICE_USER, errnoOf } from "../../../agent/core/errors.ts";
import { fileTrouble } from "../../../agent/core/file-trouble.ts";

/** The library's database in the store. */
export const STORE_FILE = "tpm2_pkcs11.sqlite3";

const GROUP_AND_OTHERS = 0o077;
const WRITABLE_BY_OTHERS = 0o022;
const STICKY = 0o1000;
/** O_NONBLOCK: a pipe that somebody put there must not hang the agent. */
const SAFELY = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
/** O_PATH (open(2), asm-generic): a folder that may only be passed through can be looked at, too. */
const PASSING = 0o10_000_000 | constants.O_NOFOLLOW | constants.O_DIRECTORY;

/**
 * Refuses a token store that others could read or exchange: the folder must be of mode 0700 or less, all in it regular files of mode
 * 0600 or less, both of this process's user; every folder above it root's or the user's own, and writable for nobody else unless
 * sticky; no link anywhere. Everything is checked on descriptors, opened one below the other.
 *
 * Throws `identity.store-exposed` with path, mode and remedy, and `identity.token-missing` when there is no store.
 */
export function checkStore(storeDir: string): void {
  const names = storeDir.split("/").filter((name) => name !== "" && name !== ".");
  let path = "/";
  let folder = openSync("/", PASSING);
  try {
    for (const name of names) {
      checkAbove(path, fstatSync(folder));
      path = join(path, name);
      const next = openBelow(folder, name, path, storeDir);
      closeSync(folder);
      folder = next;
    }
    checkFolder(path, fstatSync(folder));
    for (const name of readdirSync(below(folder))) checkFile(folder, name, join(path, name), storeDir);
  } finally {
    closeSync(folder);
  }
}

/** Whether there is a database in the store at all. */
export function hasStore(storeDir: string): boolean {
  try {
    closeSync(openSync(join(storeDir, STORE_FILE), SAFELY));
    return true;
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return false;
    throw unreadable(join(storeDir, STORE_FILE), error);
  }
}

/** Node has no openat(2); the kernel's link to the open descriptor does the same (proc(5)). */
function below(folder: number, name = ""): string {
  return `/proc/self/fd/${folder}/${name}`;
}

function openBelow(folder: number, name: string, path: string, storeDir: string): number {
  try {
    return openSync(below(folder, name), PASSING);
  } catch (error) {
    const errno = errnoOf(error);
    // O_DIRECTORY with O_NOFOLLOW says ENOTDIR for a link too.
    if (errno === "ENOTDIR" || errno === "ELOOP") {
      throw exposed(`${path} is a link or no folder`, "name the real path of the folder in identity.storeDir");
    }
    if (errno === "ENOENT") throw storeMissing(storeDir);
    throw unreadable(path, error);
  }
}

function checkAbove(path: string, stats: Stats): void {
  if (stats.uid !== 0 && stats.uid !== ownUid()) {
    throw exposed(
      `${path} belongs to user id ${stats.uid}, who could exchange the token store below it`,
      `chown root ${path}`,
    );
  }
  if ((stats.mode & WRITABLE_BY_OTHERS) !== 0 && (stats.mode & STICKY) === 0) {
    throw exposed(
      `${path} has mode ${octal(stats)}: others could exchange the token store below it`,
      `chmod go-w ${path}`,
    );
  }
}

function checkFolder(path: string, stats: Stats): void {
  requireOwner(path, stats);
  if ((stats.mode & GROUP_AND_OTHERS) === 0) return;
  throw exposed(`the token store ${path} has mode ${octal(stats)}`, `chmod 700 ${path}`);
}

function checkFile(folder: number, name: string, path: string, storeDir: string): void {
  let file: number;
  try {
    file = openSync(below(folder, name), SAFELY);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === "ELOOP") throw exposed(`${path} is a symbolic link`, `put the file itself into ${storeDir}`);
    // SQLite's journal goes when its transaction ends.
    if (errno === "ENOENT") return;
    throw unreadable(path, error);
  }
  try {
    const stats = fstatSync(file);
    if (!stats.isFile())
      throw exposed(`${path} is not a regular file`, `remove it: only the library's database belongs into ${storeDir}`);
    requireOwner(path, stats);
    if ((stats.mode & GROUP_AND_OTHERS) !== 0) {
      throw exposed(
        `${path} has mode ${octal(stats)}`,
        `chmod 600 ${path}, and change the PIN if others may have copied it`,
      );
    }
  } finally {
    closeSync(file);
  }
}

function requireOwner(path: string, { uid }: Stats): void {
  const own = ownUid();
  if (uid === own) return;
  throw exposed(`${path} belongs to user id ${uid}, not to ${own}`, AS_SERVICE_USER);
}

function unreadable(path: string, cause: unknown): AgentError {
  const code = errnoOf(cause) === "EACCES" ? "identity.not-permitted" : "identity.store-exposed";
  return new AgentError(code, {
    what: `${path} cannot be checked: ${fileTrouble(cause)}`,
    remedy: AS_SERVICE_USER,
    cause,
  });
}

function storeMissing(storeDir: string): AgentError {
  return new AgentError("identity.token-missing", {
    what: `the token store ${storeDir} does not exist`,
    remedy: "set identity.storeDir to the folder of tpm2_pkcs11.sqlite3, or make the token: causeway key create",
  });
}

function exposed(what: string, remedy: string): AgentError {
  return new AgentError("identity.store-exposed", { what, remedy });
}

function ownUid(): number {
  return process.geteuid?.() ?? 0;
}

function octal({ mode }: Stats): string {
  return (mode & 0o7777).toString(8).padStart(4, "0");
}
