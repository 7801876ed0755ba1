import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { composePrograms } from "../../../agent/daemon/compose-programs.ts";
import { MetricBook } from "../../../agent/daemon/metric-book.ts";
import { Appender } from "../../../agent/telemetry/appender.ts";
import { programsConfig } from "../../../config/programs.ts";
import { LineExchange } from "../../../drivers/os/local-socket/line-exchange.ts";
import { openOutbox } from "../../../drivers/sqlite/outbox/outbox.ts";
import { ManualClock } from "../../fakes/core/clock.ts";
import { temporaryFolder } from "../../fakes/core/folder.ts";
import { MemoryLog } from "../../fakes/core/log.ts";
import { encoderOf } from "../../fakes/telemetry/samples.ts";
import { tableOf } from "../../fakes/telemetry/table.ts";

function rig(programs: object = { unnamed: {} }) {
  const [runtimeDir, clock, log] = [temporaryFolder(), new ManualClock(), new MemoryLog()];
  const { outbox } = openOutbox({ file: join(runtimeDir, "outbox.db"), maxBytes: 1_000_000, clock, log });
  onTestFinished(() => outbox.close());
  const appender = new Appender({ outbox, clock, log, holdBytes: 100_000, wake: () => undefined });
  const settings = programsConfig.parse(programs);
  const shared = { encoder: encoderOf(tableOf([])), appender };
  const process_ = {
    version: "1",
    bootId: "b",
    startedAtMs: 0,
    environment: {},
    random: () => 0.5,
    metrics: new MetricBook(),
  };
  const line = composePrograms({ settings, runtimeDir, line: { outbox }, shared }, { ...process_, clock, log });
  onTestFinished(() => line.service.stop());
  return { line, log, clock, path: join(runtimeDir, "publish.sock") };
}

it("answers on publish.sock, and counts what it took", async () => {
  const { line, path } = rig();
  await line.service.start();
  const exchange = await LineExchange.open(path);
  onTestFinished(() => exchange.close());
  expect(await exchange.ask('{"values":[{"name":"a","value":1}]}')).toMatchObject({ stored: { seq: 1 } });
  expect(await exchange.ask("a=1")).toMatchObject({ error: { code: "input.malformed" } });
  expect(line.status()).toMatchObject({ connected: 1, programs: [{ name: "", records: 1, refused: 1 }] });
});

it("answers a program that has its own socket there alone, and counts over all sockets", async () => {
  const { line, path } = rig({ clients: [{ name: "door-watch", ownSocket: true }], unnamed: {} });
  await line.service.start();
  const own = await LineExchange.open(path.replace(".sock", "-door-watch.sock"));
  onTestFinished(() => own.close());
  const shared = await LineExchange.open(path);
  onTestFinished(() => shared.close());
  expect(await own.ask('{"values":[{"name":"a","value":1}]}')).toMatchObject({ stored: { seq: 1 } });
  expect(await shared.ask('{"program":"door-watch"}')).toMatchObject({ error: { code: "program.not-allowed" } });
  expect(line.status()).toMatchObject({ connected: 2, programs: [{ name: "door-watch", records: 1 }, { name: "" }] });
});

it.each([
  { given: {}, seconds: 15 },
  { given: { answerGraceSeconds: 3 }, seconds: 3 },
])("awaits who answers commands for $seconds s after the start", async ({ given, seconds }) => {
  const { line, clock } = rig({ clients: [{ name: "hvac", answers: ["precondition"] }], ...given });
  await clock.run(seconds * 1000 - 1);
  expect(line.commands.isAwaited("hvac", "precondition")).toBe(true);
  await clock.run(1);
  expect(line.commands.isAwaited("hvac", "precondition")).toBe(false);
});

it("serves no socket that nobody may use", async () => {
  const { line, path } = rig({ clients: [{ name: "door-watch", ownSocket: true }] });
  await line.service.start();
  expect([existsSync(path), existsSync(path.replace(".sock", "-door-watch.sock"))]).toEqual([false, true]);
});

it("serves the others where one socket cannot be, and says which and how", async () => {
  const { line, log, path } = rig({ clients: [{ name: "door-watch", ownSocket: true }], unnamed: {} });
  writeFileSync(path.replace(".sock", "-door-watch.sock"), "in the way");
  await line.service.start();
  expect(line.status().problem).toContain("publish-door-watch.sock");
  expect(JSON.stringify(log.entries)).toContain("systemctl enable causeway-publish@door-watch.socket");
  const shared = await LineExchange.open(path);
  onTestFinished(() => shared.close());
  expect(await shared.ask('{"values":[{"name":"a","value":1}]}')).toMatchObject({ stored: { seq: 1 } });
});

it("lets the agent go on where the socket cannot be served, and says why", async () => {
  const { line, log, path } = rig();
  writeFileSync(path, "in the way");
  await line.service.start();
  expect(line.status().problem).toContain("publish.sock");
  expect(log.entries.map(({ event }) => event)).toContain("programs.not-served");
});
