import { readFileSync } from "node:fs";
import { startArtifactServer } from "../cloud/artifact-server.ts";

/** Serves FOLDER with the certificate and key of two files, prints one URL for the file "artifact" that lasts an hour, and goes with its parent. */
const [folder = "", certificateFile = "", keyFile = ""] = process.argv.slice(2);
const server = await startArtifactServer(folder, {
  certificatePem: readFileSync(certificateFile, "utf8"),
  privateKeyPem: readFileSync(keyFile, "utf8"),
});
process.stdout.write(`${server.presign("artifact", 3_600_000)}\n`);
