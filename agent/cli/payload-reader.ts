import { readDescriptor } from "../../config/proto/descriptor.ts";
import { AgentError } from "../core/errors.ts";
import { isEncrypted } from "../telemetry/record/envelope/message-format.ts";
import type { DecodedRecord } from "../telemetry/record/read/decoded-record.ts";
import { createRecordReader } from "../telemetry/record/read/record-reader.ts";
import { readInputFile } from "./input-file.ts";

/** Description of the option of every verb that reads payloads. */
export const KEY_OPTION = ["--key <file>", "private RSA key (PEM) of payloads that are encrypted"] as const;

/** Reads payloads as received from the broker. */
export type PayloadReader = {
  /** Throws or rejects with `input.malformed`, or `input.refused` where it is encrypted and cannot be opened. */
  decode(payload: Uint8Array): DecodedRecord | Promise<DecodedRecord>;
};

/** A reader of payloads, with the private key in `keyFile` of those too that are encrypted for it. Throws `input.missing`, or `input.refused` for what is no such key. */
export async function payloadReader(keyFile: string | undefined): Promise<PayloadReader> {
  const reader = createRecordReader(readDescriptor());
  if (keyFile === undefined) {
    return { decode: (payload) => (isEncrypted(payload) ? refuse() : reader.decode(payload)) };
  }
  const { encryptedRecordReader } = await import("../telemetry/record/read/record-decrypter.ts");
  const { privateKeyUnwrapper } = await import("../telemetry/record/read/key-unwrapper.ts");
  const pem = Buffer.from(await readInputFile(keyFile)).toString("utf8");
  return encryptedRecordReader(reader, privateKeyUnwrapper(pem));
}

function refuse(): never {
  throw new AgentError("input.refused", {
    what: "the payload is encrypted",
    remedy: "Give the private key whose public half the vehicle has: --key FILE.",
  });
}
