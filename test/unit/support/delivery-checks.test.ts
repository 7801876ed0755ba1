import { describe, expect, it } from "vitest";
import { bufferHandlers } from "../../../agent/local-api/buffer-handlers.ts";
import { statusVerb } from "../../../agent/local-api/status-schema.ts";
import { servedOn } from "../../../agent/local-api/verb.ts";
import { deliveryChecks, deliveryProblems } from "../../../agent/support/delivery-checks.ts";
import { problemsOf } from "../../../agent/support/status-problems.ts";
import { draftOf } from "../../contract/outbox-subject.ts";
import { ManualClock } from "../../fakes/core/clock.ts";
import { MemoryLog } from "../../fakes/core/log.ts";
import { runCli } from "../../fakes/daemon/cli-runner.ts";
import { statusWith } from "../../fakes/daemon/status.ts";
import { serveView } from "../../fakes/daemon/view-socket.ts";
import { FakeOutbox } from "../../fakes/ports/outbox.ts";

const FULL = { freeBytes: 12_000, isFull: true, reserve: "none", reserveBytes: 0 } as const;
const ROOMY = { freeBytes: 12_345_678, isFull: false, reserve: "part", reserveBytes: 262_144 } as const;
const REFUSED = {
  stream: "telemetry",
  topic: "dt/causeway/truck-0001/telemetry",
  reasonCode: 0x87,
  reason: "0x87 not authorized",
  count: 20,
} as const;

