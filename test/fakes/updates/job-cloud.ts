import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { type Mosquitto, startMosquitto } from "../../bench/broker/mosquitto.ts";
import { createSession } from "../../bench/broker/mqtt-session.ts";
import { type ArtifactServer, startArtifactServer } from "../../bench/cloud/artifact-server.ts";
import { type Authority, createAuthority, writeIdentity } from "../../bench/cloud/certificate-authority.ts";
import { JOBS_NAME } from "../../bench/cloud/cloud-bench.ts";
import { CloudJobs } from "../../bench/cloud/jobs.ts";
import { MemoryLog } from "../core/log.ts";

const HOUR_MS = 3_600_000;
/** A minute of the step timer; of the device's updates none comes so often. */
const MINUTE_MS = 4000;

/** A broker with the AWS side of Jobs beside it, and a server for artifacts. */
export type JobCloud = {
  readonly authority: Authority;
  readonly mosquitto: Mosquitto;
  readonly jobs: CloudJobs;
  readonly artifacts: ArtifactServer;
  /** What the server serves. */
  readonly served: string;
  /** Lives of the next presigned URLs, ms; an hour once these are used up. */
  readonly lives: number[];
  stop(): Promise<void>;
};

/** Starts all of it in `folder`. */
export async function startJobCloud(folder: string, things: readonly string[]): Promise<JobCloud> {
  const authority = createAuthority(join(folder, "ca"));
  const mosquitto = await startMosquitto({ folder: join(folder, "broker"), authority, things, clouds: [JOBS_NAME] });
  const served = join(folder, "served");
  mkdirSync(served);
  const { certificatePem, privateKeyPem = "" } = await authority.issue({
    commonName: "artifacts",
    subjectAltNames: [{ kind: "ip", value: "127.0.0.1" }],
    usage: "server",
  });
  const artifacts = await startArtifactServer(served, { certificatePem, privateKeyPem });
  const lives: number[] = [];
  const presign = (key: string): string => artifacts.presign(key, lives.shift() ?? HOUR_MS);
  const side = await startJobs({ folder, authority, mosquitto, presign });
  return {
    authority,
    mosquitto,
    jobs: side.jobs,
    artifacts,
    served,
    lives,
    stop: async () => {
      await side.stop();
      await artifacts.stop();
      await mosquitto.stop();
    },
  };
}

/** The AWS side of Jobs on a broker that knows `JOBS_NAME`. */
export async function startJobs(parts: {
  readonly folder: string;
  readonly authority: Authority;
  readonly mosquitto: Mosquitto;
  readonly presign: (key: string) => string;
}): Promise<{ readonly jobs: CloudJobs; stop(): Promise<void> }> {
  const { folder, authority, mosquitto, presign } = parts;
  const issued = await authority.issue({ commonName: JOBS_NAME, usage: "client" });
  const session = createSession({
    clientId: JOBS_NAME,
    identity: { mode: "file", ...writeIdentity(join(folder, "identities"), JOBS_NAME, issued) },
    caFile: mosquitto.caFile,
    broker: { host: mosquitto.host, port: mosquitto.port },
    log: new MemoryLog(),
  });
  session.start();
  await session.online(AbortSignal.timeout(10_000));
  const jobs = new CloudJobs(session, presign, MINUTE_MS);
  await jobs.start();
  return {
    jobs,
    stop: async () => {
      jobs.stop();
      await session.stop();
    },
  };
}
