import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { buildNativeTool } from "../bench/native/native-tool.ts";

const run = promisify(execFile);

/** `ip ARGS`, by the busybox that the guest is made with. */
export async function ip(...args: readonly string[]): Promise<void> {
  await run("busybox", ["ip", ...args]);
}

/** Makes a vcan interface that carries CAN FD, and brings it up. */
export async function addVcan(name: string, mtu = 72): Promise<void> {
  await ip("link", "add", name, "type", "vcan");
  await ip("link", "set", name, "mtu", String(mtu), "up");
}

/** Sends `frames` numbered frames on an interface; 0 frames a second is as fast as the kernel takes them. Resolves with how many it took. */
export async function flood(name: string, frames: number, framesPerSecond: number): Promise<number> {
  const { stdout } = await run(await buildNativeTool("flood"), [name, String(frames), String(framesPerSecond)]);
  return Number(stdout);
}
