import { type ChildProcess, spawn } from "node:child_process";
import { access, constants, readdir } from "node:fs/promises";
import { join } from "node:path";
import { StringDecoder } from "node:string_decoder";
import { z } from "zod";
import { AgentError, errnoOf } from "../../agent/core/errors.ts";

/** As systemd's own tools are found; texts in English, since they are told apart. */
const ENVIRONMENT = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", LANG: "C.UTF-8" };
/** Of an entry, characters: eight times what a datagram of the journal holds; a longer one is passed over and counted. */
const MAX_LINE = 1_048_576;
/** What is kept of its remarks, characters. */
const MAX_REMARKS = 4096;
/** Where journals are, a folder for each machine (systemd-journald.service(8)): of this boot, and kept. */
const ROOTS = ["/run/log/journal", "/var/log/journal"];
/** The entries of services, beside journals of users. */
const SYSTEM_JOURNAL = "system.journal";

/** What is read of the journal. */
export type JournalQuery = {
  /** What finds the entries, as options or FIELD=VALUE: all of them must hold (journalctl(1)). */
  readonly matches: readonly string[];
  /** Not older, ms since the Unix epoch. */
  readonly sinceMs?: number | undefined;
  /** Priority of syslog(3), and those that are more urgent. */
  readonly priority?: number | undefined;
  /** The newest so many; all when absent. */
  readonly lines?: number | undefined;
  /** Goes on with what comes, until the signal aborts. */
  readonly follow: boolean;
};

/** One entry of the journal; what a field holds that is no UTF-8 is replaced. */
export type JournalRecord = {
  /** ms since the Unix epoch, when the journal received it. */
  readonly atMs: number;
  readonly priority: number;
  readonly message: string;
  readonly cursor: string;
  /** Name of the program that wrote it. */
  readonly identifier: string;
};

/** "absent": there is no journalctl here or no journal, as on a system without systemd. */
export type JournalEnd = { readonly kind: "read"; readonly unread: number } | { readonly kind: "absent" };

/** A value as journalctl prints it: text, bytes where it is none, a list of both where the field came more than once. */
const value = z.union([z.string(), z.array(z.int()), z.array(z.union([z.string(), z.array(z.int())])), z.null()]);
const entrySchema = z.object({
  __REALTIME_TIMESTAMP: z.string().regex(/^\d{1,19}$/),
  __CURSOR: z.string().max(1000),
  PRIORITY: z
    .string()
    .regex(/^[0-7]$/)
    .catch("6"),
  MESSAGE: value.catch(null),
  SYSLOG_IDENTIFIER: value.catch(null),
});

/**
 * Reads the journal by journalctl: a process, its arguments fixed, no shell. Gives the entries oldest first, then how it ended. Throws
 * `log.not-permitted` where this user may not read it, and `log.unavailable` for all that journalctl ends with besides.
 */
