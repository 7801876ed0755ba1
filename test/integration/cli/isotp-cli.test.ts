import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "../../../drivers/os/time-source.ts";
import { until } from "../../bench/core/wait.ts";
import { type Hub, startHub } from "../../bench/vehicle/socketcand-hub.ts";
import { bytesOf, type CliRun, runCli } from "../../fakes/daemon/cli-runner.ts";

const clock = systemClock();
const NEAR = ["-s", "7E0", "-d", "7E8"] as const;
const FAR = ["-s", "7E8", "-d", "7E0"] as const;

describe("causeway isotp", () => {
  let hub: Hub;
  let bus: string;
  const ends: AbortController[] = [];

  beforeEach(async () => {
    hub = await startHub();
    bus = `socketcand://127.0.0.1:${hub.port}/can0`;
  });
  afterEach(async () => {
    for (const end of ends.splice(0)) end.abort();
    await hub.stop();
  });

  const run = (args: readonly string[], stdin = ""): Promise<CliRun> =>
    runCli(["isotp", ...args, "--config", "/nowhere.yaml"], { clock, stdin: bytesOf(stdin) });

  /** A verb that goes on until it is stopped; resolves when it is on the bus. */
  async function start(...args: readonly string[]): Promise<{
    out(): string;
    untilLines(count: number): Promise<void>;
    stop(): Promise<CliRun>;
    readonly ended: Promise<CliRun>;
  }> {
    const end = new AbortController();
    ends.push(end);
    let out = "";
    const clients = hub.clients();
    const surroundings = { clock, signal: end.signal, onStdout: (text: string) => (out += text) };
    const running = runCli(["isotp", ...args, "--config", "/nowhere.yaml"], surroundings);
    await until(() => hub.clients() > clients || undefined, { what: "a client more", timeoutMs: 20_000 });
    return {
      ended: running,
      out: () => out,
      untilLines: async (count) => {
        const enough = (): true | undefined => out.split("\n").length > count || undefined;
        await until(enough, { what: `${count} lines`, timeoutMs: 20_000 });
      },
      stop: () => {
        end.abort();
        return running;
      },
    };
  }

  it("sends PDUs that recv prints, from arguments and from stdin, and dump looks on", async () => {
    const pdus = await start("dump", bus, ...NEAR, "--pdus");
    const frames = await start("dump", bus, ...NEAR, "--json");
    const receiver = await start("recv", bus, ...FAR, "-l", "-b", "8", "-m", "f3", "-p", "aa");
    const sent = await run(["send", bus, ...NEAR, "22", "F190"]);
    expect(sent.stderr).toContain("3 bytes sent");
    const long = Array.from({ length: 20 }, (_, index) => index.toString(16).padStart(2, "0")).join(" ");
    expect((await run(["send", bus, ...NEAR, "-p", "cc", "--json"], `${long}\n`)).stdout).toBe(
      '{"schemaVersion":1,"bus":"can0","sent":20}\n',
    );
    await receiver.untilLines(2);
    expect(receiver.out()).toBe(`22 F1 90\n${long.toUpperCase()}\n`);
    await pdus.untilLines(2);
    expect(pdus.out().split("\n")[0]).toBe(" can0  7E0  [3]  22 F1 90");
    await frames.untilLines(5);
    const seen: unknown[] = frames
      .out()
      .trim()
      .split("\n")
      .map((line): unknown => JSON.parse(line));
    expect(seen).toEqual([
      expect.objectContaining({ id: 0x7e0, kind: "single", bytes: "22f190" }),
      expect.objectContaining({ id: 0x7e0, kind: "first", length: 20 }),
      expect.objectContaining({ id: 0x7e8, kind: "flow-control", blockSize: 8, separationUs: 300 }),
      expect.objectContaining({ id: 0x7e0, kind: "consecutive", sequence: 1 }),
      expect.objectContaining({ id: 0x7e0, kind: "consecutive", sequence: 2, bytes: "0d0e0f10111213" }),
    ]);
    expect((await receiver.stop()).exitCode).toBe(0);
  });

  it("prints the answers that come while it waits", async () => {
    const far = await start("recv", bus, ...FAR, "-l");
    const waiting = run(["send", bus, ...NEAR, "-w", "1500", "--json", "3E", "00"]);
    await far.untilLines(1);
    await run(["send", bus, ...FAR, "7E", "00"]);
    expect((await waiting).stdout).toMatch(/"sent":2\}\n\{"schemaVersion":1,"t":[\d.]+,"bus":"can0","pdu":"7e00"\}\n$/);
  });

  it("shows frames as isotpdump does, with 29 bits and address bytes", async () => {
    const dump = await start("dump", bus, "-s", "18DA10F1", "-d", "18DAF110", "-x");
    await run([
      "send",
      bus,
      "-s",
      "18DA10F1",
      "-d",
      "18DAF110",
      "-x",
      "22:33",
      "-L",
      "16:8:0",
      "--functional",
      "01",
      "00",
    ]);
    await dump.untilLines(1);
    expect(dump.out()).toBe(" can0  18DA10F1 22  [4]  [SF] ln: 2    data: 01 00\n");
  });

  it("ends with the fault of a transmission that nobody takes", async () => {
    const sending = run(["send", bus, ...NEAR, "00".repeat(20)]);
    await expect(sending).rejects.toThrow(expect.objectContaining({ code: "isotp.timeout-flow-control" }));
  });

  it("ends recv with the fault of a reception", async () => {
    const far = await start("recv", bus, ...FAR);
    hub.inject("can0", { id: 0x7e0, flags: 0, data: Uint8Array.of(0x10, 20, 1, 2, 3, 4, 5, 6), receivedAtUs: 0 });
    hub.inject("can0", { id: 0x7e0, flags: 0, data: Uint8Array.of(0x22, 2, 3, 4, 5, 6, 7, 8), receivedAtUs: 0 });
    await expect(far.ended).rejects.toThrow(expect.objectContaining({ code: "isotp.wrong-sequence" }));
  });

  it.each([
    [["send", "can0", ...NEAR, "2"], "input.malformed"],
    [["send", "can0", ...NEAR, "xyz"], "input.malformed"],
    [["send", "can0", ...NEAR], "input.malformed"],
  ])("refuses %j", async (args, code) => {
    await expect(run(args)).rejects.toThrow(expect.objectContaining({ code }));
  });

  it.each([
    [["send", "can0", "-s", "800", "-d", "7E8", "01"], "three hexadecimal digits"],
    [["send", "can0", "-s", "7E0", "-d", "18DAF110", "01"], "the same length"],
    [["recv", "can0", ...FAR, "-L", "72:9:0"], "12, 16"],
    [["recv", "can0", ...FAR, "-b", "100"], "a byte in hexadecimal"],
    [["recv", "can0", ...FAR, "-x", "1:2:3"], "two with a colon"],
    [["send", "can0", ...NEAR, "-w", "x"], "milliseconds"],
    [["dump", "can0", ...NEAR, "--seconds", "x"], "at most a week"],
  ])("refuses %j of the command line", async (args, text) => {
    await expect(run(args)).rejects.toThrow(text);
  });
});
