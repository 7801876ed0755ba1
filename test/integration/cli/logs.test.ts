import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../../fakes/core/folder.ts";
import { entriesOf, INTO_JOURNAL, missingJournald } from "../../fakes/os/journald.ts";

const MISSING = missingJournald();
const module = (path: string): string => JSON.stringify(import.meta.resolve(`../../../${path}`));

const WRITER = `
import { openLog } from ${module("agent/daemon/open-log.ts")};
const log = openLog("debug", process.env);
log.info("agent.started", { version: "1.0.0" });
log.error("bus.failed", { code: "bus.unavailable", what: "a\\u001bb\\nc" });
log.warn("outbox.evicted", { detail: "€".repeat(3000) });
log.debug("frame.seen");
`;

/** Reads by the driver; the journal finds the unit of nobody here, since the service manager of this machine is another one. */
const READER = `
import { readJournal } from ${module("drivers/os/journal-reader.ts")};
const query = { matches: ["--identifier=causeway"], follow: false };
const read = async (change, onEntry = () => undefined, signal = new AbortController().signal) => {
  const entries = readJournal({ ...query, ...change }, signal);
  const messages = [];
  try {
    for (;;) {
      const next = await entries.next();
      if (next.done) return { messages, end: next.value };
      const { message, priority, identifier, atMs } = next.value;
      messages.push({ event: /"event":"([^"]+)"/.exec(message)?.[1], length: message.length, priority, identifier, atMs });
      onEntry(messages.length);
    }
  } catch (thrown) {
    return { code: thrown.code, what: thrown.message };
  }
};
`;

/** What a program that ends with \`print(...)\` prints, started as \`start\` says after the entries of \`WRITER\` are in the journal. */
function printed(body: string, { before = "", as = "" } = {}): unknown {
  const folder = temporaryFolder();
  chmodSync(folder, 0o777);
  const [writer, reader, output] = ["writer.mjs", "reader.mjs", "output"].map((name) => join(folder, name));
  writeFileSync(writer, WRITER);
  writeFileSync(reader, `${READER}\nconst print = (value) => console.log(JSON.stringify(value));\n${body}\n`);
  const node = process.execPath;
  entriesOf(`${INTO_JOURNAL} ${node} ${writer}\njournalctl --sync\n${before}\n${as} ${node} ${reader} > ${output}`);
  return JSON.parse(readFileSync(output, "utf8"));
}

describe.skipIf(MISSING !== undefined)(`the journal as causeway logs reads it ${MISSING ?? ""}`, () => {
  it("has what was logged, whole, by time, priority, code, number", () => {
    const found = printed(`
      const events = async (change) => (await read(change)).messages.map(({ event }) => event);
      const all = await read({});
      print({
        all,
        urgent: await events({ priority: 4 }),
        code: await events({ matches: ["--identifier=causeway", "CAUSEWAY_CODE=bus.unavailable"] }),
        newest: await events({ lines: 2 }),
        since: await events({ sinceMs: all.messages[0].atMs - 1000 }),
        later: await events({ sinceMs: Date.now() + 60_000 }),
        unfit: await read({ matches: ["--identifier=causeway", "no match"] }),
      });
    `);
    const message = (event: string, priority: number) => ({ event, priority, identifier: "causeway" });
    const events = ["agent.started", "bus.failed", "outbox.evicted", "frame.seen"];
    expect(found).toMatchObject({
      all: {
        messages: [
          message("agent.started", 6),
          message("bus.failed", 3),
          message("outbox.evicted", 4),
          message("frame.seen", 7),
        ],
        end: { kind: "read", unread: 0 },
      },
      urgent: ["bus.failed", "outbox.evicted"],
      code: ["bus.failed"],
      newest: ["outbox.evicted", "frame.seen"],
      since: events,
      later: [],
      unfit: { code: "log.unavailable", what: "journalctl: Failed to add match 'no match': Invalid argument" },
    });
  });

  it("is followed until the reader has enough", () => {
    const found = printed(
      `
      import { execFileSync } from "node:child_process";
      const enough = new AbortController();
      const patience = setTimeout(() => enough.abort(), 10_000);
      const seen = await read({ follow: true, lines: 1 }, (count) => {
        if (count === 1) execFileSync("logger", ["--tag", "causeway", "--priority", "user.warning", "later"]);
        else enough.abort();
      }, enough.signal);
      clearTimeout(patience);
      print(seen);
    `,
      {
        before:
          "ln -s /run/systemd/journal/dev-log /run/dev-log && touch /dev/log 2>/dev/null || :; mount --bind /run/systemd/journal/dev-log /dev/log",
      },
    );
    expect(found).toMatchObject({ messages: [{ event: "frame.seen" }, { priority: 4 }], end: { kind: "read" } });
  });

  it("is told apart: one that this user may not read, and none", () => {
    const may = printed("print(await Promise.all([read({}), read({ follow: true })]));", {
      before: "chmod 0750 /run/log/journal /run/log/journal/*; chmod 0640 /run/log/journal/*/*",
      as: "setpriv --reuid=65534 --regid=65534 --clear-groups",
    });
    const denied = { code: "log.not-permitted", what: "the journal: permission denied" };
    expect(may).toEqual([denied, denied]);
    const none = printed("print(await read({}));", { before: "rm -r /run/log/journal/*" });
    expect(none).toEqual({ messages: [], end: { kind: "absent" } });
  });
});
