import { randomBytes } from "node:crypto";
import type { PayloadEncrypter } from "../telemetry/record/encode/record-sealer.ts";
import type { DaemonConfig } from "./configuration/layered-config.ts";
import { loadWrappingKey } from "./configuration/named-files.ts";
import type { Runtime } from "./parts.ts";

/** What encrypts payloads; undefined where that is not wanted, and then nothing of it is loaded. Throws `config.invalid`. */
export async function composeEncrypter(loaded: DaemonConfig, runtime: Runtime): Promise<PayloadEncrypter | undefined> {
  const { thingName: thing, encode } = loaded.config;
  const { encryption: settings } = encode;
  if (settings === undefined) return undefined;
  const { clock, log } = runtime;
  const place = loaded.locate(["encode", "encryption", "publicKeyFile"]);
  const publicKey = await loadWrappingKey(settings.publicKeyFile, place);
  const { RecordEncrypter } = await import("../telemetry/record/envelope/record-encrypter.ts");
  const { keyName, streams, tables } = settings;
  log.info("encode.encryption-on", { keyName, streams: streams.join(" "), tables });
  return new RecordEncrypter({ thing, settings, publicKey, clock, randomBytes, log });
}
