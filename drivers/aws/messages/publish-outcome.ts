import type { Mqtt5Client } from "aws-crt/dist/native/mqtt5.js";
import type { mqtt5 } from "aws-iot-device-sdk-v2";
import type { BrokerLimits, Publication, PublishOutcome } from "../../../agent/ports/broker.ts";
import { NO_TEXT, packetOf } from "../client.ts";
import { crtErrorName } from "../identity/identity-faults.ts";
import { publishPacketBytes } from "./packet-size.ts";
import { FIRST_FAILURE_CODE, reasonText } from "./reason-codes.ts";

/** No PUBACK came. */
export const OFFLINE: PublishOutcome = { kind: "offline" };

/** No PUBACK came, and the broker has ended the connection. `disconnect` is its packet, when it sent one; `unanswered` as in `ConnectionEnding`. */
export function offlineAfter(disconnect: mqtt5.DisconnectPacket | undefined, unanswered: number): PublishOutcome {
  if (disconnect === undefined) return OFFLINE;
  const { reasonCode, reasonString } = disconnect;
  return { kind: "offline", ended: { reasonCode, reason: reasonText(reasonCode, reasonString), unanswered } };
}

const TOPIC_NAME_INVALID = 0x90;
const PAYLOAD_FORMAT_INVALID = 0x99;
/** Of a string, and of binary data (MQTT 5.0, 1.5.4 and 1.5.6). */
const MAX_STRING_BYTES = 65_535;
/** What aws-crt throws where it does not take a publication at all (source/mqtt5_client.c, aws_napi_mqtt5_client_publish). */
const NOT_TAKEN = /failure invoking native client publish|storage init failure/;

/** Something in the publication is not as MQTT has it: it was never sent, and never can be. */
export const REFUSED_HERE: PublishOutcome = {
  kind: "rejected",
  reasonCode: PAYLOAD_FORMAT_INVALID,
  reason: `${reasonText(PAYLOAD_FORMAT_INVALID)} (found before it was sent)`,
};

/** Sends a publication, and gives what became of it. Never rejects. */
export function deliver(client: Mqtt5Client, publication: Publication): Promise<PublishOutcome> {
  const sent = client.publish(packetOf(publication));
  if (publication.qos === 0) return sent.then(() => ({ kind: "acked" }), outcomeOfError);
  return sent.then(outcomeOfPuback, outcomeOfError);
}

/** What the broker's answer means. The SDK takes every PUBACK for success, also those that refuse. */
function outcomeOfPuback(puback: mqtt5.PublishCompletionResult): PublishOutcome {
  if (puback === undefined) return OFFLINE;
  const { reasonCode, reasonString } = puback;
  if (reasonCode < FIRST_FAILURE_CODE) return { kind: "acked" };
  return { kind: "rejected", reasonCode, reason: reasonText(reasonCode, reasonString) };
}

/** Why this publication can never be sent, or undefined: a topic name holds no wildcard and only text (MQTT 5.0, 4.7 and 1.5.4), and the packet limit holds. */
export function unsendable(publication: Publication, limits: BrokerLimits): PublishOutcome | undefined {
  const { topic } = publication;
  if (topic === "" || /[#+]/.test(topic) || NO_TEXT.test(topic) || Buffer.byteLength(topic) > MAX_STRING_BYTES) {
    return { kind: "rejected", reasonCode: TOPIC_NAME_INVALID, reason: reasonText(TOPIC_NAME_INVALID) };
  }
  const { maximumPacketBytes, maximumPayloadBytes = maximumPacketBytes } = limits;
  if (publication.payload.length > maximumPayloadBytes) return { kind: "too-large" };
  return publishPacketBytes(publication) > maximumPacketBytes ? { kind: "too-large" } : undefined;
}

/** What a publish that the SDK failed by itself means: link lost, no PUBACK in time, over the packet limit by the SDK's own count, or nothing that it can send. */
function outcomeOfError(thrown: unknown): PublishOutcome {
  if (crtErrorName(thrown) === "AWS_ERROR_MQTT5_PACKET_VALIDATION") return { kind: "too-large" };
  return thrown instanceof Error && NOT_TAKEN.test(thrown.message) ? REFUSED_HERE : OFFLINE;
}
