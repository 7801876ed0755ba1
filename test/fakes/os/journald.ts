import { execFileSync, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { z } from "zod";

const JOURNALD = "/lib/systemd/systemd-journald";

/** An entry as journalctl prints it: a field given more than once is a list, one that is no text a list of bytes. */
export type JournalEntry = Readonly<Record<string, unknown>>;

const entry = z.record(z.string(), z.unknown());

/** What a journal of its own lacks here; undefined where it runs. */
export function missingJournald(): string | undefined {
  if (!existsSync(JOURNALD)) return "no systemd-journald";
  const { status } = spawnSync("unshare", ["--mount", "mount", "-t", "tmpfs", "tmpfs", "/run"]);
  return status === 0 ? undefined : "no right to mount";
}

/** What a program of a script is called that does not name itself. */
const IDENTIFIER = "program";

/** Before a command line: its output is the journal, as systemd starts a service (systemd-cat of version 252 does not set the variable). */
export const INTO_JOURNAL = `systemd-cat --identifier=${IDENTIFIER} sh -c 'JOURNAL_STREAM=$(stat -L -c %d:%i /dev/fd/2) exec "$@"' sh`;

/** Mounts of its own, a journal in memory, the script, and then what the journal has, by journalctl. */
const AROUND = `
set -eu
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /var/log
mkdir -p /run/systemd/journal /run/log/journal
systemd-id128 new > /run/machine-id
[ ! -e /etc/machine-id ] || mount --bind /run/machine-id /etc/machine-id
${JOURNALD} >/dev/null 2>&1 &
journald=$!
trap 'kill $journald' EXIT
tries=0
until [ -S /run/systemd/journal/stdout ] && [ -S /run/systemd/journal/socket ]; do
  tries=$((tries + 1)); [ $tries -lt 200 ]; sleep 0.02
done
sh -eu -c "$1" >&2
journalctl --sync
journalctl --no-pager --output=json SYSLOG_IDENTIFIER=causeway SYSLOG_IDENTIFIER=${IDENTIFIER}
`;

/**
 * Runs a script beside a real systemd-journald that nobody else uses; gives the entries of causeway, and those of
 * `INTO_JOURNAL`, oldest first. Throws when the script fails.
 */
export function entriesOf(script: string): readonly JournalEntry[] {
  const text = execFileSync("unshare", ["--mount", "sh", "-c", AROUND, "sh", script], {
    encoding: "utf8",
    maxBuffer: 64_000_000,
    timeout: 60_000,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const lines = text.split("\n").filter((line) => line !== "");
  return lines.map((line) => entry.parse(JSON.parse(line)));
}