export async function* readJournal(
  query: JournalQuery,
  signal: AbortSignal,
): AsyncGenerator<JournalRecord, JournalEnd> {
  const { access: state } = await sightOfJournal();
  if (state === "absent") return { kind: "absent" };
  if (state === "closed") throw notPermitted();
  const child = spawn("journalctl", argumentsOf(query), {
    cwd: "/",
    env: ENVIRONMENT,
    shell: false,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const end = (): void => void child.kill("SIGTERM");
  signal.addEventListener("abort", end, { once: true });
  if (signal.aborted) end();
  const ended = endOf(child);
  const remarks = remarksOf(child);
  let unread = 0;
  try {
    for await (const line of linesOf(child.stdout)) {
      const record = line === undefined ? undefined : recordOf(line);
      if (record === undefined) unread += 1;
      else yield record;
    }
    return judge(await ended, remarks(), unread, signal);
  } finally {
    signal.removeEventListener("abort", end);
    end();
  }
}

function argumentsOf({ matches, sinceMs, priority, lines, follow }: JournalQuery): readonly string[] {
  const when = sinceMs === undefined ? [] : [`--since=@${(sinceMs / 1000).toFixed(3)}`];
  const urgency = priority === undefined ? [] : [`--priority=0..${priority}`];
  const count = [`--lines=${lines ?? "all"}`];
  return [
    "--no-pager",
    "--output=json",
    "--all",
    ...count,
    ...when,
    ...urgency,
    ...(follow ? ["--follow"] : []),
    ...matches,
  ];
}

type ChildEnd = { readonly code: number } | { readonly problem: string };

function endOf(child: ChildProcess): Promise<ChildEnd> {
  return new Promise((resolve) => {
    child.once("error", (error) => resolve({ problem: errnoOf(error) ?? "not run" }));
    child.once("close", (code) => resolve({ code: code ?? 0 }));
  });
}

function remarksOf(child: ChildProcess): () => string {
  let text = "";
  child.stderr?.setEncoding("utf8").on("data", (chunk: string) => {
    text = (text + chunk).slice(0, MAX_REMARKS);
  });
  return () => text;
}

function judge(end: ChildEnd, remarks: string, unread: number, signal: AbortSignal): JournalEnd {
  if ("problem" in end) {
    if (end.problem === "ENOENT") return { kind: "absent" };
    throw unavailable(end.problem);
  }
  if (end.code !== 0 && !signal.aborted) throw unavailable(remarks.trim().split("\n", 1)[0] || `exit code ${end.code}`);
  return { kind: "read", unread };
}

type JournalSight = { readonly access: "open" | "closed" | "absent"; readonly isKept: boolean };

/**
 * Whether there is a journal, whether this user may read it, and whether it outlives a reboot. journalctl itself says nothing of that where
 * it prints JSON, and shows a user who may read only his own entries none.
 */
export async function sightOfJournal(): Promise<JournalSight> {
  const [ofBoot = [], kept = []] = await Promise.all(ROOTS.map(journalsIn));
  const all = [...ofBoot, ...kept];
  const best = all.includes("open") ? "open" : "closed";
  return { access: all.length === 0 ? "absent" : best, isKept: kept.length > 0 };
}

/** Of each machine that has one there. */
async function journalsIn(root: string): Promise<readonly ("open" | "closed")[]> {
  const machines = await readdir(root).catch(errnoOf);
  if (!Array.isArray(machines)) return machines === "EACCES" ? ["closed"] : [];
  const looks = machines.map((machine) =>
    access(join(root, machine, SYSTEM_JOURNAL), constants.R_OK).then(() => undefined, errnoOf),
  );
  return (await Promise.all(looks)).flatMap((problem) => {
    if (problem === undefined) return ["open"];
    return problem === "EACCES" ? ["closed"] : [];
  });
}

function notPermitted(): AgentError {
  return new AgentError("log.not-permitted", {
    what: "the journal: permission denied",
    remedy:
      "become a member of the group systemd-journal or adm (usermod --append --groups systemd-journal USER, then log in anew), or ask the running agent: causeway logs --recent",
  });
}

function unavailable(what: string): AgentError {
  return new AgentError("log.unavailable", {
    what: `journalctl: ${what}`,
    remedy: "try journalctl --unit causeway, or ask the running agent: causeway logs --recent",
  });
}

/** Lines without their newline; undefined for one that is longer than the bound. */
async function* linesOf(stream: NodeJS.ReadableStream): AsyncGenerator<string | undefined> {
  const decoder = new StringDecoder("utf8");
  let rest = "";
  let isLong = false;
  for await (const chunk of stream) {
    const pieces = (rest + (typeof chunk === "string" ? chunk : decoder.write(chunk))).split("\n");
    rest = pieces.pop() ?? "";
    for (const line of pieces) {
      yield isLong || line.length > MAX_LINE ? undefined : line;
      isLong = false;
    }
    if (rest.length > MAX_LINE) {
      isLong = true;
      rest = "";
    }
  }
}

function recordOf(line: string): JournalRecord | undefined {
  const parsed = entrySchema.safeParse(jsonOf(line));
  if (!parsed.success) return undefined;
  const { __REALTIME_TIMESTAMP: atUs, __CURSOR: cursor, PRIORITY, MESSAGE, SYSLOG_IDENTIFIER } = parsed.data;
  return {
    atMs: Math.floor(Number(atUs) / 1000),
    priority: Number(PRIORITY),
    message: textOf(MESSAGE),
    cursor,
    identifier: textOf(SYSLOG_IDENTIFIER),
  };
}

function jsonOf(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    // A line of something else than entries: counted by the caller.
    return undefined;
  }
}

/** The first where there are several. */
function textOf(given: z.infer<typeof value>): string {
  if (given === null) return "";
  if (typeof given === "string") return given;
  const [first = ""] = given;
  if (typeof first === "string") return first;
  return Buffer.from(typeof first === "number" ? numbersOf(given) : first).toString("utf8");
}

function numbersOf(given: readonly unknown[]): readonly number[] {
  return given.filter((one) => typeof one === "number");
}
