import { describe, expect, it } from "vitest";
import { diagnoseFailure, type FailureDiagnosis } from "../../../../../drivers/aws/link/connect-failure.ts";

const FACTS = { host: "broker.example", port: 8883, clientId: "veh-001", connectTimeoutMs: 10_000 };

function judge(errorName: string, reasonCode?: number) {
  const connack = reasonCode === undefined ? undefined : { reasonCode, reasonString: "because\u001b[31m" };
  return diagnoseFailure({ errorName, connack }, FACTS);
}

function faultOf(verdict: FailureDiagnosis) {
  return verdict.kind === "known" ? verdict.fault : undefined;
}

describe("diagnoseFailure", () => {
  it.each([
    ["AWS_IO_DNS_INVALID_NAME", "broker.unreachable", "broker.example cannot be resolved"],
    ["AWS_IO_DNS_QUERY_AGAIN", "broker.unreachable", "broker.example cannot be resolved"],
    ["AWS_ERROR_MQTT5_DECODE_PROTOCOL_ERROR", "broker.unfit", "no CONNACK of MQTT 5.0"],
    ["AWS_IO_SOCKET_CONNECTION_REFUSED", "broker.unreachable", "refused the TCP connection"],
    ["AWS_IO_SOCKET_TIMEOUT", "broker.unreachable", "did not answer within 10000 ms"],
    ["AWS_IO_TLS_NEGOTIATION_TIMEOUT", "broker.tls-failed", "no TLS answer"],
    ["AWS_ERROR_MQTT5_CONNACK_TIMEOUT", "broker.unreachable", "no CONNACK within 10000 ms"],
    ["AWS_IO_SOMETHING_NEW", "broker.unreachable", "AWS_IO_SOMETHING_NEW"],
  ])("knows what %s means", (name, code, what) => {
    const fault = faultOf(judge(name));
    expect(fault?.code).toBe(code);
    expect(fault?.what).toContain(what);
  });

  it("leaves the TLS handshake to a look at the server's certificate", () => {
    expect(judge("AWS_IO_TLS_ERROR_NEGOTIATION_FAILURE").kind).toBe("opaque");
    expect(judge("AWS_IO_TLS_ERROR_READ_FAILURE").kind).toBe("opaque");
  });

  it.each(["AWS_IO_SOCKET_CLOSED", "AWS_ERROR_MQTT_UNEXPECTED_HANGUP"])(
    "takes %s for a close without a word",
    (name) => {
      expect(judge(name).kind).toBe("closed");
    },
  );

  it("says the CONNACK's reason, without control characters, and what to do about it", () => {
    const fault = faultOf(judge("AWS_ERROR_MQTT5_CONNACK_CONNECTION_REFUSED", 0x85));
    expect(fault?.code).toBe("broker.refused");
    expect(fault?.what).toBe(
      "the broker broker.example:8883 refused the connection: CONNACK 0x85 client identifier not valid (because [31m)",
    );
    expect(fault?.remedy).toContain("client id veh-001");
  });

  it("tells a thing that may not connect from a broker that is busy", () => {
    const code = (reasonCode: number) => faultOf(judge("AWS_ERROR_MQTT5_CONNACK_CONNECTION_REFUSED", reasonCode))?.code;
    expect([0x86, 0x87, 0x8a, 0x8c].map(code)).toEqual(Array.from({ length: 4 }, () => "broker.not-authorised"));
    expect([0x85, 0x88, 0x89, 0x97].map(code)).toEqual(Array.from({ length: 4 }, () => "broker.refused"));
  });
});
