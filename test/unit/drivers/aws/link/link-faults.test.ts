import { describe, expect, it } from "vitest";
import { connectionLost } from "../../../../../drivers/aws/link/link-faults.ts";

const FACTS = { host: "broker.example", port: 8883, clientId: "veh-001", connectTimeoutMs: 10_000 };

describe("connectionLost", () => {
  it("tells a thing that may not connect from a broker that is busy", () => {
    const code = (reasonCode: number) =>
      connectionLost("AWS_ERROR_MQTT5_DISCONNECT_RECEIVED", { reasonCode }, FACTS).code;
    expect([0x87, 0x98].map(code)).toEqual(["broker.not-authorised", "broker.refused"]);
  });

  it("names a twin that took the session over", () => {
    const fault = connectionLost("AWS_ERROR_MQTT5_DISCONNECT_RECEIVED", { reasonCode: 0x8e }, FACTS);
    expect(fault.what).toContain("0x8e session taken over");
    expect(fault.remedy).toContain("another client connects as veh-001");
  });

  it("is a lost link without a DISCONNECT", () => {
    expect(connectionLost("AWS_ERROR_MQTT_UNEXPECTED_HANGUP", undefined, FACTS).code).toBe("broker.unreachable");
  });
});
