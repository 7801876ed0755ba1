import { CommanderError } from "commander";
import { describe, expect, it } from "vitest";
import { bufferHandlers } from "../../../../agent/local-api/buffer-handlers.ts";
import { bufferFlush } from "../../../../agent/local-api/buffer-schema.ts";
import { statusVerb } from "../../../../agent/local-api/status-schema.ts";
import { servedOn } from "../../../../agent/local-api/verb.ts";
import { draftOf } from "../../../contract/outbox-subject.ts";
import { ManualClock } from "../../../fakes/core/clock.ts";
import { MemoryLog } from "../../../fakes/core/log.ts";
import { runCli } from "../../../fakes/daemon/cli-runner.ts";
import { offlineStatus, statusWith } from "../../../fakes/daemon/status.ts";
import { serveView } from "../../../fakes/daemon/view-socket.ts";
import { FakeOutbox } from "../../../fakes/ports/outbox.ts";

/** A daemon with three records; the oldest was refused for good. Its clock is ahead of nothing: ages are 0. */
async function daemon(records = true): Promise<string> {
  const clock = new ManualClock();
  const outbox = new FakeOutbox({ clock, maxBytes: 1_000_000, epoch: 77 });
  if (records) {
    outbox.append([draftOf("event", 1500), draftOf("telemetry", 20, { encoding: "zstd" }), draftOf("event", 30)]);
    outbox.lose([1], "rejected", "0x97");
  }
  const buffer = bufferHandlers({
    outbox,
    clock,
    log: new MemoryLog(),
    retryNow: () => undefined,
    forgetDelivered: () => undefined,
  });
  return await serveView(servedOn("view", [statusVerb.answeredBy(() => statusWith()), ...buffer]));
}

describe("causeway buffer stats", () => {
  it("prints each stream", async () => {
    const { stdout, exitCode } = await runCli(["buffer", "stats", "--config", await daemon()]);
    expect(stdout).toBe(`buffer     2 records, 1.6 kB of 1.0 MB (0.2 %), epoch 77
  stream     waiting  bytes   last seq  dead  lost  oldest
  control    0        0 B     0         0     0     -
  event      1        1.5 kB  2         1     1     0 ms
  telemetry  1        20 B    1         0     0     0 ms
  capture    0        0 B     0         0     0     -
`);
    expect(exitCode).toBe(0);
  });

  it("prints one object with --json", async () => {
    const { stdout } = await runCli(["buffer", "stats", "--json", "--config", await daemon()]);
    const stats: unknown = JSON.parse(stdout);
    expect(stats).toMatchObject({ schemaVersion: 1, epoch: 77, records: 2, streams: { event: { dead: 1 } } });
  });
});

describe("causeway buffer list", () => {
  it("prints a table, oldest first", async () => {
    const { stdout } = await runCli(["buffer", "list", "--config", await daemon()]);
    expect(stdout).toBe(`row  stream     seq  bytes   encoding  age   state
1    event      1    1.5 kB  identity  0 ms  dead
2    telemetry  1    20 B    zstd      0 ms  waiting
3    event      2    30 B    identity  0 ms  waiting
`);
  });

  it("takes one stream and a limit, and says that there may be more", async () => {
    const args = ["buffer", "list", "--stream", "event", "--limit", "1", "--config", await daemon()];
    const { stdout, stderr } = await runCli(args);
    expect(stdout.trimEnd().split("\n")).toHaveLength(2);
    expect(stderr).toBe("the first 1; --limit shows more\n");
  });

  it("prints one object a record with --json", async () => {
    const { stdout } = await runCli(["buffer", "list", "--json", "--stream", "telemetry", "--config", await daemon()]);
    const record: unknown = JSON.parse(stdout);
    expect(record).toEqual({
      schemaVersion: 1,
      row: 2,
      epoch: 77,
      stream: "telemetry",
      seq: 1,
      bytes: 20,
      encoding: "zstd",
      storedAtUs: new ManualClock().wallUs(),
      dead: false,
    });
  });

  it("prints nothing but a remark when nothing is stored", async () => {
    const { stdout, stderr } = await runCli(["buffer", "list", "--config", await daemon(false)]);
    expect([stdout, stderr]).toEqual(["", "nothing is stored\n"]);
  });

  it.each([
    ["--stream", "logs"],
    ["--limit", "0"],
    ["--limit", "many"],
  ])("refuses %s %s", async (option, value) => {
    await expect(runCli(["buffer", "list", option, value])).rejects.toBeInstanceOf(CommanderError);
  });
});

describe("causeway buffer flush", () => {
  it("says what keeps the records that are left, with its remedy, and ends with 75", async () => {
    const topic = {
      stream: "telemetry",
      topic: "a/telemetry",
      reasonCode: 0x87,
      reason: "0x87 not authorized",
    } as const;
    const delivery = { ...statusWith().delivery, refusedTopics: [{ ...topic, count: 3 }] };
    const verbs = [
      statusVerb.answeredBy(() => statusWith({ delivery })),
      bufferFlush.answeredBy(() => ({ schemaVersion: 1, waiting: 1 })),
    ];
    const config = await serveView(servedOn("admin", verbs), "admin");
    const { stdout, stderr, exitCode } = await runCli(["buffer", "flush", "--config", config]);
    expect([stdout, exitCode]).toEqual(["1 record is still waiting\n", 75]);
    expect(stderr).toContain(
      "causeway: the broker refuses telemetry records: 0x87 not authorized, 3 times on a/telemetry",
    );
    expect(stderr).toContain(
      "remedy: allow this client to publish to a/telemetry (AWS IoT: iot:Publish in its policy)",
    );
  });

  it("names the link that is down, and nothing that keeps no record: a bus, a setting, a loss", async () => {
    const loss = { stream: "event", reason: "evicted", records: 3, detail: "full", agoMs: 1000 } as const;
    const problems = [{ what: "line 3: unknown key", remedy: "mend it" }];
    const configuration = { ...statusWith().configuration, problems };
    const status = { ...offlineStatus(), configuration, losses: [loss] };
    const verbs = [
      statusVerb.answeredBy(() => status),
      bufferFlush.answeredBy(() => ({ schemaVersion: 1, waiting: 1 })),
    ];
    const config = await serveView(servedOn("admin", verbs), "admin");
    const { stderr, exitCode } = await runCli(["buffer", "flush", "--config", config]);
    expect([stderr, exitCode]).toEqual([
      "causeway: link connecting, offline for 12 min 3 s: mqtt.example.com:8883: no answer\n  remedy: check the modem\n",
      75,
    ]);
  });
});
