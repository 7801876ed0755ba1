import { describe, expect, it } from "vitest";
import type { BrokerLimits } from "../../../../../agent/ports/broker.ts";
import { PayloadBound } from "../../../../../agent/telemetry/record/encode/payload-bound.ts";
import { MemoryLog } from "../../../../fakes/core/log.ts";

const LIMITS = { receiveMaximum: 100, maximumPacketBytes: 149_504, topicAliasMaximum: 8, retainAvailable: true };

function boundOf(configuredBytes: number) {
  const log = new MemoryLog();
  let limits: BrokerLimits | undefined;
  const status = () => ({ state: "online", sinceMs: 0, fault: undefined, connects: 1, limits }) as const;
  const bound = new PayloadBound(configuredBytes, { status }, log);
  const under = (now: BrokerLimits | undefined): number => {
    limits = now;
    return bound.bytes();
  };
  return { under, log };
}

describe("PayloadBound", () => {
  it("is what is configured until the broker has said that it takes less, and stays so while there is no link", () => {
    const { under, log } = boundOf(400_000);
    expect(under(undefined)).toBe(400_000);
    expect(under(LIMITS)).toBe(148_480);
    expect(under(undefined)).toBe(148_480);
    expect(under({ ...LIMITS, maximumPacketBytes: 10_000_000 })).toBe(400_000);
    expect(log.of("encode.payload-bounded").map(({ facts }) => facts)).toEqual([
      { configuredBytes: 400_000, brokerBytes: 148_480 },
    ]);
  });

  it("keeps to a service that takes less than its packets would hold", () => {
    const { under } = boundOf(140_000);
    expect(under({ ...LIMITS, maximumPayloadBytes: 131_072 })).toBe(131_072);
    expect(boundOf(120_000).under({ ...LIMITS, maximumPayloadBytes: 131_072 })).toBe(120_000);
  });
});