describe("what keeps records from their consumers", () => {
  it("is nothing on a healthy agent", () => {
    expect(deliveryProblems(statusWith())).toEqual([]);
  });

  it("is a full disk: said with what is free, on the page, in --json, and with exit 3", async () => {
    const { outbox } = statusWith();
    const config = await serveView({ status: () => statusWith({ outbox: { ...outbox, disk: FULL } }) });
    const { stdout, stderr, exitCode } = await runCli(["status", "--config", config]);
    expect(stdout).toContain("\ndisk       12.0 kB free, no reserve\n");
    expect(stdout).toContain("the disk is full\n");
    expect(stderr).toMatch(/^causeway: the disk is full: 12\.0 kB free .*\n {2}remedy: free space .*\n$/);
    expect(exitCode).toBe(3);
    const json: unknown = JSON.parse((await runCli(["status", "--json", "--config", config])).stdout);
    expect(json).toMatchObject({ outbox: { disk: FULL } });
  });

  it("is a key that is lost, which says what became of the records", async () => {
    const { outbox } = statusWith();
    const lost = {
      code: "outbox.key-lost",
      what: "its payloads are encrypted with another key",
      remedy: "none",
    } as const;
    const status = statusWith({ outbox: { ...outbox, encryption: { isOn: true, lost } } });
    expect(deliveryProblems(status)).toEqual([{ what: lost.what, remedy: "none" }]);
    expect(deliveryChecks(status)).toEqual([expect.objectContaining({ verdict: "warn", what: lost.what })]);
    expect(deliveryProblems(statusWith({ outbox: { ...outbox, encryption: { isOn: true } } }))).toEqual([]);
  });

  it("is not a disk on which there is some room, which is said without alarm", async () => {
    const { outbox } = statusWith();
    const config = await serveView({ status: () => statusWith({ outbox: { ...outbox, disk: ROOMY } }) });
    const { stdout, exitCode } = await runCli(["status", "--config", config]);
    expect(stdout).toContain("\ndisk       12.3 MB free, 262 kB in reserve (not all of it)\n");
    expect(exitCode).toBe(0);
  });

  it("is not a damaged file whose records come over, which says how far they are", async () => {
    const salvage = { file: "outbox.db.damaged-1", rows: 300, totalRows: 1000, records: 1290 };
    const { outbox } = statusWith();
    const config = await serveView({ status: () => statusWith({ outbox: { ...outbox, salvage } }) });
    const { stdout, exitCode } = await runCli(["status", "--config", config]);
    expect(stdout).toContain("\nsalvage    30 % of outbox.db.damaged-1 read, 1 290 records saved\n");
    expect(exitCode).toBe(0);
  });

  it.each([
    [0x87, "allow this client to publish to dt/causeway/truck-0001/telemetry"],
    [0x97, "raise the broker's quota"],
    [0x80, "look for this reason in the broker's log"],
  ])("is a broker that refuses, with reason, number and the remedy for 0x%s", async (reasonCode, remedy) => {
    const { delivery } = statusWith();
    const refusing = statusWith({ delivery: { ...delivery, refusedTopics: [{ ...REFUSED, reasonCode }] } });
    const config = await serveView({ status: () => refusing });
    const { stdout, stderr, exitCode } = await runCli(["status", "--config", config]);
    expect(stdout).toContain("telemetry refused: 0x87 not authorized, 20 times\n");
    expect(stderr).toContain("the broker refuses telemetry records: 0x87 not authorized, 20 times on dt/causeway");
    expect(stderr).toContain("; 12 wait\n");
    expect(stderr).toContain(`remedy: ${remedy}`);
    expect(exitCode).toBe(3);
  });

  it("is a loss of the last hour, with its reason and what to do; an older one is only shown", async () => {
    const loss = { stream: "telemetry", reason: "evicted", detail: "outbox.maxBytes reached", records: 1234 } as const;
    const config = await serveView({ status: () => statusWith({ losses: [{ ...loss, agoMs: 5000 }] }) });
    const { stdout, stderr } = await runCli(["status", "--config", config]);
    expect(stdout).toContain("\nlost       1 234 telemetry, evicted, 5 s ago: outbox.maxBytes reached\n");
    expect(stderr).toMatch(/1 234 telemetry records lost \(evicted\).*\n {2}remedy: bring the vehicle online/);
    const reasons = ["expired", "rejected", "damaged", "dropped"] as const;
    const remedies = reasons.flatMap((reason) =>
      deliveryProblems(statusWith({ losses: [{ ...loss, reason, agoMs: 0 }] })),
    );
    expect(remedies.map(({ remedy }) => remedy)).toEqual([
      expect.stringContaining("outbox.lifeMs.telemetry"),
      expect.stringContaining("causeway buffer list --stream telemetry"),
      expect.stringContaining("check the disk"),
    ]);
    expect(deliveryProblems(statusWith({ losses: [{ ...loss, agoMs: 3_600_001 }] }))).toEqual([]);
  });

  it("is what was dropped before it was a record: samples, and frames of a bus, past one in 10,000", () => {
    const { collected, buses } = statusWith();
    const with_ = (discardedSamples: number) =>
      deliveryProblems(statusWith({ collected: { ...collected, discardedSamples } }));
    expect([with_(4000).length, with_(5000).length]).toEqual([0, 1]);
    const dropping = (dropped: number) => problemsOf(statusWith({ buses: buses.map((bus) => ({ ...bus, dropped })) }));
    expect(dropping(120)).toEqual([]);
    expect(dropping(1000)).toEqual([expect.objectContaining({ what: "bus can0 has lost 1 000 frames of 1 235 567" })]);
  });

  it("fails the self-test while it stands, and warns of what has passed", () => {
    const { delivery } = statusWith();
    const loss = { stream: "event", reason: "damaged", detail: "checksum differs", records: 1, agoMs: 0 } as const;
    const status = statusWith({ delivery: { ...delivery, refusedTopics: [REFUSED] }, losses: [loss] });
    expect(deliveryChecks(status).map(({ verdict }) => verdict)).toEqual(["fail", "warn"]);
    const rude = statusWith({ delivery: { ...delivery, refusedTopics: [{ ...REFUSED, reason: "no\u001b[2J" }] } });
    expect(deliveryChecks(rude)[0].what).toContain("no?[2J");
    expect(deliveryChecks(statusWith())).toMatchObject([{ check: "delivery", verdict: "pass" }]);
  });

  it("is said by buffer list too, above what it lists", async () => {
    const clock = new ManualClock();
    const outbox = new FakeOutbox({ clock });
    outbox.append([draftOf("telemetry", 20)]);
    const { delivery } = statusWith();
    const status = () => statusWith({ delivery: { ...delivery, refusedTopics: [REFUSED] } });
    const buffer = bufferHandlers({
      outbox,
      clock,
      log: new MemoryLog(),
      retryNow: () => undefined,
      forgetDelivered: () => undefined,
    });
    const config = await serveView(servedOn("view", [statusVerb.answeredBy(status), ...buffer]));
    const { stdout, stderr } = await runCli(["buffer", "list", "--config", config]);
    expect(stdout).toContain("waiting");
    expect(stderr).toMatch(/^causeway: the broker refuses telemetry records: 0x87 not authorized.*\n {2}remedy: allow/);
  });
});
