import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe } from "vitest";
import type { Broker, LinkCredential, Publication, PublishOutcome, ReceivedPublish } from "../../agent/ports/broker.ts";
import { matchesFilter } from "../../drivers/aws/messages/topic-filter.ts";
import { type Mosquitto, startMosquitto } from "../bench/broker/mosquitto.ts";
import { createSession } from "../bench/broker/mqtt-session.ts";
import { type Authority, createAuthority, writeIdentity } from "../bench/cloud/certificate-authority.ts";
import { until } from "../bench/core/wait.ts";
import { ManualClock } from "../fakes/core/clock.ts";
import { MemoryLog } from "../fakes/core/log.ts";
import { FakeBroker } from "../fakes/ports/broker.ts";
import { type BrokerHarness, CONTRACT_THING, describeBroker } from "./broker.suite.ts";

const OWN = [`dt/causeway/${CONTRACT_THING}/#`, `cmd/causeway/${CONTRACT_THING}/#`];

function answer({ topic }: Publication): PublishOutcome {
  if (OWN.some((filter) => matchesFilter(filter, topic))) return { kind: "acked" };
  return { kind: "rejected", reasonCode: 0x87, reason: "0x87 not authorized" };
}

describeBroker("fake", () => {
  const grants = (filter: string): boolean => filter.startsWith(`cmd/causeway/${CONTRACT_THING}/`);
  const credentials = {
    good: { keyLabel: "good", certificateFile: "good.pem" },
    refused: { keyLabel: "bad", certificateFile: "bad.pem" },
  };
  const broker = new FakeBroker({
    clock: new ManualClock(),
    answer,
    grants,
    refuses: ({ keyLabel }) =>
      keyLabel === "good" ? undefined : { code: "identity.certificate-refused", what: "refused", remedy: "none" },
  });
  return Promise.resolve({
    broker,
    credentials,
    arrived: () => broker.publications.filter((publication) => answer(publication).kind === "acked"),
    inject: (topic, payload) => Promise.resolve(broker.inject(topic, payload)),
    takenAhead: () => Promise.resolve(),
    cut: () => Promise.resolve(broker.disconnect()),
    restore: () => Promise.resolve(broker.connect()),
    close: () => broker.stop(),
  });
});

describe("with mosquitto", () => {
  let folder: string;
  let authority: Authority;
  let mosquitto: Mosquitto;
  let stranger: Authority;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "causeway-broker-"));
    authority = createAuthority(join(folder, "ca"));
    stranger = createAuthority(join(folder, "stranger"));
    mosquitto = await startMosquitto({ folder: join(folder, "broker"), authority, things: [CONTRACT_THING] });
  });
  afterAll(async () => {
    await mosquitto.stop();
    await rm(folder, { recursive: true });
  });

  async function credentialFrom(issuer: Authority, name: string): Promise<LinkCredential> {
    const issued = await issuer.issue({ commonName: CONTRACT_THING, usage: "client" });
    const { certificateFile, keyFile } = writeIdentity(join(folder, "identities"), name, issued);
    return { certificateFile, keyLabel: keyFile };
  }

  async function sessionAs(commonName: string): Promise<Broker> {
    const issued = await authority.issue({ commonName, usage: "client" });
    const files = writeIdentity(join(folder, "identities"), commonName, issued);
    return createSession({
      clientId: commonName,
      identity: { mode: "file", ...files },
      caFile: mosquitto.caFile,
      broker: { host: mosquitto.host, port: mosquitto.port },
      log: new MemoryLog(),
    });
  }

  describeBroker("AWS SDK", async (): Promise<BrokerHarness> => {
    const broker = await sessionAs(CONTRACT_THING);
    const consumer = await sessionAs("consumer");
    const arrived: ReceivedPublish[] = [];
    const logged = readFileSync(mosquitto.logFile, "utf8").length;
    consumer.start();
    await consumer.online(AbortSignal.timeout(10_000));
    await consumer.subscribe("dt/causeway/#", (message) => arrived.push(message));
    return {
      broker,
      credentials: {
        good: await credentialFrom(authority, "second"),
        refused: await credentialFrom(stranger, "stranger"),
      },
      arrived: () => arrived,
      inject: async (topic, payload) => {
        const rest = { retain: false, contentType: "text/plain", messageExpirySeconds: undefined, userProperties: [] };
        const acked = async () => {
          const { kind } = await consumer.publish({ topic, payload, ...rest });
          return kind === "acked" ? true : undefined;
        };
        await until(acked, { what: "the message is with the broker", timeoutMs: 20_000 });
      },
      takenAhead: async () => {
        const taken = () =>
          readFileSync(mosquitto.logFile, "utf8").slice(logged).includes(` as ${CONTRACT_THING} `) ? true : undefined;
        await until(taken, { what: "the connection is with the broker", timeoutMs: 20_000 });
      },
      cut: () => mosquitto.kill(),
      restore: async () => {
        const { connects } = consumer.status();
        await mosquitto.start();
        // On a busy machine what it injects would be lost for longer than a test waits.
        await consumer.online(AbortSignal.timeout(30_000), connects);
      },
      close: async () => {
        await broker.stop();
        await consumer.stop();
        // Its sessions with it: a message whose PUBACK a stop overtook would come to the next test.
        await mosquitto.kill();
        await mosquitto.start();
      },
    };
  });
});
