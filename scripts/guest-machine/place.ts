import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const PREFIX = "causeway-guest-";

/** A new folder with a path short enough for Unix sockets. It carries this process's id, so that a later run can tell whether it is still needed. */
export function makePlace(): string {
  return mkdtempSync(join(tmpdir(), `${PREFIX}${process.pid}-`));
}

/**
 * Removes what interrupted runs left in `folder`: entries named by `prefix` and the id of a process that has ended. Gives how many belong
 * to one that has not.
 */
export function removeLeftovers(folder = tmpdir(), prefix = PREFIX): number {
  const names = existsSync(folder) ? readdirSync(folder).filter((entry) => entry.startsWith(prefix)) : [];
  const left = names.filter((name) => !existsSync(`/proc/${name.slice(prefix.length).split("-")[0]}`));
  for (const name of left) rmSync(join(folder, name), { recursive: true, force: true });
  return names.length - left.length;
}
