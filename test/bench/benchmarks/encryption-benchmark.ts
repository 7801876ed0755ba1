import { constants, generateKeyPairSync, publicEncrypt, randomBytes } from "node:crypto";
import type { Encoder } from "../../../agent/telemetry/record/encode/encoder.ts";
import { RecordEncrypter } from "../../../agent/telemetry/record/envelope/record-encrypter.ts";
import { payloadEncryption } from "../../../config/encryption.ts";
import { ManualClock } from "../../fakes/core/clock.ts";
import { MemoryLog } from "../../fakes/core/log.ts";
import { encoderOf, sampleLog, seal } from "./encode-benchmark.ts";
import { smoothTable } from "./smooth-signals.ts";
import { inTurns, type Spread, spreadOf } from "./timing.ts";

/** Frames of 250 ms at 2000 frames/s. */
const FRAMES = 500;
const ROUNDS = 10;
const CALLS = 200;
const RSA_BITS = 3072;
const KEY_NAME = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

/** One record: CPU of `seal` (compression and encryption, where there is one), µs, and its length. */
export type SealedRecord = { readonly micros: Spread; readonly bytes: number; readonly samples: number };

/** What encryption for consumers adds, both in the same run. */
export type EncryptionFigures = {
  readonly clear: SealedRecord;
  readonly encrypted: SealedRecord;
  /** CPU of one data key, µs. */
  readonly wrapMicros: Spread;
};

/** Seals the same record of the benchmark's vehicle with and without encryption, in turns. */
export function benchmarkEncryption(): EncryptionFigures {
  const { publicKey } = generateKeyPairSync("rsa", { modulusLength: RSA_BITS });
  const table = smoothTable();
  const log = sampleLog(table, [], FRAMES);
  const settings = payloadEncryption.parse({ publicKeyFile: "key.pem", keyName: KEY_NAME });
  const parts = {
    thing: "truck-0001",
    settings,
    publicKey,
    clock: new ManualClock(),
    randomBytes,
    log: new MemoryLog(),
  };
  const encoders = [encoderOf(table, "zstd"), encoderOf(table, "zstd", new RecordEncrypter(parts))];
  const sealers = encoders.map((encoder) => sealerOf(encoder, log));
  const wrap = { key: publicKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: "sha256" };
  const runs = [...sealers, () => publicEncrypt(wrap, randomBytes(32)).length];
  const times = inTurns(
    ROUNDS,
    runs.map((run) => () => microsOf(run)),
  );
  const [clear, encrypted, wrapMicros] = times.map(spreadOf);
  const [clearBytes, encryptedBytes] = sealers.map((run) => run());
  return {
    clear: { bytes: clearBytes, micros: clear, samples: log.count },
    encrypted: { bytes: encryptedBytes, micros: encrypted, samples: log.count },
    wrapMicros,
  };
}

function sealerOf(encoder: Encoder, log: ReturnType<typeof sampleLog>): () => number {
  const [draft] = encoder.samples(log, []);
  return () => seal(draft).length;
}

/** Mean CPU of one call, µs. */
function microsOf(run: () => number): number {
  const start = process.cpuUsage();
  for (let call = 0; call < CALLS; call += 1) run();
  const { user, system } = process.cpuUsage(start);
  return (user + system) / CALLS;
}
