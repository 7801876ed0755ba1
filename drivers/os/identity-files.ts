import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  type Stats,
  writeSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import { AgentError, AS_SERVICE_USER, errnoOf, messageOf } from "../../agent/core/errors.ts";
import { syncFolder } from "../../agent/core/sync-folder.ts";
import type { IdentityFiles, StateReading } from "../../agent/ports/identity-files.ts";
import { replaceFile } from "./durable-file.ts";

const STATE_FILE = "identity.json";
const LAST_FILE = "identity.last.json";
/** A state is a few hundred bytes; a longer file is not one. */
const MAX_STATE_BYTES = 65_536;
const FILE_MODE = 0o600;
const GROUP_AND_OTHERS = 0o077;
const WRITABLE_BY_OTHERS = 0o022;
const STICKY = 0o1000;
const OTHER_OWNER = "belongs to user id";

/** Where the files are, and how a state is checked: `parse` throws for what is not one. */
export type IdentityFilesParts<State> = { readonly folder: string; readonly parse: (value: unknown) => State };

/** The identity folder on disk. It is made (0700) by the first write. */
export function openIdentityFiles<State>(parts: IdentityFilesParts<State>): IdentityFiles<State> {
  const { folder, parse } = parts;
  return {
    read: () => readState(folder, parse),
    write: (state) => writeState(folder, parse, state),
    writeCertificate: (name, pem) => {
      makeFolder(folder);
      const path = join(folder, name);
      replaceFile(path, pem, FILE_MODE);
      return path;
    },
    remove: (path) => {
      if (resolve(dirname(path)) !== resolve(folder)) return;
      rmSync(path, { force: true });
      syncFolder(folder);
    },
    destroy: destroyFile,
  };
}

/**
 * Checks the two files of a claim certificate before they are used: there, no link, and the key readable for this user (or root) alone.
 * Throws `identity.claim-missing` or `identity.claim-exposed`.
 */
export function checkClaim(claim: { readonly certificateFile: string; readonly keyFile: string }): void {
  checkClaimFile(claim.certificateFile, "certificate");
  checkClaimFile(claim.keyFile, "key");
}

/** The same for one of the two. */
export function checkClaimFile(path: string, kind: "certificate" | "key"): void {
  const problem = claimProblem(path, kind === "key" ? GROUP_AND_OTHERS : WRITABLE_BY_OTHERS);
  if (problem === undefined) return;
  const isMissing = problem === "does not exist";
  throw new AgentError(isMissing ? "identity.claim-missing" : "identity.claim-exposed", {
    what: `the claim file ${path} ${problem}`,
    remedy: isMissing
      ? "name the files of the claim certificate and its key with --claim-cert and --claim-key"
      : `give it to the user of the service alone: chown causeway: ${path} && chmod 600 ${path}; a claim key that others could read should be replaced`,
  });
}

function claimProblem(path: string, forbiddenMode: number): string | undefined {
  const found = claimFound(path);
  if (found === undefined) return "does not exist";
  if (found === "closed") return "is in a folder that this user may not look into";
  if (!found.isFile()) return "is not a regular file";
  if (found.uid !== ownUid() && found.uid !== 0) return `belongs to user id ${found.uid}`;
  return (found.mode & forbiddenMode) === 0
    ? undefined
    : `has mode ${(found.mode & 0o777).toString(8).padStart(4, "0")}`;
}

function claimFound(path: string): Stats | "closed" | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch (error) {
    if (errnoOf(error) === "EACCES") return "closed";
    if (errnoOf(error) === "ENOTDIR") return undefined;
    throw error;
  }
}

function readState<State>(folder: string, parse: (value: unknown) => State): StateReading<State> {
  if (!checkFolder(folder)) return { kind: "none" };
  const current = readOne(join(folder, STATE_FILE), parse);
  if (current.kind === "good") return { kind: "current", state: current.state };
  const last = readOne(join(folder, LAST_FILE), parse);
  if (last.kind === "good") return { kind: "last", state: last.state, problem: current.problem };
  if (current.isMissing && last.isMissing) return { kind: "none" };
  throw new AgentError("identity.state-damaged", {
    what: `the state of the device's identities cannot be used: ${current.problem}; ${last.problem}`,
    remedy: `look at the files in ${folder}; causeway provision --again makes a new identity when they cannot be restored`,
  });
}

type One<State> =
  | { readonly kind: "good"; readonly state: State }
  | { readonly kind: "bad"; readonly problem: string; readonly isMissing: boolean };

