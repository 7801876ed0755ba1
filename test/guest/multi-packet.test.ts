import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import type { CanBus } from "../../agent/ports/can-bus.ts";
import type { FrameBatch } from "../../agent/ports/frame.ts";
import { FRAME_DATA_OFFSET, FRAME_STRIDE_BYTES } from "../../agent/ports/frame.ts";
import { createSignalTable } from "../../agent/signals/build-table.ts";
import { parseDbc } from "../../agent/signals/dbc/parse.ts";
import { CaptureDecoder } from "../../agent/telemetry/history/capture-decoder.ts";
import { createNativeBus } from "../../drivers/can/native-bus.ts";
import { systemClock } from "../../drivers/os/time-source.ts";
import { seededRandom } from "../bench/core/seeded-random.ts";
import { until } from "../bench/core/wait.ts";
import { MemoryLog } from "../fakes/core/log.ts";

const SEED = 1939;
/** A group to all (PDU2) and one with a destination (PDU1), as a DBC file has their ids. */
const GROUPS = [
  { pgn: 65_217, dbcId: 0x98fe_c1fe },
  { pgn: 57_088, dbcId: 0x98df_fffe },
] as const;
const LONGEST = 1785;
/** 64 bits each, and the byte that is left. */
const SIGNALS = [
  ...Array.from({ length: 223 }, (_, at) => ` SG_ W${at} : ${at * 64}|64@1+ (1,0) [0|0] "" X\n`),
  ` SG_ Last : ${(LONGEST - 1) * 8}|8@1+ (1,0) [0|0] "" X\n`,
].join("");
const DBC = `${GROUPS.map(({ pgn, dbcId }) => `BO_ ${dbcId} G${pgn}: ${LONGEST} X\n${SIGNALS}`).join("")}BA_ "ProtocolType" "J1939";\n`;

type Transfer = { readonly pgn: number; readonly from: number; readonly to: number; readonly hex: string };

/** Sends with the kernel's own stack, whose sockets at the destinations answer; a socket each address, all at once. */
const SENDER = `
import json, socket, sys
def at(address):
    s = socket.socket(socket.AF_CAN, socket.SOCK_DGRAM, socket.CAN_J1939)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    s.bind(("vcan0", socket.J1939_NO_NAME, socket.J1939_NO_PGN, address))
    return s
transfers = json.load(open(sys.argv[1]))
ears = [at(to) for to in {t["to"] for t in transfers} if to != 255]
mouths = {source: at(source) for source in {t["from"] for t in transfers}}
for t in transfers:
    mouths[t["from"]].sendto(bytes.fromhex(t["hex"]), ("vcan0", socket.J1939_NO_NAME, t["pgn"], t["to"]))
sys.stdin.read()
`;

const open: CanBus[] = [];
const closers: (() => void)[] = [];

afterEach(async () => {
  for (const bus of open.splice(0)) await bus.stop();
  for (const close of closers.splice(0)) close();
});

/** What comes over vcan0, decoded, as "SOURCE>DESTINATION GROUP RAW RAW ..."; the same of a transfer is `shownOf`. */
async function listen(): Promise<readonly string[]> {
  const table = createSignalTable([{ bus: "can0", database: parseDbc(DBC).database }], 100_000);
  const heard: string[] = [];
  const decoder = new CaptureDecoder(table, [table.bus("can0")], (message, allPresent, _timeUs, slot) => {
    const origin = table.slots.originOf(slot);
    const raws: string[] = [];
    for (let at = 0; at < message.signalCount; at++) {
      const signal = table.signals[message.firstSignal + at];
      if (!allPresent && decoder.present[signal.index] === 0) continue;
      const raw = signal.wide < 0 ? decoder.values[signal.index] : BigInt.asUintN(64, decoder.wides[signal.wide]);
      raws.push(raw.toString(16));
    }
    heard.push(`${origin?.source}>${origin?.destination ?? ""} ${message.pgn} ${raws.join(" ")}`);
  });
  const bus = createNativeBus(
    {
      name: "can0",
      interface: "vcan0",
      receiveBufferBytes: 8_388_608,
      ringFrames: 65_536,
      filters: table.bus("can0").filters,
    },
    { clock: systemClock(), log: new MemoryLog() },
  );
  open.push(bus);
  await bus.start({
    onFrames: (batch: FrameBatch) => {
      for (let at = 0; at < batch.count; at++) {
        const dataAt = at * FRAME_STRIDE_BYTES + FRAME_DATA_OFFSET;
        decoder.visit(0, batch.bytes, dataAt, batch.length(at), batch.id(at), batch.flags(at), batch.receivedAtUs(at));
      }
    },
    onState: () => undefined,
  });
  return heard;
}

