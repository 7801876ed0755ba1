import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Log } from "../../../agent/core/log.ts";
import type { KeyAlgorithm, KeyStore } from "../../../agent/ports/key-store.ts";
import type { IdentityConfig } from "../../../config/schema.ts";
import { type Mosquitto, startMosquitto } from "../broker/mosquitto.ts";
import { createSession } from "../broker/mqtt-session.ts";
import { type Authority, createAuthority, writeIdentity } from "../cloud/certificate-authority.ts";
import { startTpm, type Tpm } from "../tpm/tpm.ts";
import { identityOf } from "../tpm/tpm-token.ts";
import { ratiosOf, type Spread, spreadOf, timed } from "./timing.ts";

const THING = "bench-identity";
const CONNECT_MS = 20_000;
const SUBJECT = { commonName: THING, uris: [], dnsNames: [] };

/** What most devices have. */
type Measured = Extract<KeyAlgorithm, "ec-p256" | "rsa-2048">;

/** Over the runs, ms. */
export type KeyFigures = {
  readonly runs: number;
  /** One piece of key work each: a process, the token's login and the work itself. */
  readonly createMs: Readonly<Record<Measured, Spread>>;
  readonly requestMs: Readonly<Record<Measured, Spread>>;
  /** Within the process: one login, one signature. */
  readonly loginMs: Spread;
  readonly signMs: Readonly<Record<Measured, Spread>>;
  /** From the start of a session to CONNACK, TLS 1.2 or 1.3 with a client certificate included. */
  readonly connectMs: { readonly tpm: Spread; readonly file: Spread; readonly ratio: Spread };
};

/** Times of key work on a software TPM, and of a connection with a key in it beside one with a key in a file, to the same broker. */
export async function benchmarkKeys(runs: number): Promise<KeyFigures> {
  const folder = mkdtempSync(join(tmpdir(), "causeway-bench-"));
  const authority = createAuthority(join(folder, "ca"));
  const stops: (() => Promise<void>)[] = [];
  try {
    const tpm = await startTpm({ folder: join(folder, "tpm") });
    stops.push(() => tpm.stop());
    const broker = await startMosquitto({ folder: join(folder, "broker"), authority, things: [THING] });
    stops.push(() => broker.stop());
    const ec = await keyTimes(tpm.keys, "ec-p256", runs);
    const rsa = await keyTimes(tpm.keys, "rsa-2048", runs);
    const connectMs = await connectTimes({ folder, tpm, broker, authority, runs });
    return {
      runs,
      createMs: { "ec-p256": ec.createMs, "rsa-2048": rsa.createMs },
      requestMs: { "ec-p256": ec.requestMs, "rsa-2048": rsa.requestMs },
      loginMs: ec.loginMs,
      signMs: { "ec-p256": ec.signMs, "rsa-2048": rsa.signMs },
      connectMs,
    };
  } finally {
    for (const stop of stops.toReversed()) await stop();
    rmSync(folder, { recursive: true });
  }
}

async function keyTimes(keys: KeyStore, algorithm: Measured, runs: number) {
  const all = [];
  for (let run = 0; run < runs; run += 1) {
    const label = `${algorithm}-${run}`;
    const createMs = await timed(() => keys.create(label, algorithm));
    const { loginMs, signMs } = await keys.test(label);
    const requestMs = await timed(() => keys.request(label, SUBJECT));
    all.push({ createMs, requestMs, loginMs, signMs });
    await keys.delete(label);
  }
  return {
    createMs: spreadOf(all.map((one) => one.createMs)),
    requestMs: spreadOf(all.map((one) => one.requestMs)),
    loginMs: spreadOf(all.map((one) => one.loginMs)),
    signMs: spreadOf(all.map((one) => one.signMs)),
  };
}

type ConnectParts = {
  readonly folder: string;
  readonly tpm: Tpm;
  readonly broker: Mosquitto;
  readonly authority: Authority;
  readonly runs: number;
};

/** One after the other in turns, so that both meet the same machine. */
async function connectTimes({ folder, tpm, broker, authority, runs }: ConnectParts) {
  const issue = async (name: string, publicKeyPem?: string) => {
    const key = publicKeyPem === undefined ? {} : { publicKeyPem };
    const issued = await authority.issue({ commonName: THING, usage: "client", ...key });
    return writeIdentity(join(folder, "identities"), name, issued);
  };
  const inTpm = {
    ...identityOf(tpm),
    certificateFile: (await issue("tpm", tpm.publicKeyPem)).certificateFile,
    pinFile: tpm.pinFile,
  };
  const inFile: IdentityConfig = { mode: "file", ...(await issue("file")) };
  // The PKCS#11 library finds the resource manager by this process's environment.
  process.env.DBUS_SESSION_BUS_ADDRESS = tpm.dbusAddress;
  const times: { readonly tpm: number; readonly file: number }[] = [];
  // The first of each loads libraries, and is left out.
  for (let run = 0; run <= runs; run += 1) {
    const file = await timed(() => connectOnce(inFile, broker));
    times.push({ file, tpm: await timed(() => connectOnce(inTpm, broker)) });
  }
  const counted = times.slice(1);
  const inTpmMs = counted.map((one) => one.tpm);
  const inFileMs = counted.map((one) => one.file);
  return { tpm: spreadOf(inTpmMs), file: spreadOf(inFileMs), ratio: ratiosOf(inTpmMs, inFileMs) };
}

async function connectOnce(identity: IdentityConfig, { host, port, caFile }: Mosquitto): Promise<void> {
  const session = createSession({ clientId: THING, identity, caFile, broker: { host, port }, log: QUIET, once: true });
  session.start();
  const limits = await session.online(AbortSignal.timeout(CONNECT_MS));
  await session.stop();
  if (limits === undefined) throw new Error(`not connected: ${session.status().fault?.what ?? "no answer"}`);
}

const none = (): void => undefined;
const QUIET: Log = { error: none, warn: none, info: none, debug: none };
