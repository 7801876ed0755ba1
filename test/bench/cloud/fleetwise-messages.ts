import { spawnSync } from "node:child_process";
import { join } from "node:path";

const PROTO = join(import.meta.dirname, "../../../config/proto");
const PACKAGE = "causeway.fleetwise.v1";

/** Whether this machine has protoc, which writes and reads the messages here. */
export const hasProtoc = spawnSync("protoc", ["--version"]).status === 0;

/** The bytes of a message of config/proto/fleetwise.proto given in protoc's text form. */
export function encodeText(message: string, text: string): Uint8Array {
  return protoc("--encode", message, text);
}

/** A message in protoc's text form, fields by name; what the .proto does not know stands by number. */
export function decodeText(message: string, payload: Uint8Array): string {
  return new TextDecoder().decode(protoc("--decode", message, payload));
}

function protoc(direction: "--encode" | "--decode", message: string, input: string | Uint8Array): Uint8Array {
  const args = ["-I", PROTO, `${direction}=${PACKAGE}.${message}`, join(PROTO, "fleetwise.proto")];
  const { status, stdout, stderr } = spawnSync("protoc", args, { input });
  if (status !== 0) throw new Error(`protoc ${direction} ${message}: ${stderr.toString()}`);
  return stdout;
}
