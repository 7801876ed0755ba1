import { createHash, randomBytes } from "node:crypto";
import { join } from "node:path";
import { z } from "zod";
import type { RestEncryption } from "../../config/encryption.ts";
import type { AgentConfig } from "../../config/schema.ts";
import { readIfThere, replaceFile } from "../../drivers/os/durable-file.ts";
import { readSecret } from "../../drivers/os/pin.ts";
import { RestCipher } from "../../drivers/sqlite/outbox/rest-cipher.ts";
import { AgentError, messageOf } from "../core/errors.ts";
import type { SealedSecret, SecretSealer } from "../ports/key-store.ts";
import { composeKeys } from "./compose-keys.ts";
import type { Runtime } from "./parts.ts";

/** The start waits no longer than this for a TPM: the agent then begins with its records in memory. */
const START_WAIT_MS = 20_000;
const RETRY_MS = 30_000;
const KEY_BYTES = 32;
/** One line of a credential; it has at most 256 characters. */
const KEY = /^(?:[0-9a-fA-F]{2}){32,128}$/;
const FAULTS = {
  missing: "outbox.key-unavailable",
  exposed: "outbox.key-exposed",
  denied: "outbox.key-unavailable",
} as const;

/** `digest`: a file that rotted must not look like a TPM that is away, for which the agent would wait. */
const sealedKey = z.strictObject({
  version: z.literal(1),
  publicBlob: z.string(),
  privateBlob: z.string(),
  salt: z.string(),
  digest: z.string(),
});

/** The key that encrypts what the outbox stores: from a credential, or one that the TPM has sealed. */
export class OutboxKey {
  readonly #settings: RestEncryption | undefined;
  readonly #runtime: Runtime;
  #cipher: RestCipher | undefined;
  #fault: AgentError | undefined;
  #untold: string[] = [];
  #tell: ((what: string) => void) | undefined;

  constructor(settings: RestEncryption | undefined, runtime: Runtime) {
    this.#settings = settings;
    this.#runtime = runtime;
  }

