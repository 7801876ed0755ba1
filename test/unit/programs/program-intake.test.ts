import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { AgentError } from "../../../agent/core/errors.ts";
import type { KeptValue, Outbox, RecordDraft } from "../../../agent/ports/outbox.ts";
import { CommandDesk } from "../../../agent/programs/command-desk.ts";
import { ProgramForms } from "../../../agent/programs/program-form.ts";
import { ProgramIntake } from "../../../agent/programs/program-intake.ts";
import { Appender } from "../../../agent/telemetry/appender.ts";
import { createRecordReader } from "../../../agent/telemetry/record/read/record-reader.ts";
import { programsConfig } from "../../../config/programs.ts";
import { readDescriptor } from "../../../config/proto/descriptor.ts";
import { openOutbox } from "../../../drivers/sqlite/outbox/outbox.ts";
import { ManualClock } from "../../fakes/core/clock.ts";
import { temporaryFolder } from "../../fakes/core/folder.ts";
import { MemoryLog } from "../../fakes/core/log.ts";
import { encoderOf } from "../../fakes/telemetry/samples.ts";
import { tableOf } from "../../fakes/telemetry/table.ts";

const reader = createRecordReader(readDescriptor());
const DOOR = JSON.stringify({ stream: "event", values: [{ name: "door.open", value: true }] });
const LOAD = JSON.stringify({ values: [{ name: "load", value: 0.5 }] });
const NAME = JSON.stringify({ program: "door-watch" });

const FILE = (): string => join(temporaryFolder(), "outbox.db");

function rig(settings: object = {}, maxBytes = 1_000_000, holdBytes = 100_000, file = FILE()) {
  const clock = new ManualClock();
  const { outbox } = openOutbox({ file, maxBytes, clock, log: new MemoryLog() });
  onTestFinished(() => outbox.close());
  const disk = { isGone: false };
  const append = (drafts: readonly RecordDraft[], kept?: readonly KeptValue[]) => {
    if (disk.isGone) throw new AgentError("outbox.unavailable", { what: "no disk", remedy: "mount it" });
    return outbox.append(drafts, kept);
  };
  const appender = new Appender({ outbox: { append }, clock, log: new MemoryLog(), holdBytes, wake: () => undefined });
  const clients = [{ name: "door-watch", streams: ["event", "telemetry"], recordsPerSecond: 1000, ...settings }];
  const parsed = programsConfig.parse({ clients });
  let ids = 0;
  const desk = new CommandDesk(parsed.clients, () => `id-${++ids}`);
  const intake = new ProgramIntake({
    settings: parsed,
    encoder: encoderOf(tableOf([])),
    appender,
    outbox,
    desk,
    forms: new ProgramForms(() => readDescriptor("program")),
    clock,
  });
  const connect = (owner?: string) => {
    const answers: unknown[] = [];
    const said: unknown[] = [];
    const session = intake.openFor(owner)(
      (written) => answers.push(written instanceof Uint8Array ? written : JSON.parse(written)),
      (written) => said.push(written instanceof Uint8Array ? written : JSON.parse(written)) > 0,
    );
    return { session, answers, said };
  };
  const ask = (name: string) =>
    desk.ask(
      { program: "door-watch", name, arguments: {}, deadlineMs: 1000, ledgerId: "c-1", problemWith: () => undefined },
      new AbortController().signal,
    );
  return { clock, outbox, disk, appender, intake, connect, ask, file };
}

function bodies(outbox: Outbox, stream: "event" | "telemetry") {
  return outbox.read(stream, 0, outbox.lastRow(), 1000, 1e9).map(({ payload }) => reader.decode(payload).body);
}

const errorOf = (code: string): unknown => expect.objectContaining({ error: aCode(code) });
const aCode = (code: string): unknown => expect.objectContaining({ code });