function shownOf({ pgn, from, to, hex }: Transfer): string {
  const bytes = Buffer.from(hex, "hex");
  const words = Array.from({ length: Math.floor(bytes.length / 8) }, (_, at) =>
    bytes.readBigUInt64LE(at * 8).toString(16),
  );
  const last = bytes.length === LONGEST ? [bytes[LONGEST - 1].toString(16)] : [];
  // A group to all has no destination, even where one alone is told.
  return `${from}>${pgn === 57_088 ? to : ""} ${pgn} ${[...words, ...last].join(" ")}`;
}

function start(command: string, args: readonly string[], onEnd: () => void = () => undefined): void {
  const child = spawn(command, args, { stdio: ["pipe", "ignore", "inherit"] });
  child.once("close", onEnd);
  closers.push(() => child.kill());
}

function fileOf(content: string | Uint8Array): string {
  const folder = mkdtempSync(join(tmpdir(), "causeway-j1939-"));
  closers.push(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "content");
  writeFileSync(file, content);
  return file;
}

describe("messages of several frames that the kernel's J1939 stack sends", () => {
  it(`are decoded as they were sent, to all and to one, many at a time (seed ${SEED})`, async () => {
    const random = seededRandom(SEED);
    const hexOf = (length: number): string =>
      Buffer.from(Uint8Array.from({ length }, () => Math.floor(random() * 256))).toString("hex");
    const lengths = [
      9,
      10,
      14,
      15,
      16,
      1784,
      1785,
      ...Array.from({ length: 43 }, () => 9 + Math.floor(random() * 1777)),
    ];
    const toOne = lengths.map((length, at): Transfer => {
      const { pgn } = GROUPS[at % 2];
      return { pgn, from: 0x10 + (at % 5), to: 0x90 + (at % 3), hex: hexOf(length) };
    });
    // The kernel pauses 50 ms between the packets of each.
    const toAll = Array.from({ length: 24 }, (_, at): Transfer => {
      return { pgn: GROUPS[at % 2].pgn, from: 0x20 + (at % 8), to: 255, hex: hexOf(9 + Math.floor(random() * 60)) };
    });
    const transfers = [...toAll, ...toOne];
    const heard = await listen();
    start("python3", ["-c", SENDER, fileOf(JSON.stringify(transfers))]);
    await until(() => heard.length >= transfers.length || undefined, { what: "all messages came", timeoutMs: 60_000 });
    expect(heard.toSorted()).toEqual(transfers.map(shownOf).toSorted());
  });

  it("are decoded as j1939cat sent them", async () => {
    const bytes = (length: number): Buffer => Buffer.from(Uint8Array.from({ length }, (_, at) => at * 7));
    const [long, short] = [bytes(LONGEST), bytes(57)];
    const heard = await listen();
    start("j1939cat", ["-r", "vcan0:0x92"]);
    const ended = { count: 0 };
    const isEnd = (): void => {
      ended.count += 1;
    };
    start("j1939cat", ["-i", fileOf(short), "-B", "vcan0:0x81", ":0xff,0xfec1"], isEnd);
    // Until its receiver is there nobody answers.
    await until(
      () => {
        start("j1939cat", ["-i", fileOf(long), "vcan0:0x80", ":0x92,0xdf00"]);
        return heard.some((text) => text.startsWith("128>")) || undefined;
      },
      { what: "j1939cat was answered", timeoutMs: 60_000, everyMs: 2000 },
    );
    await until(() => heard.some((text) => text.startsWith("129>")) || undefined, {
      what: "j1939cat sent to all",
      timeoutMs: 60_000,
    });
    expect(new Set(heard)).toEqual(
      new Set([
        shownOf({ pgn: 57_088, from: 0x80, to: 0x92, hex: long.toString("hex") }),
        shownOf({ pgn: 65_217, from: 0x81, to: 255, hex: short.toString("hex") }),
      ]),
    );
  });
});
