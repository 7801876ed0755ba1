import type { Check } from "../local-api/support-schema.ts";
import { passed, warned } from "./check.ts";

/**
 * Whether somebody serves the local ports that tunnels lead to; a check a port that nobody does, nothing without services. `isServed`
 * asks a port of 127.0.0.1.
 */
export async function tunnelPortChecks(
  services: Readonly<Record<string, number>>,
  isServed: (port: number) => Promise<boolean>,
): Promise<readonly Check[]> {
  const check = "services";
  const asked = Object.entries(services).map(async ([name, port]) => ({ name, port, served: await isServed(port) }));
  const found = await Promise.all(asked);
  if (found.length === 0) return [];
  const silent = found.filter(({ served }) => !served);
  if (silent.length === 0) {
    return [passed(check, `tunnels lead to ${found.map(({ name, port }) => `${name} (port ${port})`).join(", ")}`)];
  }
  return silent.map(({ name, port }) => {
    const remedy = "start it, let it listen on 127.0.0.1 too, or mend tunnels.services; see: ss -tln";
    return warned(check, `nobody serves 127.0.0.1:${port}, to which tunnels for ${name} lead`, remedy);
  });
}

/** What there is of the journal for this user: "absent" where there is none; `isKept`: it outlives a reboot. */
export type JournalSight = { readonly access: "open" | "closed" | "absent"; readonly isKept: boolean };

/** Where the log of the agent is, and whether it outlives a reboot. */
export function logCheck({ access, isKept }: JournalSight): Check {
  const check = "logs";
  if (access === "absent") {
    return passed(check, "there is no journal: the running agent keeps its newest lines (causeway logs --recent)");
  }
  if (!isKept) {
    const remedy = "mkdir /var/log/journal, then journalctl --flush; or leave it so to spare the flash";
    return warned(check, "the journal is in memory: what was logged is gone after a reboot", remedy);
  }
  const right = access === "open" ? "" : "; not for this user (groups systemd-journal, adm)";
  return passed(check, `the journal is kept over reboots${right}`);
}