describe("ProgramIntake", () => {
  it("answers each line with the id under which the outbox has its record", () => {
    const { outbox, connect } = rig();
    const { session, answers } = connect();
    expect(session.take([NAME, DOOR, "nonsense", LOAD, DOOR])).toEqual({ taken: 5, waitMs: 0 });
    const { epoch } = outbox.stats();
    expect(answers).toEqual([
      { program: "door-watch" },
      { stored: { epoch, stream: "event", seq: 1 } },
      errorOf("input.malformed"),
      { stored: { epoch, stream: "telemetry", seq: 1 } },
      { stored: { epoch, stream: "event", seq: 2 } },
    ]);
    expect(bodies(outbox, "event")).toMatchObject([{ kind: "program-values", program: "door-watch" }, {}]);
    expect(bodies(outbox, "telemetry")).toHaveLength(1);
  });

  it("takes nothing of a program that is not configured, and no stream that is not for it", () => {
    const { outbox, connect } = rig({ streams: ["telemetry"] });
    const stranger = connect();
    stranger.session.take([JSON.stringify({ program: "other" }), LOAD]);
    const nameless = connect();
    nameless.session.take([LOAD, NAME]);
    expect([...stranger.answers, ...nameless.answers]).toEqual(Array(4).fill(errorOf("program.unknown")));
    const { session, answers } = connect();
    session.take([NAME, DOOR, NAME]);
    expect(answers.slice(1)).toEqual([errorOf("program.not-allowed"), errorOf("input.malformed")]);
    expect(outbox.stats().records).toBe(0);
  });

  it("takes what the schema of a program has, and of a line with anything else nothing", () => {
    const { outbox, connect } = rig({ values: { load: { type: "number" } } });
    const { session, answers } = connect();
    const both = JSON.stringify({
      values: [
        { name: "load", value: 1 },
        { name: "speed", value: 2 },
      ],
    });
    session.take([NAME, LOAD, both, DOOR]);
    expect(answers.slice(2)).toEqual(Array(2).fill(errorOf("program.not-allowed")));
    expect(bodies(outbox, "telemetry")).toHaveLength(1);
    expect(bodies(outbox, "event")).toHaveLength(0);
  });

  it("takes a program that has its own socket there, whoever it says it is not, and nowhere else", () => {
    const { clock, outbox, connect } = rig({ ownSocket: true });
    const shared = connect();
    shared.session.take([NAME, LOAD]);
    expect(shared.answers).toEqual(Array(2).fill(errorOf("program.not-allowed")));
    expect(outbox.stats().records).toBe(0);
    const own = connect("door-watch");
    own.session.take([LOAD, NAME]);
    expect(own.answers).toMatchObject([{ stored: { seq: 1 } }, { error: { code: "input.malformed" } }]);
    const named = connect("door-watch");
    named.session.take([NAME, LOAD]);
    expect(named.answers[0]).toEqual({ program: "door-watch" });
    const other = connect("door-watch");
    other.session.take([JSON.stringify({ program: "other" }), LOAD]);
    expect(other.answers[0]).toEqual(errorOf("program.not-allowed"));
    clock.advance(50);
    expect(bodies(outbox, "telemetry").map((body) => "program" in body && body.program)).toEqual(
      Array(3).fill("door-watch"),
    );
  });

  it("answers nothing while the disk does not take the record, and everything in order once it does", () => {
    const { outbox, disk, appender, connect } = rig();
    const { session, answers } = connect();
    session.take([NAME]);
    disk.isGone = true;
    session.take([DOOR]);
    expect([answers.length, session.unanswered()]).toEqual([1, 1]);
    // Refused at once, but told in its turn.
    session.take([LOAD]);
    expect([answers.length, session.unanswered()]).toEqual([1, 2]);
    disk.isGone = false;
    appender.store();
    expect(answers.slice(1)).toEqual([
      { stored: { epoch: outbox.stats().epoch, stream: "event", seq: 1 } },
      errorOf("program.not-stored"),
    ]);
  });

  it("says so when a record was thrown away from memory", () => {
    const { disk, appender, connect } = rig();
    const { session, answers } = connect();
    disk.isGone = true;
    session.take([NAME, DOOR]);
    appender.abandon();
    expect(answers).toEqual([{ program: "door-watch" }, errorOf("program.not-stored")]);
  });

  it("takes lines at the rate of the program, over all its connections", () => {
    const { clock, connect } = rig({ recordsPerSecond: 10 });
    const [one, other] = [connect(), connect()];
    const lines = [NAME, ...Array<string>(30).fill(LOAD)];
    const first = one.session.take(lines);
    expect(first.taken).toBe(11);
    expect(first.waitMs).toBeCloseTo(100);
    expect(other.session.take(lines)).toMatchObject({ taken: 1 });
    let taken = first.taken + 1;
    for (let ms = 0; ms < 5000; ms += 200) {
      clock.advance(200);
      taken += one.session.take(lines).taken;
    }
    // 10 at once, and 10 a second for 5 s; each take goes one into credit.
    expect(taken).toBeGreaterThanOrEqual(60);
    expect(taken).toBeLessThanOrEqual(62);
  });

  it("takes bytes at the rate of the program", () => {
    const { connect } = rig({ bytesPerSecond: 1024 });
    const { session } = connect();
    session.take([NAME]);
    const { taken, waitMs } = session.take([JSON.stringify({ contentType: "a/b", bytes: "A".repeat(4096) }), LOAD]);
    expect(taken).toBe(1);
    expect(waitMs).toBeGreaterThan(3000);
  });

  it("refuses what is beyond the program's share of the outbox, until its records have left", () => {
    const { clock, outbox, connect } = rig({ maxStoredBytes: 10_000, bytesPerSecond: 10_000_000 });
    const { session, answers } = connect();
    session.take([NAME, ...Array<string>(200).fill(LOAD)]);
    const stored = outbox.stats().records;
    expect(outbox.stats().bytes).toBeLessThanOrEqual(10_000);
    expect(stored).toBeGreaterThan(20);
    expect(answers.slice(1 + stored)).toEqual(Array(200 - stored).fill(errorOf("program.full")));
    outbox.ack(outbox.read("telemetry", 0, outbox.lastRow(), 1000, 1e9).map(({ row }) => row));
    clock.advance(1000);
    answers.length = 0;
    session.take([LOAD]);
    expect(answers).toMatchObject([{ stored: { seq: stored + 1 } }]);
  });

  it("counts what was stored before a restart, until it has left", () => {
    const settings = { maxStoredBytes: 10_000, bytesPerSecond: 10_000_000 };
    const first = rig(settings);
    first.connect().session.take([NAME, ...Array<string>(20).fill(LOAD)]);
    const share = first.intake.clients.get("door-watch")?.share.bytes;
    expect(share).toBeGreaterThan(0);
    first.outbox.close();
    const second = rig(settings, 1_000_000, 100_000, first.file);
    const client = second.intake.clients.get("door-watch");
    // Of the last transaction the bound is known alone.
    expect(client?.share.bytes).toBeGreaterThanOrEqual(share ?? 0);
    const { session, answers } = second.connect();
    session.take([NAME, ...Array<string>(200).fill(LOAD)]);
    expect(second.outbox.stats().bytes).toBeLessThanOrEqual(10_000);
    expect(answers.at(-1)).toEqual(errorOf("program.full"));
    second.outbox.ack(second.outbox.read("telemetry", 0, second.outbox.lastRow(), 1000, 1e9).map(({ row }) => row));
    client?.share.settle();
    expect(client?.share.bytes).toBe(0);
    second.outbox.close();
    const third = rig({ name: "other" }, 1_000_000, 100_000, first.file);
    third.appender.store();
    expect(third.outbox.kept()).toEqual([]);
  });

  it("evicts nothing of others from a full outbox", () => {
    const { clock, outbox, connect, appender } = rig({ maxStoredBytes: 10_000_000, bytesPerSecond: 10_000_000 });
    const bus = encoderOf(tableOf([])).programRecord("telemetry", {
      kind: "bytes",
      program: "bus",
      contentType: "a/b",
      content: new Uint8Array(50_000),
      timeUs: 0,
    });
    for (let n = 0; n < 18; n++) appender.add(bus);
    appender.store();
    const { session, answers } = connect();
    const line = JSON.stringify({ stream: "event", contentType: "a/b", bytes: "A".repeat(40_000) });
    session.take([NAME, ...Array<string>(40).fill(line)]);
    clock.advance(50);
    expect(answers.at(-1)).toEqual(errorOf("program.full"));
    expect(outbox.lossCounts()).toEqual([]);
    expect(outbox.stats().streams.telemetry.records).toBe(18);
  });

  it("refuses a record that is too long for the broker", () => {
    const { connect } = rig({ bytesPerSecond: 10_000_000 });
    const { session, answers } = connect();
    session.take([NAME, JSON.stringify({ contentType: "a/b", bytes: "A".repeat(200_000) })]);
    expect(answers[1]).toEqual(errorOf("program.too-long"));
  });

  it("hands commands to who registered them, between its other answers, and answers its answers", async () => {
    const { connect, ask } = rig({ answers: ["lock", "unlock"] });
    const { session, answers, said } = connect();
    session.take([JSON.stringify({ program: "door-watch", answers: ["lock"] })]);
    expect([answers, session.isAwaited()]).toEqual([[{ program: "door-watch", answers: ["lock"] }], true]);
    const reply = ask("lock");
    expect(said).toEqual([{ command: { id: "id-1", name: "lock", arguments: {}, deadlineMs: 1000, ledgerId: "c-1" } }]);
    const given = { id: "id-1", status: "failed", reason: "ice", results: { open: 2 } };
    session.take([LOAD, JSON.stringify({ answer: given }), JSON.stringify({ answer: given })]);
    expect(answers.slice(2)).toEqual([{ answered: "id-1" }, errorOf("program.no-command")]);
    const { id: _, ...answer } = given;
    expect(await reply).toEqual({ kind: "answered", answer });
    expect(await ask("unlock")).toMatchObject({ kind: "absent" });
  });

  it("takes no answer to a command that another connection has, and gives nobody a command that it may not answer", async () => {
    const { intake, connect, ask } = rig({ answers: ["lock"] });
    const [good, thief, greedy] = [connect(), connect(), connect()];
    good.session.take([JSON.stringify({ program: "door-watch", answers: ["lock"] })]);
    const reply = ask("lock");
    thief.session.take([NAME, JSON.stringify({ answer: { id: "id-1", status: "succeeded" } })]);
    greedy.session.take([JSON.stringify({ program: "door-watch", answers: ["lock", "steer"] })]);
    expect([...thief.answers.slice(1), ...greedy.answers]).toEqual([
      errorOf("program.no-command"),
      errorOf("program.not-allowed"),
    ]);
    expect([thief.session.isAwaited(), greedy.session.isAwaited()]).toEqual([false, false]);
    expect(intake.clients.get("door-watch")?.counts.refused).toBe(2);
    good.session.end();
    expect(await reply).toEqual({ kind: "gone" });
    expect(await ask("lock")).toEqual({ kind: "absent", what: "door-watch is not connected" });
  });

  it("keeps the connection that has a command in its hands, though another has its name by now", async () => {
    const { connect, ask } = rig({ answers: ["lock"] });
    const register = JSON.stringify({ program: "door-watch", answers: ["lock"] });
    const [older, newer] = [connect(), connect()];
    older.session.take([register]);
    const reply = ask("lock");
    newer.session.take([register]);
    expect([older.session.isAwaited(), newer.session.isAwaited()]).toEqual([true, true]);
    older.session.take([JSON.stringify({ answer: { id: "id-1", status: "succeeded" } })]);
    expect(await reply).toMatchObject({ kind: "answered" });
    expect([older.session.isAwaited(), newer.session.isAwaited()]).toEqual([false, true]);
  });

  it("lets nobody answer a command who says no name", () => {
    const { connect } = rig({}, 1_000_000, 100_000);
    const { session, answers } = connect();
    session.take([JSON.stringify({ program: "door-watch", answers: ["lock"] })]);
    expect(answers).toEqual([errorOf("program.not-allowed")]);
  });
});
