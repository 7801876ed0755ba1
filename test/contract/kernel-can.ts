import { execFile, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import type { CanBus } from "../../agent/ports/can-bus.ts";
import { type CanFrame, FRAME_FLAG } from "../../agent/ports/frame.ts";
import { parseCandump } from "../../agent/signals/log-formats/candump.ts";
import { formatCandumpLog } from "../../agent/signals/log-formats/candump-text.ts";
import { readInterface } from "../../drivers/can/can-interface.ts";
import { until } from "../bench/core/wait.ts";
import type { BusUnderTest } from "./can-bus.suite.ts";

/** The interface that tests of the kernel's CAN use; CAN FD and up. */
export const VCAN = "vcan0";

/** Why the kernel's CAN cannot be tested here; undefined when it can. */
export function kernelCanMissing(): string | undefined {
  const link = readInterface(VCAN);
  if (link === undefined || link === "not-can") return "no kernel CAN (AF_CAN): ./scripts/guest run has it";
  if (!link.up || !link.fd) return `${VCAN} is not up with MTU 72`;
  return undefined;
}

const run = promisify(execFile);

/** Sends frames with canplayer of can-utils, in order and at once. */
export async function play(frames: readonly CanFrame[], interfaceName = VCAN): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "causeway-play-"));
  try {
    const file = join(folder, "frames.log");
    await writeFile(file, frames.map((frame) => `${formatCandumpLog("can0", frame)}\n`).join(""));
    await run("canplayer", ["-t", "-I", file, `${interfaceName}=can0`]);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** candump of can-utils on an interface: what it has printed so far. */
export type Candump = { readonly frames: readonly CanFrame[]; stop(): Promise<void> };

/** Starts candump, with filters that let 9EED0001 through (`,<id>:<mask>...`); resolves when it receives. */
export async function startCandump(interfaceName = VCAN, filters = ""): Promise<Candump> {
  const child = spawn("candump", ["-L", interfaceName + filters], { stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const frames: CanFrame[] = [];
  let ready = false;
  createInterface({ input: child.stdout }).on("line", (line) => {
    const parsed = parseCandump(line);
    if (parsed.kind !== "frame") throw new Error(`candump printed: ${line}`);
    if (parsed.frame.id === READY_ID && (parsed.frame.flags & FRAME_FLAG.extended) !== 0) ready = true;
    else frames.push(parsed.frame);
  });
  // It says nothing when it is ready, so frames are sent until one arrives.
  await until(
    async () => {
      if (!ready)
        await play(
          [{ id: READY_ID, flags: FRAME_FLAG.extended, data: new Uint8Array(), receivedAtUs: 0 }],
          interfaceName,
        );
      return ready || undefined;
    },
    { what: "candump is ready", timeoutMs: 20_000, everyMs: 100 },
  );
  return {
    frames,
    stop: async () => {
      child.kill();
      await ended;
    },
  };
}

/** An id that no test uses. */
const READY_ID = 0x1eed_0001;

/** A driver on `VCAN` with can-utils as the far side. */
export async function openOnKernel(bus: CanBus): Promise<BusUnderTest> {
  const far = await startCandump();
  return { bus, deliver: play, sent: () => far.frames, dispose: () => far.stop() };
}
