import { execFileSync } from "node:child_process";
import { statSync } from "node:fs";
import { AgentError, AS_SERVICE_USER, messageOf } from "../../agent/core/errors.ts";

/**
 * The user whose state it is, as whom the service runs: who owns the first of these folders, the outer first, that is not root's. What lies
 * in a folder of that user is not looked at: it may be a link that leads anywhere. 0 where all are root's, undefined where none is there.
 */
export function ownerOf(folders: readonly string[]): number | undefined {
  let owner: number | undefined;
  for (const folder of folders) {
    owner = statSync(folder, { throwIfNoEntry: false })?.uid ?? owner;
    if (owner !== undefined && owner !== 0) break;
  }
  return owner;
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