  /** What encrypts; undefined where nothing is to be encrypted. Throws `outbox.key-unavailable` or `outbox.key-exposed` while the key is not at hand. */
  cipher(): RestCipher | undefined {
    const settings = this.#settings;
    if (settings === undefined || this.#cipher !== undefined) return this.#cipher;
    if (settings.key === "credential") this.#take(credentialKey(settings, this.#runtime));
    if (this.#cipher === undefined) throw this.#fault ?? unavailable("the TPM has not given it yet");
    return this.#cipher;
  }

  /** Has the TPM open the key, at once or, while that fails, again and again beside the work. Resolves after the first try, or when that takes long. */
  async load(sealer: SecretSealer, file: string): Promise<void> {
    const { clock, log } = this.#runtime;
    const attempt = async (): Promise<void> => {
      try {
        this.#take(await keyOfTpm(sealer, file, log));
      } catch (thrown) {
        if (!(thrown instanceof AgentError)) throw thrown;
        this.#fault = unavailable(`the TPM does not give it: ${thrown.message}`, thrown);
      }
    };
    const first = attempt();
    void first.then(() => this.#tryOn(attempt));
    const waiting = new AbortController();
    await Promise.race([first, clock.sleep(START_WAIT_MS, waiting.signal)]);
    waiting.abort();
  }

  /** What was stored could not be decrypted: tells it in the log, and to whom it may concern once the outbox is open again. */
  noteLost(what: string): void {
    this.#runtime.log.error("outbox.key-lost", { what });
    this.#untold.push(what);
    // Who is told may store a record of it, which must not be inside the opening.
    queueMicrotask(() => this.#tellAll());
  }

  /** Tells of each loss once, also of those so far. */
  tellTo(tell: (what: string) => void): void {
    this.#tell = tell;
    this.#tellAll();
  }

  #tellAll(): void {
    const tell = this.#tell;
    if (tell === undefined) return;
    const untold = this.#untold;
    this.#untold = [];
    for (const what of untold) tell(what);
  }

  #tryOn(attempt: () => Promise<void>): void {
    if (this.#cipher !== undefined) return;
    let isBusy = false;
    const stop = this.#runtime.clock.every(RETRY_MS, () => {
      if (this.#cipher !== undefined) stop();
      if (isBusy || this.#cipher !== undefined) return;
      isBusy = true;
      void attempt().finally(() => {
        isBusy = false;
      });
    });
  }

  #take(key: string): void {
    this.#cipher = new RestCipher(Buffer.from(key, "hex"), this.#settings?.encrypt !== false);
    this.#fault = undefined;
  }
}

/** The key of the outbox, asked for as far as that takes time. */
export async function openOutboxKey(config: AgentConfig, runtime: Runtime): Promise<OutboxKey> {
  const { identity, outbox, stateDir } = config;
  const key = new OutboxKey(outbox.encryption, runtime);
  if (outbox.encryption?.key === "tpm" && identity.mode === "pkcs11") {
    const { environment, log } = runtime;
    await key.load(composeKeys({ identity, environment, log }), join(stateDir, "outbox.key"));
  }
  return key;
}

function credentialKey({ credential }: RestEncryption, { environment }: Runtime): string {
  const thing = "outbox key";
  const { CREDENTIALS_DIRECTORY: credentialsDirectory } = environment;
  const key = readSecret({ thing, file: undefined, credential, credentialsDirectory, faults: FAULTS });
  if (key === undefined) throw unavailable(`there is no credential ${credential}`);
  if (!KEY.test(key))
    throw unavailable(`the credential ${credential} is not one line of 64 or more hexadecimal digits`);
  return key;
}

/** The key in `file`, or a new one where there is none, or none that this TPM opens. */
async function keyOfTpm(sealer: SecretSealer, file: string, log: Runtime["log"]): Promise<string> {
  const text = readIfThere(file);
  if (text !== undefined) {
    try {
      return await sealer.unseal(parsed(text));
    } catch (thrown) {
      if (!(thrown instanceof AgentError) || thrown.code !== "identity.key-unfit") throw thrown;
      log.error("outbox.key-replaced", { file, why: thrown.message });
      replaceFile(`${file}.lost`, text, 0o600);
    }
  }
  const key = randomBytes(KEY_BYTES).toString("hex");
  const sealed = await sealer.seal(key);
  replaceFile(file, sealedKeyText(sealed), 0o600);
  log.info("outbox.key-made", { file });
  return key;
}

/** What the file of a sealed key holds. */
export function sealedKeyText({ publicBlob, privateBlob, salt }: SealedSecret): string {
  const digest = digestOf({ publicBlob, privateBlob, salt });
  return `${JSON.stringify({ version: 1, publicBlob, privateBlob, salt, digest })}\n`;
}

function digestOf({ publicBlob, privateBlob, salt }: SealedSecret): string {
  return createHash("sha256").update([publicBlob, privateBlob, salt].join()).digest("hex");
}

function parsed(text: string): SealedSecret {
  try {
    const sealed = sealedKey.parse(JSON.parse(text));
    if (digestOf(sealed) === sealed.digest) return sealed;
    throw new Error("its digest differs");
  } catch (thrown) {
    throw new AgentError("identity.key-unfit", {
      what: `the file of the outbox key is damaged: ${messageOf(thrown)}`,
      remedy: "none: a new key is made",
      cause: thrown,
    });
  }
}

function unavailable(why: string, cause?: unknown): AgentError {
  return new AgentError("outbox.key-unavailable", {
    what: `the key that encrypts the outbox is not at hand: ${why}`,
    remedy:
      "see docs/encryption.md: give the service the credential that outbox.encryption names (LoadCredentialEncrypted=), or bring the TPM back; records are kept in memory until then",
    cause,
  });
}
