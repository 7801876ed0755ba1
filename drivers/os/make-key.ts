import type { KeyProgram, MadeKey } from "../../agent/ports/key-program.ts";
import { runWithInput } from "./run-program.ts";

/** A line of hexadecimal digits, two a byte; ISO-TP carries longer keys, but no ECU has one. */
const KEY = /^\s*((?:[0-9a-fA-F]{2}){1,255})\s*$/;

/** See `MakeKey`. What the program prints, on either output, stays here. */
export async function makeKey(
  { program, arguments: args, timeoutMs }: KeyProgram,
  seed: Uint8Array,
  signal: AbortSignal,
): Promise<MadeKey> {
  const input = `${Buffer.from(seed).toString("hex")}\n`;
  const end = await runWithInput({ program, args, input }, timeoutMs, signal);
  switch (end.kind) {
    case "not-run":
      return { kind: "failed", problem: end.detail };
    case "timed-out":
      return { kind: "failed", problem: `${program} gave no key within ${timeoutMs} ms` };
    case "stopped":
      return { kind: "failed", problem: `${program} was stopped` };
    case "exited":
      return keyOf(program, end.code, end.stdout);
  }
}

function keyOf(program: string, code: number, stdout: string): MadeKey {
  if (code !== 0) return { kind: "failed", problem: `${program} ended with code ${code}` };
  const digits = KEY.exec(stdout)?.[1];
  if (digits === undefined)
    return { kind: "failed", problem: `${program} printed something else than one line of hexadecimal digits` };
  return { kind: "key", key: Uint8Array.from(Buffer.from(digits, "hex")) };
}
