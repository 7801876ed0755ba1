import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { ManualClock } from "../../../fakes/core/clock.ts";
import { bytesOf, runCli } from "../../../fakes/daemon/cli-runner.ts";
import { configFile } from "../../../fakes/daemon/view-socket.ts";

type Take = (line: string, number: number, socket: Socket) => void;

/** What stands for the agent: `take` has each line that came. */
async function agent(take: Take, socket = "publish.sock") {
  const { config, runtimeDir } = configFile();
  const lines: string[] = [];
  const server = createServer((socket) => {
    let rest = "";
    socket.on("error", () => undefined);
    socket.setEncoding("utf8").on("data", (chunk: string) => {
      const parts = (rest + chunk).split("\n");
      rest = parts.pop() ?? "";
      for (const line of parts) take(line, lines.push(line), socket);
    });
    onTestFinished(() => void socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(join(runtimeDir, socket), resolve));
  onTestFinished(() => void server.close());
  const run = (stdin: string, ...args: readonly string[]) =>
    runCli(["--config", config, "publish", ...args], { stdin: bytesOf(stdin) });
  return { config, lines, run };
}

const stores: Take = (_line, seq, socket) =>
  void socket.write(`${JSON.stringify({ stored: { epoch: 1, stream: "telemetry", seq } })}\n`);
const refusal = (code: string): string => `${JSON.stringify({ error: { code, what: "no", remedy: "do not" } })}\n`;
const LINE = '{"values":[{"name":"a","value":1}]}\n';

describe("causeway publish", () => {
  it("sends lines of - before the answers to earlier ones, a bound of them, and answers all in order", async () => {
    const { lines, run } = await agent((_line, number, socket) => {
      // 128 come without an answer to any; each answer brings another.
      if (number === 128) for (let seq = 1; seq <= 128; seq++) stores("", seq, socket);
      else if (number > 128) stores("", number, socket);
    });
    const { stdout, exitCode } = await run(LINE.repeat(300), "-");
    expect(exitCode).toBe(0);
    expect(lines).toHaveLength(300);
    const stored = Array.from({ length: 300 }, (_, n) => `stored telemetry ${n + 1} of epoch 1`);
    expect(stdout.trim().split("\n")).toEqual(stored);
  });

  it("has no more lines on the way than its bound", async () => {
    const sockets: Socket[] = [];
    const came = Promise.withResolvers<void>();
    const { lines, run } = await agent((_line, number, socket) => {
      sockets.push(socket);
      if (number === 128) came.resolve();
    });
    const ended = run(LINE.repeat(300), "-").catch((thrown: unknown) => thrown);
    await came.promise;
    // What is sent in the same moment would be here after a turn of both sides.
    for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
    expect(lines).toHaveLength(128);
    sockets[0]?.destroy();
    expect(await ended).toMatchObject({ code: "agent.not-running" });
  });

  it("goes on after a line that is refused, says which it was, and ends with the code of the first", async () => {
    const { run } = await agent((line, number, socket) => {
      if (line === "bad") socket.write(refusal("input.malformed"));
      else if (line === "later") socket.write(refusal("program.full"));
      else stores(line, number, socket);
    });
    const text = `${LINE}\nbad\nlater\n${LINE}`;
    const { stdout, stderr, exitCode } = await run(text, "-");
    expect(stdout).toBe("stored telemetry 1 of epoch 1\nstored telemetry 4 of epoch 1\n");
    expect(stderr).toMatch(/^causeway: line 3: no\n.*\ncauseway: line 4: no\n/);
    expect(exitCode).toBe(65);
    const json = await run(text, "--json", "-");
    expect(json.stdout.split("\n").filter((line) => line.includes("error"))).toHaveLength(2);
    expect([json.stderr, json.exitCode]).toEqual(["", 65]);
  });

  it("gives lines of - the stream and unit of the options where they say none", async () => {
    const { lines, run } = await agent(stores);
    const own = {
      stream: "telemetry",
      values: [
        { name: "b", value: 2, unit: "V" },
        { name: "c", value: true },
      ],
    };
    const bytes = { contentType: "a/b", bytes: "AAAA" };
    const text = [LINE.trim(), JSON.stringify(own), JSON.stringify(bytes), "nonsense", '{"values":3}'].join("\n");
    await run(text, "--stream", "event", "--unit", "degC", "-");
    expect(lines.slice(3)).toEqual(["nonsense", '{"values":3}']);
    expect(lines.slice(0, 3).map((line): unknown => JSON.parse(line))).toEqual([
      { stream: "event", values: [{ name: "a", value: 1, unit: "degC" }] },
      {
        stream: "telemetry",
        values: [
          { name: "b", value: 2, unit: "V" },
          { name: "c", value: true, unit: "degC" },
        ],
      },
      { stream: "event", ...bytes },
    ]);
  });

  it("refuses options that would say nothing", async () => {
    const { lines, run } = await agent(stores);
    for (const args of [[], ["a=1", "--file", "x"], ["--file", "x", "--unit", "V"], ["a=1", "--content-type", "a/b"]]) {
      await expect(run("", ...args)).rejects.toMatchObject({ code: "usage.invalid" });
    }
    expect(lines).toEqual([]);
  });

  it("uses the socket of the program where it has one", async () => {
    const { lines, run } = await agent(stores, "publish-door-watch.sock");
    expect((await run("", "--program", "door-watch", "a=1")).exitCode).toBe(0);
    expect(lines[0]).toBe('{"program":"door-watch"}');
    await expect(run("", "--program", "x", "a=1")).rejects.toMatchObject({ code: "agent.not-running" });
    await expect(run("", "--program", "../publish", "a=1")).rejects.toThrow(/run\/publish\.sock/);
  });

  it("gives up when an answer does not come in time, though standard input stays open", async () => {
    const clock = new ManualClock();
    const { config } = await agent((_line, number, socket) => {
      if (number === 1) stores("", number, socket);
      else setImmediate(() => clock.advance(31_000));
    });
    async function* open(): AsyncGenerator<Uint8Array> {
      yield new TextEncoder().encode(LINE.repeat(2));
      await new Promise(() => undefined);
    }
    const run = runCli(["--config", config, "publish", "-"], { stdin: open(), clock });
    await expect(run).rejects.toMatchObject({ code: "agent.not-running" });
  });
});
