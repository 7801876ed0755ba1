import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import type { TextSink } from "../../../agent/cli/context.ts";
import { FRAME_FLAG } from "../../../agent/ports/frame.ts";
import { systemClock } from "../../../drivers/os/time-source.ts";
import { until } from "../../bench/core/wait.ts";
import { type Hub, startHub } from "../../bench/vehicle/socketcand-hub.ts";
import { frameOf } from "../../contract/can-bus.suite.ts";
import { ManualClock } from "../../fakes/core/clock.ts";
import { bytesOf, type CliRun, runCli } from "../../fakes/daemon/cli-runner.ts";

let hub: Hub;
beforeEach(async () => {
  hub = await startHub({ buses: ["can0"] });
});
afterEach(() => hub.stop());

/** Runs the verb on the bus until it has heard the frames, then interrupts it. */
async function heard(args: readonly string[], isDone: (stdout: string) => boolean): Promise<CliRun> {
  const end = new AbortController();
  let stdout = "";
  const running = runCli(["--config", "/nonexistent", "can", ...args, `socketcand://127.0.0.1:${hub.port}/can0`], {
    clock: systemClock(),
    signal: end.signal,
    onStdout: (text) => {
      stdout += text;
    },
  });
  await until(() => hub.clients() === 1 || undefined, { what: "the verb is on the bus", timeoutMs: 15_000 });
  hub.inject("can0", frameOf(0x123, [0x00, 0xff]));
  hub.inject("can0", frameOf(0x123, [0x00, 0xfe]));
  hub.inject("can0", frameOf(0x18fe_f100, [1, 2, 3], FRAME_FLAG.extended));
  await until(() => isDone(stdout) || undefined, { what: `the frames in ${args.join(" ")}`, timeoutMs: 15_000 });
  end.abort();
  return running;
}

describe("causeway can dump, at a terminal", () => {
  /** The verb at a terminal, with a clock that is moved by hand. */
  async function dumping() {
    const clock = new ManualClock();
    const end = new AbortController();
    const written = { stdout: "", stderr: "" };
    const sink = (name: "stdout" | "stderr"): TextSink => ({
      write: (text) => {
        written[name] += text;
      },
      isTerminal: true,
      columns: () => 80,
      rows: () => 24,
    });
    const terminal = { stdout: sink("stdout"), stderr: sink("stderr"), stdin: bytesOf("") };
    const args = ["--config", "/nonexistent", "can", "dump", `socketcand://127.0.0.1:${hub.port}/can0`];
    const running = runCli(args, { clock, signal: end.signal, terminal });
    await until(() => hub.clients() === 1 || undefined, { what: "the verb is on the bus", timeoutMs: 15_000 });
    /** Time goes on until what was written is so. */
    const passUntil = (isSo: (text: typeof written) => boolean): Promise<unknown> =>
      until(
        async () => {
          await clock.run(6000);
          return isSo(written) || undefined;
        },
        { what: "what is awaited", timeoutMs: 15_000 },
      );
    const ended = async (): Promise<string> => {
      end.abort();
      await running;
      return written.stderr;
    };
    return { passUntil, ended, shown: () => written.stdout };
  }

  it("tells once that the bus is silent", async () => {
    const { passUntil, ended } = await dumping();
    await passUntil(({ stderr }) => stderr.includes("no frame on can0 for 5 s"));
    let rounds = 0;
    await passUntil(() => ++rounds > 3);
    expect((await ended()).split("no frame on can0 for 5 s")).toHaveLength(2);
  });

  it("tells nothing of the kind when frames come", async () => {
    const { passUntil, ended, shown } = await dumping();
    hub.inject("can0", frameOf(0x123, []));
    await until(() => shown().includes("123") || undefined, { what: "the frame", timeoutMs: 15_000 });
    let rounds = 0;
    await passUntil(() => ++rounds > 3);
    expect(await ended()).not.toContain("no frame on");
  });
});

const loadJson = z.object({
  bus: z.string(),
  bitrate: z.number(),
  frames: z.number(),
  load: z.object({ exact: z.number(), most: z.number() }),
});

describe("causeway can load", () => {
  it("prints a line a second where it is no terminal", async () => {
    const { stdout, exitCode } = await heard(["load", "--bitrate", "500k"], (text) => / 3 frames\/s/.test(text));
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^can0 {2}500 kbit\/s {2}load 0\.\d % \(at most 0\.1 %\) {2}3 frames\/s {2}7 B\/s$/m);
  });

  it("gives each second as JSON", async () => {
    const { stdout } = await heard(["--json", "load", "--bitrate", "500k"], (text) => text.includes('"frames":3'));
    const lines = stdout
      .trimEnd()
      .split("\n")
      .map((line) => loadJson.parse(JSON.parse(line)));
    expect(lines.some(({ frames, load }) => frames === 3 && load.exact > 0 && load.exact < load.most)).toBe(true);
  });

  it("shows the ids once for --seconds, and says that it does not know the bit rate", async () => {
    const { stdout, stderr } = await heard(["load", "--seconds", "2"], () => true);
    expect(stderr).toContain("can0: nothing says its bit rate, so its load is unknown; give --bitrate");
    expect(stdout).toMatch(/^can0 {2}load unknown: no bit rate/);
  });

  it("ends with 3 when no frame came", async () => {
    const args = [
      "--config",
      "/nonexistent",
      "can",
      "load",
      "--seconds",
      "0.2",
      `socketcand://127.0.0.1:${hub.port}/can0`,
    ];
    expect(await runCli(args, { clock: systemClock() })).toMatchObject({ exitCode: 3 });
  });
});

describe("causeway can sniff", () => {
  it("marks what changed, in text", async () => {
    const { stdout } = await heard(["sniff"], (text) => text.includes("FE*"));
    expect(stdout).toMatch(/^ {5}123 +2 +[\d.]+ +\d\.\d s {2}00 FE\*$/m);
    expect(stdout).toMatch(/^18FEF100 +1 +- +\d\.\d s {2}01 02 03$/m);
  });

  it("gives the rows with a change as JSON", async () => {
    const { stdout } = await heard(["--json", "sniff", "--changed"], (text) => text.includes("00fe"));
    const last = z.object({
      ids: z.array(z.object({ id: z.number(), data: z.string(), changed: z.string(), count: z.number() })),
    });
    const rows = stdout
      .trimEnd()
      .split("\n")
      .map((line) => last.parse(JSON.parse(line)));
    expect(rows.find(({ ids }) => ids.length > 0)?.ids).toEqual([
      { id: 0x123, data: "00fe", changed: "0001", count: 2 },
    ]);
  });
});
