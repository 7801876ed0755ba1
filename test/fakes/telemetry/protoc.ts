import { spawnSync } from "node:child_process";
import { expect } from "vitest";

/** Whether protoc is installed. */
export const hasProtoc = spawnSync("protoc", ["--version"]).status === 0;

/** The text form that protoc, which shares no code with us, gives to a payload. */
export function protocDecode(payload: Uint8Array, source: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync("protoc", [...source, "--decode=causeway.v1.Record"], {
    input: payload,
    encoding: "utf8",
  });
  expect(stderr).toBe("");
  expect(status).toBe(0);
  return stdout;
}

/** All values of a field in protoc's text, in order. */
export function valuesOf(text: string, field: string): string[] {
  return [...text.matchAll(new RegExp(`^\\s*${field}: (.*)$`, "gm"))].map(([, value]) => value);
}
