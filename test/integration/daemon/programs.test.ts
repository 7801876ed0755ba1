import { execFile } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it, onTestFinished } from "vitest";
import { createRecordReader } from "../../../agent/telemetry/record/read/record-reader.ts";
import { readDescriptor } from "../../../config/proto/descriptor.ts";
import { LineExchange } from "../../../drivers/os/local-socket/line-exchange.ts";
import { openOutbox } from "../../../drivers/sqlite/outbox/outbox.ts";
import { until } from "../../bench/core/wait.ts";
import { ManualClock } from "../../fakes/core/clock.ts";
import { temporaryFolder } from "../../fakes/core/folder.ts";
import { MemoryLog } from "../../fakes/core/log.ts";
import { type DaemonHome, daemonHome, runProgram, startDaemon } from "../../fakes/daemon/daemon.ts";

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, "../../..");
const EXAMPLES = join(ROOT, "docs/examples");
const CLIENT = { name: "door-watch", streams: ["event", "telemetry"], recordsPerSecond: 1000 };

async function home(
  programs: object = { clients: [CLIENT], unnamed: {} },
): Promise<DaemonHome & { readonly publish: string }> {
  const made = await daemonHome((config) => Object.assign(config, { programs }));
  return { ...made, publish: join(made.folder, "run", "publish.sock") };
}

/** What other programs handed over, as it is stored in this state directory. */
function storedIn(folder: string) {
  const file = join(folder, "state", "outbox.db");
  const { outbox } = openOutbox({ file, maxBytes: 256_000_000, clock: new ManualClock(), log: new MemoryLog() });
  const reader = createRecordReader(readDescriptor());
  const rows = (["event", "telemetry"] as const).flatMap((stream) =>
    outbox
      .read(stream, 0, outbox.lastRow(), 10_000, 1e9)
      .map(({ payload }) => ({ ...reader.decode(payload), bytes: payload.length })),
  );
  outbox.close();
  return rows.filter(({ body }) => body.kind.startsWith("program-"));
}

describe("other programs", () => {
  it("hand over records by the examples in shell, Python and C, and by causeway publish", async () => {
    const vehicle = await home();
    const daemon = await startDaemon(vehicle);
    const path = [join(ROOT, "scripts"), process.env.PATH].join(delimiter);
    const environment = {
      ...process.env,
      PATH: path,
      CONFIG: vehicle.config,
      WAITING: join(vehicle.folder, "waiting"),
    };
    const shell = (...args: readonly string[]) => run(join(EXAMPLES, "publish.sh"), args, { env: environment });
    // What waits from earlier: the agent was not there, or another run was killed before it was told.
    writeFileSync(environment.WAITING, '{"values":[{"name":"early","value":1}]}\n');
    await expect(shell("door.open", "open")).rejects.toMatchObject({ code: 65 });
    expect(readFileSync(environment.WAITING, "utf8")).toBe("");
    await shell("door.open", "true");
    await run("python3", [join(EXAMPLES, "publish.py"), "cabin", "21.5", vehicle.publish]);
    const program = join(temporaryFolder(), "publish");
    await run("gcc", ["-Wall", "-Wextra", "-Werror", "-o", program, join(EXAMPLES, "publish.c")]);
    await run(program, ["load", "0.25", vehicle.publish]);
    const photo = join(vehicle.folder, "photo.jpg");
    writeFileSync(photo, Uint8Array.of(0xff, 0xd8, 1));
    const cli = ["publish", "--config", vehicle.config, "--program", "door-watch"];
    const sent = await runProgram([...cli, "--file", photo, "--content-type", "image/jpeg"]);
    expect(sent.stdout).toMatch(/^stored telemetry \d+ of epoch \d+$/m);
    expect(sent.code).toBe(0);
    const publish = (...args: readonly string[]) => runProgram(["publish", "--config", vehicle.config, ...args]);
    const [stranger, event] = await Promise.all([
      publish("--program", "x", "a=1"),
      publish("--stream", "event", "a=1"),
    ]);
    expect([stranger, event].map(({ code }) => code)).toEqual([77, 77]);
    expect(event.stderr).toContain("the stream event is not for this program");
    expect(await daemon.status()).toMatchObject({
      programs: {
        programs: [
          { name: "door-watch", records: 5, refused: 1 },
          { name: "", refused: 1 },
        ],
      },
    });
    await daemon.child.stop(10_000);
    await expect(shell("door.open", "false")).rejects.toMatchObject({ code: 3 });
    expect(readFileSync(environment.WAITING, "utf8")).toMatch(/^\{"stream":"event",.*"value":false.*\}\n$/);
    expect(storedIn(vehicle.folder).map(({ stream, body }) => ({ stream, body }))).toMatchObject([
      { stream: "event", body: { program: "door-watch", values: [{ name: "door.open", value: true }] } },
      { stream: "telemetry", body: { values: [{ name: "early", value: 1 }] } },
      { stream: "telemetry", body: { values: [{ name: "cabin", value: 21.5, unit: "" }] } },
      { stream: "telemetry", body: { values: [{ name: "load", value: 0.25 }] } },
      { stream: "telemetry", body: { contentType: "image/jpeg", content: Uint8Array.of(0xff, 0xd8, 1) } },
    ]);
  });

  it("find every record that was answered after a kill, under the id of the answer, and all of them on their budget", async () => {
    const vehicle = await home();
    const daemon = await startDaemon(vehicle);
    const exchange = await LineExchange.open(vehicle.publish);
    onTestFinished(() => exchange.close());
    await exchange.ask(JSON.stringify({ program: "door-watch" }));
    const ids: unknown[] = [];
    for (let n = 0; n < 50; n++) {
      ids.push(await exchange.ask(JSON.stringify({ values: [{ name: "n", value: n }] })));
    }
    // More are on their way when it dies.
    for (let n = 50; n < 200; n++) void exchange.ask(`{"values":[{"name":"n","value":${n}}]}`).catch(() => undefined);
    daemon.child.signal("SIGKILL");
    await until(() => (daemon.child.hasEnded() ? true : undefined), { what: "it dies", timeoutMs: 20_000 });
    const records = storedIn(vehicle.folder);
    const found = records.map(({ epoch, stream, seq, body }) => ({
      id: { stored: { epoch, stream, seq } },
      value: body.kind === "program-values" ? body.values[0]?.value : undefined,
    }));
    expect(found.slice(0, 50)).toEqual(ids.map((id, value) => ({ id, value })));
    const { programs } = await (await startDaemon(vehicle)).status();
    const bytes = records.reduce((sum, record) => sum + record.bytes, 0);
    expect(programs?.programs[0]?.storedBytes).toBeGreaterThanOrEqual(bytes);
    // The last transaction counts with what it could be at most: 64 records, none of 400 bytes.
    expect(programs?.programs[0]?.storedBytes).toBeLessThan(bytes + 64 * 400);
  });
});
