import type { BusDiagnosticsConfig } from "../../../config/diagnostics.ts";
import { DEFAULT_ISOTP } from "../isotp/default-settings.ts";
import type { TesterSettings } from "./bus-tester.ts";

/** The settings of a tester as the configuration has them. */
export function testerSettings(transmit: NonNullable<BusDiagnosticsConfig["transmit"]>): TesterSettings {
  const { requestsPerSecond, busLoadShare, bitRate, silenceSeconds, backOffSeconds, pendingSeconds, isotp } = transmit;
  const { padding, blockSize, separationMs, maxWaitFrames, maxPduBytes } = isotp;
  return {
    requestsPerSecond,
    busLoadShare,
    bitRate,
    silenceMs: silenceSeconds * 1000,
    backOff: { firstMs: backOffSeconds.first * 1000, longestMs: backOffSeconds.longest * 1000 },
    pendingMs: pendingSeconds * 1000,
    isotp: { ...DEFAULT_ISOTP, padding, blockSize, separationUs: separationMs * 1000, maxWaitFrames, maxPduBytes },
  };
}
