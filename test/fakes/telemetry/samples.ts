import type { Clock } from "../../../agent/core/clock.ts";
import type { RecordId } from "../../../agent/ports/outbox.ts";
import type { SignalTable } from "../../../agent/signals/signal-table.ts";
import type { OutputSchema } from "../../../agent/telemetry/collect/lane.ts";
import type { SampleLog } from "../../../agent/telemetry/collect/sample-log.ts";
import { SampleLog as Log } from "../../../agent/telemetry/collect/sample-log.ts";
import { Encoder, type EncoderParts } from "../../../agent/telemetry/record/encode/encoder.ts";
import { ManualClock } from "../core/clock.ts";

/** One sample on its way into a log. */
export type LoggedSample = {
  /** Its slot. */
  readonly signal: number;
  /** µs since the Unix epoch. */
  readonly timeUs: number;
  readonly raw: number | bigint;
  /** Whether it begins a frame; yes when absent. */
  readonly opens?: boolean;
};

/** A log that holds the given samples, as a collector would have filled it. */
export function logOf({ slots }: Pick<OutputSchema, "slots">, samples: readonly LoggedSample[]): SampleLog {
  const log = new Log(samples.length);
  for (const { signal, timeUs, raw, opens } of samples) {
    log.reserve();
    const at = log.count;
    log.slots[at] = signal;
    log.timesUs[at] = timeUs;
    log.opens[at] = opens === false ? 0 : 1;
    if (slots.signalOf(signal).wide < 0) log.values[at] = Number(raw);
    else new BigInt64Array(log.words.buffer)[at] = BigInt.asIntN(64, BigInt(raw));
    log.count += 1;
  }
  return log;
}

/** An encoder for tests: no compression, times in µs, no life, as far as `settings` does not say otherwise. */
export function encoderOf(
  table: SignalTable,
  settings: Partial<EncoderParts["settings"]> = {},
  encrypter?: EncoderParts["encrypter"],
  clock: Clock = new ManualClock({ wallUs: 1_767_225_600_123_456, monotonicMs: 5000.25, quality: "ntp" }),
): Encoder {
  return new Encoder({
    encrypter,
    thing: "truck-1",
    bootId: "00112233445566778899aabbccddeeff",
    table,
    clock,
    settings: { compression: "none", maxPayloadBytes: 120_000, timeResolutionUs: 1, lifeMs: {}, ...settings },
  });
}

/** An id of the given stream. */
export function idOf(seq: number, stream: RecordId["stream"] = "telemetry"): RecordId {
  return { epoch: 0xa1b2_c3d4_e5f6, stream, seq };
}
