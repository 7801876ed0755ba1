import pico from "picocolors";
import { describe, expect, it } from "vitest";
import { statusPage } from "../../../../agent/cli/status-page.ts";
import { AgentError } from "../../../../agent/core/errors.ts";
import { emptyState } from "../../../../agent/diagnostics/tester/tester-counts.ts";
import { type Status, statusSchema } from "../../../../agent/local-api/status-schema.ts";
import { noCounts } from "../../../../agent/signals/transport/partial-messages.ts";
import { diagnosticsChecks } from "../../../../agent/support/diagnostics-checks.ts";
import { problemsOf } from "../../../../agent/support/status-problems.ts";
import { runCli } from "../../../fakes/daemon/cli-runner.ts";
import { offlineStatus, statusWith } from "../../../fakes/daemon/status.ts";
import { configFile, serveView } from "../../../fakes/daemon/view-socket.ts";
import { fullStatus } from "../../../fakes/metrics/full-status.ts";

const WALL_US = 1_767_225_600_000_000;
const PLAIN = pico.createColors(false);

function page(status: Status, before?: Status): string {
  const reading = before === undefined ? undefined : { status: before, atMs: 0 };
  return statusPage({ status, atMs: 2000 }, reading, WALL_US, PLAIN);
}

describe("causeway status", () => {
  it("prints what the daemon says and ends with 0 when all is well", async () => {
    const config = await serveView({ status: () => statusWith() });
    const { stdout, stderr, exitCode } = await runCli(["status", "--config", config]);
    expect(stdout).toBe(`truck-0001  causeway 0.1.0, pid 4711, up 2 h 1 min, 71.0 MB
clock      ntp
signals    167 in 30 messages, table 00112233445566ff
link       online for 12 min 3 s, 2 connects, mqtt.example.com:8883
key        pkcs11 token causeway, key device
identity   CN=truck-0001, slot a, 18 days left, until 2026-01-19T00:00:00.000Z
           renewal waiting, from 2026-01-09T00:00:00.000Z
bus can0   up, 0 dropped
           1 234 567 received, 1 200 000 decoded, 34 567 in no DBC file
collected  40 000 000 samples in 28 000 records, 61.0 MB
delivered  27 988 records, 60.9 MB, 2 in flight, 0 refused, 3 sent again
           in 24 hours: event 4.2 kB, telemetry 12.3 MB
buffer     12 records, 48.0 kB of 256 MB (0.0 %), epoch 141343033650562
  stream     waiting  bytes    last seq  dead  lost  oldest
  control    0        0 B      0         0     0     -
  event      0        0 B      0         0     0     -
  telemetry  12       48.0 kB  28 000    0     0     5 s
  capture    0        0 B      0         0     0     -
`);
    expect(stderr).toBe("");
    expect(exitCode).toBe(0);
  });

  it("says how many messages were not handed over, where there are any", () => {
    const { link } = statusWith();
    const inbound = { taken: 1000, discarded: 3, failed: 2, setAside: 1, waiting: 0 };
    const lines = page(statusWith({ link: { ...link, inbound } })).split("\n");
    expect(lines).toContain("messages   1 000 taken, 3 discarded, 2 failed, 1 set aside");
    expect(page(statusWith())).not.toContain("discarded");
  });

  it("prints the daemon's object as it is with --json, fields of a newer one included", async () => {
    const config = await serveView({ status: () => ({ ...statusWith(), more: 1 }) });
    const { stdout } = await runCli(["status", "--json", "--config", config]);
    const printed: unknown = JSON.parse(stdout);
    expect(printed).toEqual({ ...statusWith(), more: 1 });
  });

  it("names each reason with its remedy on stderr and ends with 3 when degraded", async () => {
    const config = await serveView({ status: offlineStatus });
    const { stderr, exitCode } = await runCli(["status", "--json", "--quiet", "--config", config]);
    expect(stderr).toBe(`causeway: link connecting, offline for 12 min 3 s: mqtt.example.com:8883: no answer
  remedy: check the modem
causeway: bus can0 is down: interface can0 is down
  remedy: causeway bus list shows the interfaces; bring it up with causeway bus up
`);
    expect(exitCode).toBe(3);
  });

  it.each([40, 80])(
    "keeps words and figures whole on a terminal of %i columns, problems and remedies too",
    async (columns) => {
      const config = await serveView({ status: offlineStatus });
      const { stdout, stderr } = await runCli(["status", "--no-color", "--config", config], { columns });
      const rows = `${stdout}${stderr}`.split("\n");
      expect(rows.filter((row) => row.length > columns)).toEqual([]);
      const { stdout: whole } = await runCli(["status", "--config", config]);
      const wordsOf = (text: string): ReadonlySet<string> => new Set(text.match(/[\w.]+/g));
      expect([...wordsOf(whole)].filter((word) => word !== "stream" && !wordsOf(stdout).has(word))).toEqual([]);
      expect(stderr.replaceAll(/\n +/g, " ")).toContain("remedy: causeway bus list shows the interfaces; bring it up");
    },
  );

  it("says that the agent is not running, and how to start it", async () => {
    const { config } = configFile();
    const fault: unknown = await runCli(["status", "--config", config]).catch((thrown: unknown) => thrown);
    if (!(fault instanceof AgentError)) throw fault;
    expect(fault.code).toBe("agent.not-running");
    expect(fault.remedy).toContain("systemctl start causeway");
  });

  it("says when the last record was acknowledged, while it is not online", () => {
    expect(page(offlineStatus())).toContain("\n           the last record was acknowledged 1 s ago\n");
    expect(page(statusWith())).not.toContain("acknowledged");
  });

  it("refuses an answer that it does not understand", async () => {
    const config = await serveView({ status: () => ({ schemaVersion: 2 }) });
    await expect(runCli(["status", "--config", config])).rejects.toMatchObject({ code: "input.malformed" });
  });

  it("looks again until interrupted with --watch", async () => {
    const interrupt = new AbortController();
    const config = await serveView({
      status: () => {
        setImmediate(() => interrupt.abort());
        return statusWith();
      },
    });
    const { exitCode } = await runCli(["status", "--watch", "--config", config], { signal: interrupt.signal });
    expect(exitCode).toBe(0);
  });
});

