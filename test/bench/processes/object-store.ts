import { readFileSync } from "node:fs";
import { ObjectStore } from "../cloud/object-store.ts";

/** An object store with the certificate and key of two files; prints presigned URLs for the object "capture", COUNT lines, and goes with its parent. */
const [certificateFile = "", keyFile = "", count = "1"] = process.argv.slice(2);
const store = await ObjectStore.start({
  certificatePem: readFileSync(certificateFile, "utf8"),
  privateKeyPem: readFileSync(keyFile, "utf8"),
});
for (let at = 0; at < Number(count); at += 1) {
  process.stdout.write(`${await store.presign({ key: "capture", lifeSeconds: 3600 })}\n`);
}
