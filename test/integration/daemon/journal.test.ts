import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { logEventId } from "../../../agent/core/log-event-id.ts";
import { temporaryFolder } from "../../fakes/core/folder.ts";
import { entriesOf, INTO_JOURNAL, type JournalEntry, missingJournald } from "../../fakes/os/journald.ts";

const MISSING = missingJournald();
const OPEN_LOG = JSON.stringify(import.meta.resolve("../../../agent/daemon/open-log.ts"));

/** What the journal has of a process whose stdout it is; `before` is what the shell does first. */
function journalOf(body: string, before = ""): readonly JournalEntry[] {
  const file = join(temporaryFolder(), "program.mjs");
  writeFileSync(file, `import { openLog } from ${OPEN_LOG};\nconst log = openLog("debug", process.env);\n${body}\n`);
  return entriesOf(`${before}\n${INTO_JOURNAL} ${process.execPath} ${file}`);
}

/** The fields that a log gives, without those that journald adds. */
function ownOf(entry: JournalEntry): JournalEntry {
  return Object.fromEntries(Object.entries(entry).filter(([name]) => !name.startsWith("_")));
}

describe.skipIf(MISSING !== undefined)(`a log into a real journal ${MISSING ?? ""}`, () => {
  it("has each fact as a field, whatever is in it, and the line as ever", () => {
    const [plain, hostile, ...rest] = journalOf(`
      log.error("broker.refused", { code: "broker.unreachable", retryMs: 5000, isFirst: true, nothing: undefined });
      log.debug("frame.seen", { what: "a\\nMESSAGE_ID=00\\n\\n=é\\u0000", "odd name.Ü2": "x=y", event_: 1 });
    `);
    expect(rest).toEqual([]);
    const { MESSAGE, ...fields } = ownOf(plain ?? {});
    expect(fields).toEqual({
      PRIORITY: "3",
      SYSLOG_IDENTIFIER: "causeway",
      MESSAGE_ID: logEventId("broker.refused"),
      CAUSEWAY_EVENT: "broker.refused",
      CAUSEWAY_CODE: "broker.unreachable",
      CAUSEWAY_RETRY_MS: "5000",
      CAUSEWAY_IS_FIRST: "true",
    });
    expect(JSON.parse(String(MESSAGE))).toMatchObject({ level: "error", event: "broker.refused", retryMs: 5000 });
    expect(plain?._TRANSPORT).toBe("journal");
    const what = "a\nMESSAGE_ID=00\n\n=é\0";
    expect(hostile).toMatchObject({ PRIORITY: "7", MESSAGE_ID: logEventId("frame.seen"), CAUSEWAY_ODD_NAME_2: "x=y" });
    // What holds characters that no terminal shows is printed as its bytes.
    expect(hostile?.CAUSEWAY_WHAT).toEqual([...Buffer.from(what)]);
  });

  it("takes the longest line that there is, cut", () => {
    const [entry] = journalOf(`
      const long = Object.fromEntries(Array.from({ length: 40 }, (_, at) => ["fact" + at, "€".repeat(30_000)]));
      log.warn("outbox.evicted", long);
    `);
    expect(entry).toMatchObject({ CAUSEWAY_EVENT: "outbox.evicted", CAUSEWAY_CUT: "41" });
    expect(entry?.CAUSEWAY_FACT0).toBe("€".repeat(1333));
  });

  it("loses no line where the socket is gone: they come as lines, with their priority, and that is told once", () => {
    const entries = journalOf(
      `log.warn("outbox.evicted", { records: 7 }); log.error("bus.failed", { bus: "can0" });`,
      "rm /run/systemd/journal/socket",
    );
    const told = entries.map(({ _TRANSPORT, PRIORITY, MESSAGE }) => {
      return [_TRANSPORT, PRIORITY, /"event":"([^"]+)"/.exec(String(MESSAGE))?.[1]];
    });
    expect(told).toEqual([
      ["stdout", "4", "outbox.evicted"],
      ["stdout", "4", "log.journal-refused"],
      ["stdout", "3", "bus.failed"],
    ]);
  });

  it("is not spoken to by a program whose output goes elsewhere, though it has the variable", () => {
    const file = join(temporaryFolder(), "out");
    const program = join(temporaryFolder(), "program.mjs");
    writeFileSync(
      program,
      `import { openLog } from ${OPEN_LOG};\nopenLog("info", process.env).info("agent.started");\n`,
    );
    const script = `${INTO_JOURNAL} sh -c '${process.execPath} ${program} > ${file}'\ngrep -q '^{.*agent.started' ${file}`;
    expect(entriesOf(script)).toEqual([]);
  });

  it("has the code of the fault that ends the daemon", () => {
    const main = fileURLToPath(import.meta.resolve("../../../agent/main.ts"));
    const end = `${INTO_JOURNAL} ${process.execPath} ${main} run --strict --config /nonexistent.yaml || :`;
    const [told, ...rest] = entriesOf(end);
    expect(told).toMatchObject({ PRIORITY: "3", CAUSEWAY_EVENT: "agent.failed", CAUSEWAY_CODE: "config.missing" });
    expect(told?.CAUSEWAY_REMEDY).not.toBe("");
    expect(rest.map(({ _TRANSPORT }) => _TRANSPORT)).toEqual(["stdout", "stdout"]);
  });

  it("says by its catalogue what happened and what to do about it", () => {
    const output = join(temporaryFolder(), "output");
    const program = join(temporaryFolder(), "program.mjs");
    const fault = { bus: "can0", code: "bus.unavailable", what: "can0: no such interface", remedy: "bring it up" };
    const call = `openLog("info", process.env).error("bus.failed", ${JSON.stringify(fault)});`;
    writeFileSync(program, `import { openLog } from ${OPEN_LOG};\n${call}\n`);
    entriesOf(`
      mount -t tmpfs tmpfs /usr/lib/systemd/catalog
      mount -t tmpfs tmpfs /var/lib/systemd/catalog
      cp ${fileURLToPath(import.meta.resolve("../../../systemd/causeway.catalog"))} /usr/lib/systemd/catalog
      journalctl --update-catalog
      journalctl --list-catalog >&2
      ${INTO_JOURNAL} ${process.execPath} ${program}
      journalctl --sync
      journalctl --no-pager --catalog SYSLOG_IDENTIFIER=causeway > ${output}
    `);
    const text = readFileSync(output, "utf8");
    expect(text).toContain("Subject: The bus can0 cannot be read (bus.unavailable)");
    expect(text).toContain("Event: bus.failed");
    expect(text).toMatch(/What to do:\n\S+ bring it up\n\S+ causeway bus list/);
    expect(text).not.toMatch(/@|CAUSEWAY_/);
  });
});