describe("statusPage", () => {
  it.each([40, 80])("fits %i columns with every section on, and keeps each word", (columns) => {
    const { status } = fullStatus();
    const reading = { status, atMs: 0 };
    const rows = statusPage(reading, undefined, WALL_US, PLAIN, columns).split("\n");
    expect(rows.filter((row) => row.length > columns)).toEqual([]);
    const whole = statusPage(reading, undefined, WALL_US, PLAIN);
    expect(whole.split("\n").some((line) => line.length > 80)).toBe(true);
    const shown = rows.flatMap((row) => row.split(" ").map((word) => word.replace(/[:,]$/, "")));
    // A word that is wider than a row behind its indent has to be cut.
    const words = whole.split(/[ \n]/).filter((word) => word !== "stream" && word.length <= columns - 14);
    expect(words.filter((word) => !shown.includes(word.replace(/[:,]$/, "")))).toEqual([]);
  });

  it("stays within 80 columns with large figures", () => {
    const { buses, outbox } = statusWith();
    const busy = statusWith({
      buses: buses.map((bus) => ({ ...bus, received: 9_876_543_210, decoded: 9_876_543_210, dropped: 12_345 })),
      outbox: { ...outbox, records: 65_432, bytes: 255_999_999, epoch: 281_474_976_710_655 },
    });
    const lines = page(busy, statusWith()).split("\n");
    expect(lines.filter((line) => line.length > 80)).toEqual([]);
  });

  it("gives frame rates once it has an earlier reading of the same process", () => {
    const { buses } = statusWith();
    const later = statusWith({ buses: buses.map((bus) => ({ ...bus, received: bus.received + 4000 })) });
    expect(page(later)).not.toContain("frames/s");
    expect(page(later, statusWith())).toContain("up, 2 000 frames/s, ");
    expect(page(later, statusWith({ pid: 1 }))).not.toContain("frames/s");
  });

  it("shows the job and the update with how far it is, and why one failed", () => {
    const versions = { versionFrom: "1.4.0", versionTo: "1.5.0" };
    const job = { jobId: "job-1", operation: "ota" };
    const fetching = page(statusWith({ job, update: { ...versions, step: "download", isOver: false, percent: 40 } }));
    expect(fetching).toContain("job        job-1 (ota)\nupdate     1.4.0 to 1.5.0: download 40 %\n");
    const failure = { reason: "unhealthy", detail: "no acknowledgement" } as const;
    const over = page(statusWith({ update: { ...versions, step: "failed", isOver: true, percent: 100, failure } }));
    expect(over).toContain("update     1.4.0 to 1.5.0: failed, unhealthy: no acknowledgement\n");
  });

  it("shows the continuous log, what it dropped and why it does not write", () => {
    const frameLog = {
      state: "failed",
      problem: "ENOSPC: no space left on device",
      session: 12,
      file: "00012-0003.log",
      files: 7,
      bytes: 81_000_000,
      maxBytes: 1_000_000_000,
      removed: 2,
      written: 123_456,
      dropped: 42,
    } as const;
    const lines = page(statusWith({ frameLog })).split("\n");
    const at = lines.findIndex((line) => line.startsWith("frame log"));
    expect(lines.slice(at, at + 3)).toEqual([
      "frame log  failed 00012-0003.log, 123 456 frames",
      "           7 files, 81.0 MB of 1.0 GB, 42 dropped",
      "           ENOSPC: no space left on device",
    ]);
    expect(problemsOf(statusWith({ frameLog }))).toEqual([
      expect.objectContaining({ what: "the continuous log is not written: ENOSPC: no space left on device" }),
    ]);
    expect(page(statusWith())).not.toContain("frame log");
  });

  it("counts campaigns by state, and shows what of the history is held", () => {
    const states = { running: 3, waiting: 1, spent: 0, paused: 0, ended: 0, refused: 2, elsewhere: 1, triggers: 1234 };
    const history = { usedBytes: 5_760_000, bytes: 16_777_216, seconds: 29.96, overwrittenEarly: 7 };
    const lines = page(statusWith({ campaigns: { ...states, history } })).split("\n");
    const at = lines.findIndex((line) => line.startsWith("campaigns"));
    expect(lines.slice(at, at + 2)).toEqual([
      "campaigns  3 running, 1 waiting, 1 for other vehicles, 2 refused, triggers: 1 234",
      "           history 30.0 s, 5.8 MB of 16.8 MB, shorter than asked for",
    ]);
    expect(page(statusWith({ campaigns: states }))).not.toContain("history");
    expect(page(statusWith())).not.toContain("campaigns");
  });

  it("says when a driver cannot count its losses", () => {
    const buses = statusWith().buses.map(({ dropped: _dropped, ...bus }) => bus);
    expect(page(statusWith({ buses }))).toContain("drops unknown");
  });

  it("lets no text from outside steer the terminal", () => {
    const { link } = statusWith();
    const text = page(statusWith({ link: { ...link, key: "a\u001b[2Jb\nc" } }));
    expect(text).toContain("a?[2Jb?c");
  });
});

