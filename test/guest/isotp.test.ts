import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { afterEach, describe, expect, it } from "vitest";
import { DEFAULT_ISOTP } from "../../agent/diagnostics/isotp/default-settings.ts";
import type { IsoTp, IsoTpAddress, IsoTpChannel, IsoTpSettings } from "../../agent/ports/isotp.ts";
import { seededRandom } from "../bench/core/seeded-random.ts";
import { until } from "../bench/core/wait.ts";
import { IsoTpRecorder } from "../fakes/diagnostics/isotp-line.ts";
import { IsotpServer, isotpsend, openOurs, startTool, type Tool, untilListening } from "./isotp-tools.ts";

const VCAN = "vcan1";
/**
 * How many PDUs go each way between us and isotpserver. More of them, with another seed:
 * ./scripts/guest exec env ISOTP_PAYLOADS=2500 ISOTP_SEED=1 node node_modules/vitest/vitest.mjs run --config test/guest/vitest.config.ts test/guest/isotp.test.ts
 */
const PAYLOADS = Number(process.env.ISOTP_PAYLOADS ?? 8);
const SEED = Number(process.env.ISOTP_SEED ?? 16_010);
const NORMAL: IsoTpAddress = { txId: 0x7e0, rxId: 0x7e8, extended: false };
const WIDE: IsoTpAddress = { txId: 0x18da_10f1, rxId: 0x18da_f110, extended: true };

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

function hex(pdu: Uint8Array): string {
  return Buffer.from(pdu).toString("hex");
}

function pduOf(length: number, seed = length): Uint8Array {
  const random = seededRandom(seed);
  return Uint8Array.from({ length }, () => Math.floor(random() * 256));
}

/** The arguments by which can-utils take the other side of a conversation. */
function argumentsOf(
  { txId, rxId, extended, txByte, rxByte }: IsoTpAddress,
  settings: IsoTpSettings,
): readonly string[] {
  const id = (one: number): string => one.toString(16).padStart(extended ? 8 : 3, "0");
  const two = (one: number | undefined): string => (one ?? 0).toString(16);
  const bytes = txByte === undefined ? [] : ["-x", `${two(rxByte)}:${two(txByte)}`];
  const padding = settings.padding === undefined ? [] : ["-p", `${two(settings.padding)}:`];
  const link = settings.fd ? ["-L", `72:${settings.txDataBytes}:0`] : [];
  return ["-s", id(rxId), "-d", id(txId), ...bytes, ...padding, ...link, VCAN];
}

const VARIANTS: readonly (readonly [name: string, address: IsoTpAddress, settings: Partial<IsoTpSettings>])[] = [
  ["normal addressing", NORMAL, {}],
  ["29 bits, no padding", WIDE, { padding: undefined }],
  ["extended addressing", { ...NORMAL, txByte: 0x10, rxByte: 0xf1 }, { padding: 0x55 }],
  ["CAN FD", NORMAL, { fd: true, txDataBytes: 64 }],
  ["CAN FD, mixed addressing with 29 bits", { ...WIDE, txByte: 0x22, rxByte: 0x22 }, { fd: true, txDataBytes: 32 }],
];

