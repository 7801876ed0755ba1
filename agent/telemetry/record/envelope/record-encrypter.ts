import { constants, createSecretKey, type KeyObject, publicEncrypt } from "node:crypto";
import type { PayloadEncryption } from "../../../../config/encryption.ts";
import type { Clock } from "../../../core/clock.ts";
import type { Log } from "../../../core/log.ts";
import type { RecordId, StreamName } from "../../../ports/outbox.ts";
import { type EncryptedLane, LONGEST_ID, type PayloadEncrypter } from "../encode/record-sealer.ts";
import { type DataKey, encryptMessage, messageOverheadBytes } from "./encrypt-message.ts";
import { DATA_KEY_BYTES, type EncryptionContext, MESSAGE_ID_BYTES } from "./message-format.ts";

const HOUR_MS = 3_600_000;

/** With what records are encrypted. */
export type RecordEncrypterParts = {
  readonly thing: string;
  readonly settings: PayloadEncryption;
  /** RSA; whoever has its other half can read the records. */
  readonly publicKey: KeyObject;
  readonly clock: Pick<Clock, "monotonicMs">;
  /** Random bytes that nobody can guess, of the system. */
  readonly randomBytes: (count: number) => Uint8Array;
  readonly log: Log;
};

/** A campaign is told once in so many others. */
const KNOWN_CAMPAIGNS = 1000;

/** The data key in use, and what it has served. */
type UsedKey = DataKey & { readonly madeAtMs: number; records: number; bytes: number };

/**
 * Encrypts payloads, each as a message of its own, with data keys that it makes and wraps itself: it asks nobody, so that it works offline.
 *
 * The key of a message follows from the data key and a message id that is random and new with each call. So no key ever meets two
 * plaintexts with one initialisation vector: not where a transaction failed and the same id gets other bytes, and not where a disk was put back to
 * an earlier state.
 */
export class RecordEncrypter implements PayloadEncrypter {
  readonly #parts: RecordEncrypterParts;
  #key: UsedKey | undefined;
  readonly #met = new Set<string>();

  constructor(parts: RecordEncrypterParts) {
    this.#parts = parts;
  }

  covers(stream: StreamName, isTable: boolean): boolean {
    const { streams, tables } = this.#parts.settings;
    return isTable ? tables : streams.includes(stream);
  }

  encrypt(id: RecordId, payload: Uint8Array): Uint8Array {
    const key = this.#keyFor(payload.length);
    key.records += 1;
    key.bytes += payload.length;
    return encryptMessage(key, this.#parts.randomBytes(MESSAGE_ID_BYTES), this.#contextOf(id), payload);
  }

  overheadBytes(payloadBytes: number): number {
    return messageOverheadBytes(this.#keyFor(0).wrapped, this.#contextOf(LONGEST_ID), payloadBytes);
  }

  meet({ campaign, stream, form, thin }: EncryptedLane): void {
    if (campaign === undefined || !this.covers(stream, false)) return;
    const problems = [
      ...(form === "columns" ? [] : [`no rule of a cloud reads its ${form}`]),
      ...(thin === undefined ? [] : ["a full outbox evicts its records, and does not thin them"]),
    ];
    const name = `${campaign} ${stream} ${form} ${thin}`;
    if (problems.length === 0 || this.#met.has(name)) return;
    if (this.#met.size >= KNOWN_CAMPAIGNS) this.#met.clear();
    this.#met.add(name);
    const what = `its stream ${stream} is encrypted: ${problems.join("; ")}`;
    this.#parts.log.warn("encode.encrypted-campaign", { campaign, what });
  }

  #contextOf({ epoch, stream, seq }: RecordId): EncryptionContext {
    return { thing: this.#parts.thing, epoch: String(epoch), stream, seq: String(seq) };
  }

  #keyFor(bytes: number): UsedKey {
    const { settings, clock } = this.#parts;
    const { hours, records, bytes: maxBytes } = settings.rotation;
    const nowMs = clock.monotonicMs();
    const key = this.#key;
    const isSpent =
      key === undefined ||
      nowMs - key.madeAtMs >= hours * HOUR_MS ||
      key.records >= records ||
      (key.records > 0 && key.bytes + bytes > maxBytes);
    if (!isSpent) return key;
    this.#key = this.#newKey(nowMs);
    return this.#key;
  }

  #newKey(madeAtMs: number): UsedKey {
    const { settings, publicKey, randomBytes } = this.#parts;
    const dataKey = randomBytes(DATA_KEY_BYTES);
    const bytes = publicEncrypt(
      { key: publicKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: "sha256" },
      dataKey,
    );
    const plain = createSecretKey(dataKey);
    dataKey.fill(0);
    const wrapped = { providerId: settings.keyNamespace, keyName: settings.keyName, bytes };
    return { plain, wrapped, madeAtMs, records: 0, bytes: 0 };
  }
}
