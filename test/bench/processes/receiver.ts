import { createInterface } from "node:readline";
import { z } from "zod";
import { EVERY_FRAME } from "../../../agent/ports/can-bus.ts";
import { FRAME_DATA_OFFSET, FRAME_STRIDE_BYTES, type FrameBatch } from "../../../agent/ports/frame.ts";
import { createSignalTable } from "../../../agent/signals/build-table.ts";
import { parseDbc } from "../../../agent/signals/dbc/parse.ts";
import { createNativeBus } from "../../../drivers/can/native-bus.ts";
import { loadRawChannels } from "../../../drivers/can/raw-channel.ts";
import { systemClock } from "../../../drivers/os/time-source.ts";

/** None of what the flood sends. */
const OTHER_IDS = Array.from({ length: 32 }, (_, id) => ({ id, mask: 0x1fff_ffff, extended: true }));

/** Decodes each frame of a batch: 64 messages of 8 signals, so that their code is warm as on a bus that has run for a while. */
function frameDecoder(): (batch: FrameBatch) => void {
  const signal = (at: number): string => ` SG_ S${at} : ${at * 8}|8@1+ (1,0) [0|0] "" X\n`;
  const signals = Array.from({ length: 8 }, (_, at) => signal(at)).join("");
  const text = Array.from({ length: 64 }, (_, id) => `BO_ ${id} M${id}: 8 X\n${signals}`).join("");
  const table = createSignalTable([{ bus: "bench", database: parseDbc(text).database }]);
  const { values, wides, present } = table;
  const messages = table.bus("bench");
  return (batch) => {
    for (let at = 0; at < batch.count; at += 1) {
      const start = at * FRAME_STRIDE_BYTES + FRAME_DATA_OFFSET;
      messages.find(batch.id(at) & 63, false)?.decode(batch.bytes, start, batch.length(at), values, wides, present);
    }
  };
}

const [kind, interfaceNames, bufferBytes, gatherMs] = z
  .tuple([z.enum(["native", "decoded", "filtered", "socketcan"]), z.string()], z.string())
  .parse(process.argv.slice(2));
let frames = 0;
let batches = 0;
/** What the driver counts as lost; npm socketcan does not know. */
let countDropped = (): number | undefined => undefined;
let droppedBefore = 0;
let since = process.cpuUsage();

if (kind !== "socketcan") {
  const silent = { error: () => undefined, warn: () => undefined, info: () => undefined, debug: () => undefined };
  const decode = kind === "native" ? undefined : frameDecoder();
  const buses = interfaceNames.split(",").map((name) =>
    createNativeBus(
      {
        name,
        interface: name,
        receiveBufferBytes: Number(bufferBytes ?? 8_388_608),
        ringFrames: 65_536,
        filters: kind === "filtered" ? OTHER_IDS : EVERY_FRAME,
      },
      { clock: systemClock(), log: silent, gatherMs: Number(gatherMs ?? 0) },
    ),
  );
  const onFrames = (batch: FrameBatch): void => {
    frames += batch.count;
    batches += 1;
    decode?.(batch);
  };
  for (const bus of buses) await bus.start({ onFrames, onState: () => undefined });
  countDropped = () => buses.reduce((sum, bus) => sum + (bus.counters().dropped ?? 0), 0);
} else {
  const channels = await loadRawChannels();
  for (const name of interfaceNames.split(",")) {
    const channel = channels.open(name);
    channel.addListener("onMessage", () => {
      frames += 1;
    });
    channel.start();
  }
}

// "reset" counts anew, "report" answers; ends with its stdin.
createInterface({ input: process.stdin })
  .on("line", (line) => {
    if (line === "reset") {
      frames = 0;
      droppedBefore = countDropped() ?? 0;
      since = process.cpuUsage();
      return;
    }
    const { user, system } = process.cpuUsage(since);
    const lost = countDropped();
    const dropped = lost === undefined ? undefined : lost - droppedBefore;
    process.stdout.write(`${JSON.stringify({ frames, batches, dropped, cpuUs: user + system })}\n`);
  })
  .on("close", () => process.exit(0));
process.stdout.write(`${JSON.stringify({ ready: true })}\n`);
