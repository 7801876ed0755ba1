import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { GROUP } from "../../agent/diagnostics/j1939/groups.ts";
import { groupFilters, MessageLine, type NodeMessage } from "../../agent/diagnostics/j1939/message-line.ts";
import { nameText } from "../../agent/diagnostics/j1939/name.ts";
import { J1939Node } from "../../agent/diagnostics/j1939/node.ts";
import { NodeList } from "../../agent/diagnostics/j1939/node-list.ts";
import { BusFrameTap } from "../../agent/diagnostics/tester/frame-tap.ts";
import type { SentFrame } from "../../agent/diagnostics/tester/tester-bus.ts";
import { EVERY_FRAME } from "../../agent/ports/can-bus.ts";
import { createNativeBus } from "../../drivers/can/native-bus.ts";
import { systemClock } from "../../drivers/os/time-source.ts";
import { until } from "../bench/core/wait.ts";
import { MemoryLog } from "../fakes/core/log.ts";

const SEED = 59_904;
const ECHO = fileURLToPath(new URL("j1939_echo.py", import.meta.url));
const PROPRIETARY = 61_184;
const KERNEL = 0x90;
const NAME = 0x8000_8100_0000_0007n;
const never = new AbortController().signal;
const clock = systemClock();
const closers: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

/** A node of ours on vcan0, whose manners let everything out, and what it hears. */
async function openNode(address = 249) {
  const settings = { name: "can0", interface: "vcan0", receiveBufferBytes: 1_000_000, ringFrames: 16_384 };
  const bus = createNativeBus({ ...settings, filters: EVERY_FRAME }, { clock, log: new MemoryLog() });
  const tap = new BusFrameTap(() => undefined);
  await bus.start({ onFrames: (batch) => tap.onFrames(batch), onState: () => undefined });
  const line = new MessageLine(tap);
  const nodes = new NodeList();
  const sendFrame = async (frame: Parameters<typeof bus.send>[0]): Promise<SentFrame> => {
    await bus.send(frame);
    return { kind: "sent" };
  };
  tap.on(groupFilters([GROUP.addressClaim]), (frame) => nodes.take(frame));
  const identity = { name: NAME, address };
  const node = new J1939Node({ tester: { sendFrame }, tap, line, nodes, identity, clock, random: () => 0.5 });
  node.start();
  closers.push(async () => {
    node.stop();
    await bus.stop();
  });
  const messages: NodeMessage[] = [];
  line.on([PROPRIETARY], (message) => {
    // What this node sends comes back too.
    if (message.source === KERNEL) messages.push(message);
  });
  return { node, nodes, messages };
}

/** A program, and what it has printed. */
function start(command: string, ...args: readonly string[]) {
  const child: ChildProcess = spawn(command, args, { stdio: ["pipe", "pipe", "pipe"] });
  const ended = new Promise((resolve) => child.once("close", resolve));
  let text = "";
  const keep = (chunk: Buffer): void => {
    text += chunk.toString();
  };
  child.stdout?.on("data", keep);
  child.stderr?.on("data", keep);
  closers.push(async () => {
    child.kill();
    await ended;
  });
  const says = (what: string, timeoutMs = 30_000): Promise<true> =>
    until(() => text.includes(what) || undefined, { what: `${command} says ${what}`, timeoutMs });
  return { says, tell: (line: string) => child.stdin?.write(`${line}\n`) };
}

describe("a node beside the kernel's J1939", { timeout: 120_000 }, () => {
  it("brings messages of any length over to it and back, to it alone and to all", async () => {
    console.log(`seed ${SEED}`);
    const { node, messages } = await openNode();
    const echo = start("python3", ECHO, "vcan0", `${KERNEL}`);
    await echo.says("ready");
    const lengths = [
      8,
      9,
      14,
      15,
      1784,
      1785,
      ...fc.sample(fc.integer({ min: 4, max: 1785 }), { seed: SEED, numRuns: 14 }),
    ];
    for (const [at, length] of lengths.entries()) {
      const data = Uint8Array.from({ length }, (_, index) => (index * 7 + at) & 0xff);
      expect(await node.send({ pgn: PROPRIETARY, to: KERNEL, data }, "command", never)).toEqual({ kind: "sent" });
      const came = await until(() => messages.shift(), { what: `${length} bytes come back`, timeoutMs: 20_000 });
      expect(came).toMatchObject({ source: KERNEL, destination: 249 });
      expect(Buffer.from(came.data).equals(data)).toBe(true);
    }
    expect(node.state().transfers).toMatchObject({ open: 0, failed: 0, repeated: 0 });
    const toAll = Uint8Array.from({ length: 100 }, (_, index) => index);
    expect(await node.send({ pgn: 65_200, to: 255, data: toAll }, "command", never)).toEqual({ kind: "sent" });
    await echo.says(`65200 249 100`);
    const came = await until(() => messages.shift(), { what: "100 bytes come back", timeoutMs: 20_000 });
    expect(Buffer.from(came.data).equals(toAll)).toBe(true);
  });

  it("says its NAME so that the kernel finds it by that", async () => {
    const { node, messages } = await openNode();
    const echo = start("python3", ECHO, "vcan0", `${KERNEL}`, nameText(NAME));
    await echo.says("ready");
    const spy = start("stdbuf", "-oL", "j1939spy", "-P", "vcan0");
    await node.send({ pgn: PROPRIETARY, to: KERNEL, data: Uint8Array.of(7) }, "command", never);
    await until(() => messages.shift(), { what: "the kernel knows the address", timeoutMs: 10_000 });
    echo.tell("send");
    const came = await until(() => messages.shift(), { what: "a message by name", timeoutMs: 10_000 });
    expect(Buffer.from(came.data).toString()).toBe("by name");
    await node.request(65_227, KERNEL, "command", never);
    // Who (by the NAME that it claimed), group, to whom, priority, bytes.
    await spy.says(`vcan0:${nameText(NAME)},0ea00 90 !6 [3] cbfe00`);
  });

  it("yields its address to j1939acd with a lower NAME, and is left alone by one with a higher NAME", async () => {
    const { node, nodes } = await openNode();
    await node.request(65_227, 255, "command", never);
    expect(node.state().claim).toEqual({ kind: "claimed", address: 249 });
    const higher = start("j1939acd", "-v", "-r", "130,249", "-a", "249", "ffffffffffffffff", "vcan0");
    await higher.says("claimed 0x82");
    expect(node.state().claim).toEqual({ kind: "claimed", address: 249 });
    const lower = start("j1939acd", "-v", "-r", "249", "-a", "249", "0000000000000001", "vcan0");
    await lower.says("claimed 0xf9");
    await until(() => node.address === 128 || undefined, { what: "another address", timeoutMs: 5000 });
    const claims = await node.request(60_928, 255, "command", never);
    expect(claims).toMatchObject({ kind: "answers" });
    expect(
      nodes.nodes().flatMap(({ address, name }) => (name === undefined ? [] : [[address, nameText(name)]])),
    ).toEqual([
      [128, nameText(NAME)],
      [130, "ffffffffffffffff"],
      [249, "0000000000000001"],
    ]);
  });
});