describe("problemsOf", () => {
  it("takes error-passive for degraded wiring, not for a bus that is down", () => {
    const { buses } = statusWith();
    expect(problemsOf(statusWith({ buses: buses.map((bus) => ({ ...bus, state: "error-passive" })) }))).toEqual([]);
    expect(problemsOf(statusWith({ buses: buses.map((bus) => ({ ...bus, state: "bus-off" })) }))).toHaveLength(1);
  });
});

describe("what a bus brings", () => {
  const [up] = statusWith().buses;
  const silent = { ...up, received: 0, decoded: 0, unknown: 0, quietMs: undefined };

  it.each([
    ["a silent bus", silent, "bus can0 is up and silent: no frame for 2 h 1 min"],
    ["a wrong bit rate", { ...silent, errorFrames: 812 }, "bus can0 brings error frames alone, 812 so far"],
    ["a wrong DBC file", { ...silent, filtered: 3360 }, "none of its 3 360 frames is in its DBC files"],
    [
      "a wrong DBC file where all is received",
      { ...silent, received: 3360, unknown: 3360, quietMs: 5 },
      "none of its 3 360",
    ],
    ["a bus that fell silent", { ...up, quietMs: 600_000 }, "bus can0 has brought nothing for 10 min"],
    [
      "an interface that is down",
      { ...silent, state: "down", detail: "interface can0 is down" },
      "bus can0 is down: interface",
    ],
  ] as const)("tells %s apart, and ends with 3", async (_name, bus, what) => {
    const config = await serveView({ status: () => statusWith({ buses: [bus] }) });
    const { stderr, exitCode } = await runCli(["status", "--config", config]);
    expect(stderr).toContain(what);
    expect(exitCode).toBe(3);
  });

  it("says what became of messages that come in several frames", async () => {
    const counts = { ...noCounts(), assembled: 1200, timedOut: 3, malformed: 1 };
    const bus = { ...up, decoded: 0, unknown: 5, multiPacket: { frames: 6000, ...counts } };
    const config = await serveView({ status: () => statusWith({ buses: [bus] }) });
    const { stdout, exitCode } = await runCli(["status", "--config", config]);
    expect(stdout).toContain("\n           1 200 messages of several frames, 3 timed out, 1 malformed frames\n");
    expect(exitCode).toBe(0);
  });

  it.each([
    ["whose frames are held back", { ...silent, filtered: 3360, narrowed: true }],
    ["whose frames come for somebody else", { ...silent, received: 3360, unwanted: 3360, quietMs: 5 }],
    ["that was heard long ago", { ...up, quietMs: 600_000, filtered: 3360, narrowed: true }],
  ] as const)("has no problem with a bus %s, as nobody wants them", async (_name, bus) => {
    const config = await serveView({ status: () => statusWith({ buses: [bus] }) });
    const { stdout, exitCode } = await runCli(["status", "--config", config]);
    expect(stdout).toContain("3 360 that nobody wants");
    expect(exitCode).toBe(0);
  });

  it("has no problem with a bus on which nothing but answers of control units is seen", () => {
    const buses = [{ ...silent, received: 58, unknown: 58, quietMs: 5 }];
    const tester = emptyState("can0");
    const askedWith = (answers: number) => {
      const diagnostics = { buses: [{ ...tester, counts: { ...tester.counts, requests: 20, answers } }] };
      return problemsOf(statusWith({ buses, diagnostics }));
    };
    expect(askedWith(20)).toEqual([]);
    expect(askedWith(0).map(({ what }) => what)).toEqual(["bus can0: none of its 58 frames is in its DBC files"]);
  });

  it("gives a bus that has just come up its time", () => {
    expect(problemsOf(statusWith({ uptimeMs: 59_000, buses: [silent] }))).toEqual([]);
  });
});

