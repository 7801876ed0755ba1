import { execFileSync } from "node:child_process";
import { statSync } from "node:fs";
import { AgentError, AS_SERVICE_USER, messageOf } from "../../agent/core/errors.ts";

/** The user who owns the first of these folders that there is: whose state it is, the service runs as. Undefined where none is there. */
export function ownerOf(folders: readonly string[]): number | undefined {
  for (const folder of folders) {
    const found = statSync(folder, { throwIfNoEntry: false });
    if (found !== undefined) return found.uid;
  }
  return undefined;
}

/**
 * Makes this process, which root has started, one of this user with the groups of that user, for good: neither it nor what it starts comes
 * back from there. Throws `identity.not-permitted` where there is no such user.
 */
export function becomeUser(uid: number): void {
  if (process.geteuid?.() === uid) return;
  try {
    const listed = execFileSync("id", ["--groups", String(uid)], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    });
    const groups = listed.trim().split(" ").map(Number);
    const [primary] = groups;
    if (primary === undefined || !groups.every(Number.isInteger)) throw new Error("id names no group");
    process.setgroups?.(groups);
    process.setgid?.(primary);
    process.setuid?.(uid);
  } catch (error) {
    throw new AgentError("identity.not-permitted", {
      what: `the state belongs to user id ${uid}, and this process cannot become that user: ${messageOf(error).split("\n", 1)[0]}`,
      remedy: AS_SERVICE_USER,
      cause: error,
    });
  }
}
