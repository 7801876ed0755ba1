import { createInterface } from "node:readline";
import { publicationTo } from "../../../agent/ports/broker.ts";
import { loadConfig } from "../../../config/load.ts";
import { systemClock } from "../../../drivers/os/time-source.ts";
import { createSession } from "../broker/mqtt-session.ts";
import { type SessionReport, sessionPublish } from "../broker/session-protocol.ts";

// An MQTT session of the agent in a process of its own, because a PKCS#11 library has one state a process:
// `session.ts CONFIG` reports every change of its status, and publishes what comes as JSON on stdin.

const [, , configFile] = process.argv;
const config = await loadConfig(configFile ?? "");
const quiet = (): void => undefined;
const session = createSession({
  clientId: config.thingName,
  identity: config.identity,
  caFile: config.broker.caFile,
  broker: config.broker,
  log: { error: quiet, warn: quiet, info: quiet, debug: quiet },
});

function report(line: SessionReport): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

let last = "";
systemClock().every(10, () => {
  const { state, connects, fault } = session.status();
  const status = { state, connects, ...(fault === undefined ? {} : { fault }) };
  const text = JSON.stringify(status);
  if (text === last) return;
  last = text;
  report({ kind: "status", status });
});
createInterface({ input: process.stdin })
  .on("line", (line) => {
    const { topic, payloadHex, userProperties } = sessionPublish.parse(JSON.parse(line));
    const options = { messageExpirySeconds: 60, userProperties };
    const publication = publicationTo(topic, Buffer.from(payloadHex, "hex"), "application/x-protobuf", options);
    void session.publish(publication).then((outcome) => report({ kind: "outcome", outcome }));
  })
  .on("close", () => void session.stop().then(() => process.exit()));
session.start();
