import { copyFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { writeIdentity } from "../../bench/cloud/certificate-authority.ts";
import { type DaemonHome, daemonHome } from "../daemon/daemon.ts";
import type { JobCloud } from "./job-cloud.ts";
import type { ReleaseSigner } from "./release.ts";

/** Where a vehicle that takes jobs is, and whom it knows. `port` leads to the broker of `cloud`. */
export type JobVehicle = {
  readonly cloud: JobCloud;
  readonly port: number;
  readonly folder: string;
  readonly thing: string;
  readonly releaseSigner: ReleaseSigner;
};

/** The home of a daemon that takes updates of `releaseSigner` as jobs of the cloud. `ota` goes over the section that it has by itself. */
export async function jobVehicleHome(
  { cloud, port, folder, thing, releaseSigner }: JobVehicle,
  ota: Readonly<Record<string, unknown>>,
): Promise<DaemonHome> {
  const issued = await cloud.authority.issue({ commonName: thing, usage: "client" });
  const { certificateFile, keyFile } = writeIdentity(join(folder, "vehicle"), thing, issued);
  return await daemonHome((config) => {
    const reconnect = { minMs: 100, maxMs: 1000 };
    config.broker = { host: "localhost", port, caFile: cloud.mosquitto.caFile, reconnect };
    config.identity = { mode: "file", certificateFile, keyFile };
    config.ota = {
      rootFile: releaseSigner.rootFile,
      hardware: "gateway-2",
      gate: { condition: { signals: {}, all: ["true"] }, holdSeconds: 0 },
      download: { caFile: cloud.authority.caFile },
      jobs: { reportSeconds: 1 },
      healthCheck: { withinSeconds: 30, offlineSeconds: 20 },
      ...ota,
    };
  });
}

/** Makes an update, has the cloud serve its artifact, and gives the document of a job for it. */
export function otaDocument(cloud: JobCloud, releaseSigner: ReleaseSigner, content: string): object {
  const { path, name } = releaseSigner.make(content);
  copyFileSync(join(releaseSigner.folder, name), join(cloud.served, name));
  const signatures: unknown = JSON.parse(readFileSync(`${path}.sig`, "utf8"));
  const url = `\${aws:iot:s3-presigned-url:https://s3.eu-central-1.amazonaws.com/bucket/${name}}`;
  const manifest = readFileSync(path, "utf8");
  return { version: "1.0", operation: "ota", manifest, signatures, roots: [], artifacts: { [name]: { url } } };
}