function readOne<State>(path: string, parse: (value: unknown) => State): One<State> {
  const text = readChecked(path);
  if (text === undefined) return { kind: "bad", problem: `${path} does not exist`, isMissing: true };
  try {
    return { kind: "good", state: parse(JSON.parse(text)) };
  } catch (error) {
    const problem = `${path} is damaged: ${messageOf(error).replace(/\s+/g, " ").slice(0, 200)}`;
    return { kind: "bad", problem, isMissing: false };
  }
}

/** Text of a file that only this user can have written; undefined when there is none. Checked on the open descriptor. */
function readChecked(path: string): string | undefined {
  const descriptor = openChecked(path, constants.O_RDONLY);
  if (descriptor === undefined) return undefined;
  try {
    return fstatSync(descriptor).size > MAX_STATE_BYTES ? "" : readFileSync(descriptor, "utf8");
  } finally {
    closeSync(descriptor);
  }
}

function openChecked(path: string, flags: number): number | undefined {
  let descriptor: number;
  try {
    // O_NONBLOCK: a pipe that somebody put there must not hang the agent.
    descriptor = openSync(path, flags | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    if (errnoOf(error) === "ELOOP") throw exposed(path, "is a symbolic link");
    if (errnoOf(error) === "EACCES") throw notPermitted(path, error);
    throw exposed(path, `cannot be opened: ${messageOf(error)}`, error);
  }
  const { mode, uid } = fstatSync(descriptor);
  const problem = (mode & constants.S_IFMT) === constants.S_IFREG ? accessProblem(mode, uid) : "is not a regular file";
  if (problem === undefined) return descriptor;
  closeSync(descriptor);
  throw exposed(path, problem);
}

/** Whether the folder is there. Throws when others can write to it, or to the one above it. */
function checkFolder(folder: string): boolean {
  const found = lookedAt(folder);
  if (found === undefined) return false;
  if (!found.isDirectory()) throw exposed(folder, "is not a folder");
  const problem = accessProblem(found.mode, found.uid);
  if (problem !== undefined) throw exposed(folder, problem);
  const parent = lstatSync(dirname(folder));
  const isOurs = parent.uid === ownUid() || parent.uid === 0;
  const isOpen = (parent.mode & WRITABLE_BY_OTHERS) !== 0 && (parent.mode & STICKY) === 0;
  if (!isOurs || isOpen) throw exposed(dirname(folder), "can be written by other users");
  return true;
}

function accessProblem(mode: number, uid: number): string | undefined {
  if (uid !== ownUid()) return `${OTHER_OWNER} ${uid}, not to ${ownUid()}`;
  if ((mode & GROUP_AND_OTHERS) !== 0) return `has mode ${(mode & 0o777).toString(8).padStart(4, "0")}`;
  return undefined;
}

function ownUid(): number {
  return process.geteuid?.() ?? 0;
}

function writeState<State>(folder: string, parse: (value: unknown) => State, state: State): void {
  makeFolder(folder);
  const current = readOne(join(folder, STATE_FILE), parse);
  // A damaged file must not take the place of the last good one.
  if (current.kind === "good") replaceFile(join(folder, LAST_FILE), JSON.stringify(current.state), FILE_MODE);
  replaceFile(join(folder, STATE_FILE), JSON.stringify(state), FILE_MODE);
}

function makeFolder(folder: string): void {
  if (checkFolder(folder)) return;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  syncFolder(dirname(folder));
  checkFolder(folder);
}

function destroyFile(path: string): void {
  let descriptor: number;
  try {
    descriptor = openSync(path, constants.O_WRONLY | constants.O_NOFOLLOW);
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return;
    throw exposed(path, `cannot be destroyed: ${messageOf(error)}`, error);
  }
  try {
    writeAll(descriptor, Buffer.alloc(fstatSync(descriptor).size));
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  rmSync(path);
  syncFolder(dirname(path));
}

function writeAll(descriptor: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(descriptor, bytes, at, bytes.length - at, at);
}

/** Undefined when it is not there. */
function lookedAt(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch (error) {
    if (errnoOf(error) === "EACCES") throw notPermitted(path, error);
    throw error;
  }
}

function notPermitted(path: string, cause: unknown): AgentError {
  const what = `this user may not look at ${path}, which is the service user's alone`;
  return new AgentError("identity.not-permitted", { what, remedy: AS_SERVICE_USER, cause });
}

function exposed(path: string, problem: string, cause?: unknown): AgentError {
  // For root everything of another user's looks wrong, and chown would take the identity from the service.
  if (ownUid() === 0 && problem.startsWith(OTHER_OWNER)) {
    return new AgentError("identity.not-permitted", { what: `${path} ${problem}`, remedy: AS_SERVICE_USER });
  }
  return new AgentError("identity.store-exposed", {
    what: `${path} ${problem}`,
    remedy:
      "where this is the user of the service: chown it to that user, chmod folders to 0700 and files to 0600, and find out who changed it",
    cause,
  });
}
