import { AgentError } from "../../../core/errors.ts";
import type { RecordId } from "../../../ports/outbox.ts";
import { decryptMessage, type EncryptedMessage, parseMessage, refused } from "../envelope/decrypt-message.ts";
import { type EncryptionContext, isEncrypted } from "../envelope/message-format.ts";
import type { DecodedRecord } from "./decoded-record.ts";
import { type KeyUnwrapper, rememberKeys } from "./key-unwrapper.ts";
import type { RecordReader } from "./record-reader.ts";

/** Data keys that are remembered: one of a vehicle lasts for a day as it is set by default. */
const KNOWN_KEYS = 10_000;

/** Whose record a payload is said to be, by its topic and user properties. */
export type ClaimedRecord = RecordId & { readonly thing: string };

/** Reads records that may be encrypted. */
export interface EncryptedRecordReader {
  /**
   * The record in `payload`, as `RecordReader.decode` gives it. Where it is encrypted, its context must name the record that is inside, and
   * `claimed` where that is given. Rejects with `input.malformed` or `input.refused` for what is not as it was written, and with `input.unavailable`
   * where the key cannot be asked now.
   */
  decode(payload: Uint8Array, claimed?: ClaimedRecord): Promise<DecodedRecord>;
  /** The same, with the payload in the clear, from which `RecordReader.decode` makes the record again. */
  read(payload: Uint8Array, claimed?: ClaimedRecord): Promise<ClearRecord>;
}

/** A record and the payload that it was in, compressed as it came and not encrypted. */
export type ClearRecord = { readonly record: DecodedRecord; readonly payload: Uint8Array };

/** Reads records with the keys that `unwrapper` gives; `maxKeys` of them are remembered. */
export function encryptedRecordReader(
  reader: RecordReader,
  unwrapper: KeyUnwrapper,
  maxKeys = KNOWN_KEYS,
): EncryptedRecordReader {
  const keys = rememberKeys(unwrapper, maxKeys);
  const read = async (payload: Uint8Array, claimed?: ClaimedRecord): Promise<ClearRecord> => {
    if (!isEncrypted(payload)) return { record: reader.decode(payload), payload };
    const message = parseMessage(payload);
    // Before the key is asked for: who sends a record under another's name gets no answer out of it.
    if (claimed !== undefined) requireContext(message.context, claimed);
    const clear = decryptMessage(message, await dataKeyOf(message, keys));
    const record = reader.decode(clear);
    requireContext(message.context, record);
    return { record, payload: clear };
  };
  return { read, decode: async (payload, claimed) => (await read(payload, claimed)).record };
}

async function dataKeyOf({ wrappedKeys }: EncryptedMessage, keys: KeyUnwrapper): Promise<Uint8Array> {
  let fault: unknown;
  for (const { bytes, providerId, keyName } of wrappedKeys) {
    try {
      return await keys.unwrap(bytes, providerId, keyName);
    } catch (thrown) {
      // One that may answer later must not be hidden by one that never will.
      if (!(fault instanceof AgentError && fault.code === "input.unavailable")) fault = thrown;
    }
  }
  throw fault;
}

function requireContext(context: EncryptionContext, { thing, epoch, stream, seq }: ClaimedRecord): void {
  const expected = { thing, epoch: String(epoch), stream, seq: String(seq) };
  for (const [key, value] of Object.entries(expected)) {
    if (context[key] === value) continue;
    throw refused(`its context says ${key} ${context[key] ?? "nothing"}, and it came as ${value}`);
  }
}
