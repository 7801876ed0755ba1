import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { isEncrypted } from "../../../agent/telemetry/record/envelope/message-format.ts";
import type { DecodedRecord } from "../../../agent/telemetry/record/read/decoded-record.ts";
import { privateKeyUnwrapper } from "../../../agent/telemetry/record/read/key-unwrapper.ts";
import { encryptedRecordReader } from "../../../agent/telemetry/record/read/record-decrypter.ts";
import { createRecordReader } from "../../../agent/telemetry/record/read/record-reader.ts";
import { readDescriptor } from "../../../config/proto/descriptor.ts";
import { startMosquitto } from "../../bench/broker/mosquitto.ts";
import { createAuthority, writeIdentity } from "../../bench/cloud/certificate-authority.ts";
import { startChild } from "../../bench/core/child.ts";
import { until } from "../../bench/core/wait.ts";
import { temporaryFolder } from "../../fakes/core/folder.ts";
import { daemonHome, startDaemon } from "../../fakes/daemon/daemon.ts";
import { wrappingPair } from "../../fakes/telemetry/encryption.ts";

const THING = "veh-1";
const NAMES = ["Speed", "Counter", "Engine"];
const PATIENCE = { timeoutMs: 20_000 };
const pair = wrappingPair();

type Heard = readonly (readonly [topic: string, payload: Buffer])[];

/** A broker with a consumer that hears all records and tables, as mosquitto_sub prints them: topic and hexadecimal. */
async function startBroker(): Promise<{ readonly broker: object; readonly identity: object; readonly heard: Heard }> {
  const folder = temporaryFolder();
  const authority = createAuthority(join(folder, "ca"));
  const mosquitto = await startMosquitto({ folder: join(folder, "broker"), authority, things: [THING] });
  onTestFinished(() => mosquitto.stop());
  const identityOf = async (commonName: string) =>
    writeIdentity(join(folder, commonName), commonName, await authority.issue({ commonName, usage: "client" }));
  const { certificateFile, keyFile } = await identityOf("consumer");
  const heard: (readonly [string, Buffer])[] = [];
  const { caFile, port } = mosquitto;
  const tls = ["--cafile", caFile, "--cert", certificateFile, "--key", keyFile];
  const topics = ["-t", "dt/causeway/+/+", "-t", "dt/causeway/+/schema/+"];
  const subscriber = await startChild({
    command: "mosquitto_sub",
    args: ["-h", "localhost", "-p", String(port), "-i", "consumer", "-V", "mqttv5", ...tls, ...topics, "-F", "%t %x"],
    environment: {},
    logFile: join(folder, "sub.log"),
    onLine: (line) => {
      const [topic = "", hex = ""] = line.split(" ");
      heard.push([topic, Buffer.from(hex, "hex")]);
    },
  });
  onTestFinished(async () => void (await subscriber.stop()));
  const device = await identityOf(THING);
  const broker = { host: "localhost", port, caFile };
  return { broker, identity: { mode: "file", ...device }, heard };
}

describe("a vehicle that encrypts", () => {
  it("shows the broker no name and no value, its disk neither, and who has the key reads everything", async () => {
    const { broker, identity, heard } = await startBroker();
    const home = await daemonHome((config) => {
      Object.assign(config, {
        broker,
        identity,
        encode: { compression: "none", encryption: { publicKeyFile: "records.pem", keyName: "records" } },
        outbox: { encryption: { key: "credential" } },
      });
    });
    writeFileSync(join(home.folder, "records.pem"), pair.publicKey);
    writeFileSync(join(home.folder, "causeway-outbox-key"), "0a".repeat(32), { mode: 0o600 });
    const daemon = await startDaemon(home, { CREDENTIALS_DIRECTORY: home.folder });
    const isThere = (): true | undefined =>
      ["telemetry", "schema"].every((part) => heard.some(([topic]) => topic.includes(part))) ? true : undefined;
    await until(async () => isThere(), { what: "records and the table have come", ...PATIENCE });
    expect((await daemon.status()).outbox.encryption).toEqual({ isOn: true });
    await daemon.child.stop(10_000);

    for (const [topic, payload] of heard) {
      for (const name of NAMES) expect(payload.includes(name), `${name} in ${topic}`).toBe(false);
    }
    const state = join(home.folder, "state");
    const disk = readdirSync(state).filter((name) => name.startsWith("outbox"));
    expect(disk.filter((file) => readFileSync(join(state, file)).includes("Speed"))).toEqual([]);

    const reader = encryptedRecordReader(createRecordReader(readDescriptor()), privateKeyUnwrapper(pair.privateKey));
    const payloads = heard.filter(([topic]) => !/presence|identity/.test(topic));
    expect(payloads.filter(([, payload]) => !isEncrypted(payload))).toEqual([]);
    const records = await Promise.all(payloads.map(([, payload]): Promise<DecodedRecord> => reader.decode(payload)));
    const [table] = records.flatMap(({ body }) => (body.kind === "table" ? [body] : []));
    expect(table.signals.map(({ name }) => name)).toEqual(["Speed", "Counter"]);
    const samples = records.flatMap(({ body }) => (body.kind === "samples" ? body.columns : []));
    expect(samples.flatMap(({ raws }) => raws).length).toBeGreaterThan(100);
  }, 60_000);
});