describe("the trouble codes of a status", () => {
  const counts = { active: 2, events: 5, forgotten: 0, refused: 0, delayed: 0 };
  const shown = (codes: typeof counts): string => page(statusWith({ diagnostics: { buses: [], codes } }));

  it("are counted, and what there was no room or no time for is said", () => {
    expect(shown(counts)).toMatch(/^codes {6}2 active, 5 events$/m);
    expect(shown({ ...counts, refused: 3, delayed: 1200 })).toMatch(
      /^codes {6}2 active, 5 events, 3 times no room for one, 1 200 readings told late$/m,
    );
    expect(page(statusWith())).not.toMatch(/^codes/m);
  });
});

describe("statusSchema", () => {
  it("takes what went through JSON", () => {
    const parsed: unknown = JSON.parse(JSON.stringify(offlineStatus()));
    expect(statusSchema.parse(parsed)).toEqual(offlineStatus());
  });
});

describe("buses of J1939", () => {
  const quiet = { messages: 0, malformed: 0, assembled: 0, incomplete: 0, contests: 0, lost: 0, failedTransfers: 0 };
  const polls = { answered: 0, unanswered: 0, refused: 0, withheld: 0 };
  const bus = { ...quiet, bus: "can0", nodes: 4, ignoredRequests: 0, readiness: [], polls };
  const lines = (j1939: NonNullable<Status["diagnostics"]>["j1939"]): readonly string[] =>
    page(statusWith({ diagnostics: { buses: [], j1939 } }))
      .split("\n")
      .filter((line) => line.includes("nodes"));

  it("have a line each: the address of the agent, and what was heard", () => {
    expect(
      lines([
        { ...bus, state: "claimed", address: 249, messages: 12_345 },
        { ...bus, bus: "can1", state: "off" },
        { ...bus, bus: "can2", state: "none" },
        { ...bus, bus: "can3", state: "cannot-claim" },
      ]),
    ).toEqual([
      "J1939      can0 address 249, 4 nodes, 12 345 diagnostic messages",
      "           can1 listens only, 4 nodes, 0 diagnostic messages",
      "           can2 no address yet, 4 nodes, 0 diagnostic messages",
      "           can3 another node has the address: nothing is asked, 4 nodes, 0 diagnostic messages",
    ]);
  });

  it("warn in the checks when another node has the address", () => {
    const status = statusWith({ diagnostics: { buses: [], j1939: [{ ...bus, state: "cannot-claim" }] } });
    expect(diagnosticsChecks(status)).toMatchObject([
      { what: "bus can0: another node of J1939 has the address of this agent: nothing is asked there" },
    ]);
    expect(diagnosticsChecks(statusWith())).toEqual([]);
  });
});