describe.each(["kernel", "frames"] as const)("ISO-TP by %s, against can-utils", { timeout: 300_000 }, (kind) => {
  async function ours(
    address: IsoTpAddress,
    settings: IsoTpSettings,
  ): Promise<{ channel: IsoTpChannel; sink: IsoTpRecorder; isotp: IsoTp }> {
    const { isotp, stop } = await openOurs(kind, VCAN);
    closers.push(stop);
    const sink = new IsoTpRecorder();
    return { channel: isotp.open(address, settings, sink), sink, isotp };
  }

  async function untilEvents(sink: IsoTpRecorder, count: number): Promise<void> {
    await until(() => sink.events.length >= count || undefined, {
      what: `${count} PDUs`,
      timeoutMs: 60_000,
      everyMs: 5,
    });
  }

  /** isotpserver sends a PDU; gives what comes of it. */
  async function takeBack(server: IsotpServer, sink: IsoTpRecorder, pdu: Uint8Array): Promise<string | undefined> {
    server.send(pdu);
    await untilEvents(sink, 1);
    return sink.events.shift();
  }

  function start(command: string, ...args: readonly string[]): Tool {
    const tool = startTool(command, ...args);
    closers.push(() => tool.stop());
    return tool;
  }

  it.each(VARIANTS)("sends to isotprecv and takes from isotpsend: %s", async (_, address, some) => {
    const settings = { ...DEFAULT_ISOTP, ...some };
    const { channel, sink } = await ours(address, settings);
    const receiver = start("isotprecv", "-l", "-b", "4", ...argumentsOf(address, settings));
    await untilListening(VCAN, address.txId, address.extended);
    const lengths = [1, 6, 7, 8, 62, 63, 300];
    for (const length of lengths) await channel.send(pduOf(length));
    await receiver.untilLines(lengths.length);
    expect(receiver.lines.map((line) => line.replaceAll(" ", "").toLowerCase())).toEqual(
      lengths.map((length) => hex(pduOf(length))),
    );
    // It answers with flow control, as isotpsend would: only one of both may be there.
    await receiver.stop();
    for (const length of [5, 200]) {
      await isotpsend(pduOf(length), ...argumentsOf(address, settings));
      await untilEvents(sink, 1);
      expect(sink.events.splice(0)).toEqual([hex(pduOf(length))]);
    }
  });

  it("is what isotpdump takes it for", async () => {
    const { channel } = await ours(NORMAL, DEFAULT_ISOTP);
    const dump = start("isotpdump", "-s", "7e0", "-d", "7e8", VCAN);
    start("isotprecv", "-l", ...argumentsOf(NORMAL, DEFAULT_ISOTP));
    await untilListening(VCAN, NORMAL.txId, false);
    const sawReady = async (): Promise<true | undefined> => {
      await channel.send(Uint8Array.of(0x3e, 0));
      return dump.lines.length > 0 || undefined;
    };
    await until(sawReady, { what: "isotpdump listens", timeoutMs: 60_000, everyMs: 100 });
    await channel.send(pduOf(20));
    // Single frames of before may still be on their way.
    const kinds = (): readonly (string | undefined)[] =>
      dump.lines
        .map((line) => /\[(SF|FF|CF|FC)\] (?:ln|sn|FC): (\w+)/.exec(line)?.slice(1).join(" "))
        .filter((kind) => kind !== "SF 2");
    await until(() => kinds().length >= 4 || undefined, { what: "four frames", timeoutMs: 60_000 });
    expect(kinds()).toEqual(["FF 20", "FC 0", "CF 1", "CF 2"]);
  });

  // isotpsend and isotprecv of Debian 12 (can-utils 2020.11) have room for 5000 bytes.
  it("carries 65,536 bytes to another program and back", async () => {
    const settings = { ...DEFAULT_ISOTP, fd: true, txDataBytes: 64 } as const;
    const { channel, sink } = await ours(NORMAL, settings);
    start("/usr/bin/python3", join(import.meta.dirname, "isotp-echo.py"), VCAN, "7e0", "7e8", "fd");
    await untilListening(VCAN, NORMAL.txId, false);
    await channel.send(pduOf(65_536));
    await untilEvents(sink, 1);
    expect(sink.events).toEqual([hex(pduOf(65_536))]);
  });

  it.each([
    ["classic", {}],
    ["CAN FD", { fd: true, txDataBytes: 64 }],
  ] as const)(
    `carries ${PAYLOADS} PDUs of 1 to 4095 bytes to isotpserver and back, seed ${SEED}: %s`,
    { timeout: 3_600_000 },
    async (_, some) => {
      const settings: IsoTpSettings = { ...DEFAULT_ISOTP, ...some };
      const { channel, sink } = await ours(NORMAL, settings);
      const server = await IsotpServer.start(5500, ...argumentsOf(NORMAL, settings));
      closers.push(() => server.stop());
      await untilListening(VCAN, NORMAL.txId, false);
      const random = seededRandom(SEED);
      const pool = pduOf(65_536, SEED);
      const next = (): Uint8Array => {
        const length = 1 + Math.floor(random() * 4095);
        const at = Math.floor(random() * (pool.length - length));
        return pool.subarray(at, at + length);
      };
      const differences: string[] = [];
      let lost = 0;
      const compare = (what: string, seen: string | undefined, sent: Uint8Array): void => {
        if (seen !== hex(sent)) differences.push(`${what}, ${sent.length} bytes: ${String(seen).slice(0, 60)}`);
      };
      for (let index = 0; index < PAYLOADS; index += 1) {
        const [there, back] = [next(), next()];
        await channel.send(there);
        await until(() => server.received.length > 0 || undefined, {
          what: `PDU ${index}`,
          timeoutMs: 60_000,
          everyMs: 1,
        });
        compare(`${index} there`, server.received.shift(), there);
        let event = await takeBack(server, sink, back);
        if (kind === "kernel" && event === "wrong-sequence") {
          // About once in 2000 PDUs the guest's kernel, with its two processors, takes frames by another order than CAN_RAW has them in.
          lost += 1;
          event = await takeBack(server, sink, back);
        }
        compare(`${index} back`, event, back);
      }
      expect(differences).toEqual([]);
      expect(lost).toBeLessThanOrEqual(1 + PAYLOADS / 100);
    },
  );
});

describe("ISO-TP of the kernel", () => {
  function senderThreads(): number {
    return readdirSync("/proc/self/task").filter((task) => nameOf(task) === "causeway-isotp").length;
  }

  /** A task can end between its listing and the reading of its name. */
  function nameOf(task: string): string | undefined {
    try {
      return readFileSync(`/proc/self/task/${task}/comm`, "utf8").trim();
    } catch {
      return undefined;
    }
  }

  it("survives the end of its thread of JavaScript in the middle of a transmission", async () => {
    const worker = new Worker(new URL("./worker-with-isotp.ts", import.meta.url));
    await new Promise((resolve, reject) => {
      worker.once("message", resolve);
      worker.once("error", reject);
    });
    await until(() => senderThreads() === 1 || undefined, { what: "a sender", timeoutMs: 10_000 });
    const since = performance.now();
    await worker.terminate();
    // N_Bs is a second: it did not wait for that.
    expect(performance.now() - since).toBeLessThan(900);
    expect(senderThreads()).toBe(0);
  });
});
