import { generateKeyPairSync } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import type { Role } from "../../../agent/companion/people/bindings.ts";
import type { PublicKey } from "../../../agent/core/public-key.ts";
import type { Mosquitto } from "../broker/mosquitto.ts";
import { type Child, startChild } from "../core/child.ts";
import { freePorts } from "../core/ports.ts";
import { untilStarted } from "../core/wait.ts";
import { type Authority, writeIdentity } from "./certificate-authority.ts";
import { issuerAt, type OidcConfig } from "./oidc-provider.ts";

const BACKEND = fileURLToPath(new URL("../../../agent/companion/main.ts", import.meta.url));
const PROVIDER = fileURLToPath(new URL("../processes/oidc-provider.ts", import.meta.url));
const DESCRIPTOR = fileURLToPath(new URL("../../../config/proto/telemetry.desc", import.meta.url));
/** What the provider calls the backend, and an API client whose tokens the backend takes. */
export const CLIENT_ID = "companion";
export const API_CLIENT_ID = "fleet-tool";
/** What vehicles call the key that signs. */
const KEY_ID = "companion";

/** Somebody who can sign in, and the vehicles that are theirs. */
export type AppUser = {
  readonly user: string;
  readonly password: string;
  readonly name: string;
  readonly vehicles: readonly {
    readonly id: string;
    readonly thing: string;
    readonly name: string;
    readonly role: Role;
  }[];
};

export type CompanionAppParts = {
  readonly folder: string;
  readonly authority: Authority;
  readonly mosquitto: Mosquitto;
  readonly users: readonly AppUser[];
  /** Of the backend's environment, what is to differ. */
  readonly environment?: Readonly<Record<string, string>>;
};

const listening = z.object({ event: z.literal("companion.listening") });

/** The companion app as a person meets it: an identity provider and the backend with its page, each in a process of its own. */
export class CompanionApp {
  readonly origin: string;
  readonly issuer: string;
  /** Of the backend: its JSON lines. */
  readonly log: string[] = [];
  /** Private key of the provider, JWK, with which a test signs tokens that the provider never would. */
  readonly providerKey: OidcConfig["key"];
  /** What a vehicle pins. */
  readonly pinned: PublicKey;
  readonly #folder: string;
  readonly #parts: CompanionAppParts;
  readonly #children: Child[] = [];

  private constructor(parts: CompanionAppParts, ports: { readonly backend: number; readonly provider: number }) {
    this.#parts = parts;
    this.#folder = join(parts.folder, "companion");
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    this.origin = `http://localhost:${ports.backend}`;
    this.issuer = issuerAt(ports.provider);
    const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    this.providerKey = { ...privateKey.export({ format: "jwk" }), kid: "bench-1" };
    const pair = generateKeyPairSync("ec", { namedCurve: "P-256" });
    this.#write("signing.key", pair.privateKey.export({ format: "pem", type: "pkcs8" }).toString());
    const publicKey = pair.publicKey.export({ format: "der", type: "spki" }).toString("base64");
    this.pinned = { id: KEY_ID, algorithm: "es256", publicKey, role: "commands" };
  }

  /** Starts both, or neither; the broker must know the consumer's certificate. */
  static async start(parts: CompanionAppParts): Promise<CompanionApp> {
    const provider = await freePorts(2);
    const app = new CompanionApp(parts, { provider, backend: provider + 1 });
    try {
      await app.#startProvider(provider);
      await app.startBackend();
      return app;
    } catch (thrown) {
      await app.stop();
      throw thrown;
    }
  }

  /** Starts the backend, again where it was stopped. What it kept in memory is gone then. */
  async startBackend(): Promise<Child> {
    let isReady = false;
    const child = await startChild({
      command: process.execPath,
      args: [BACKEND],
      environment: { ...(await this.#environment()), ...this.#parts.environment },
      logFile: join(this.#folder, "backend.log"),
      onLine: (line) => {
        this.log.push(line);
        if (listening.safeParse(JSON.parse(line)).success) isReady = true;
      },
    });
    this.#children.push(child);
    await untilStarted(child, () => isReady || undefined, "the companion's backend listens");
    return child;
  }

  async stop(): Promise<void> {
    for (const child of this.#children.toReversed()) await child.stop();
  }

  async #startProvider(port: number): Promise<void> {
    const config: OidcConfig = {
      port,
      key: this.providerKey,
      client: { id: CLIENT_ID, redirectUri: `${this.origin}/sign-in/callback`, signedOutUri: `${this.origin}/` },
      users: this.#parts.users.map(({ user, password, name }) => ({ user, password, name })),
    };
    let isReady = false;
    const child = await startChild({
      command: process.execPath,
      args: [PROVIDER, this.#write("provider.json", JSON.stringify(config))],
      logFile: join(this.#folder, "provider.log"),
      onLine: (line) => {
        if (line.includes('"ready"')) isReady = true;
      },
    });
    this.#children.push(child);
    await untilStarted(child, () => isReady || undefined, "the identity provider listens");
  }

  async #environment(): Promise<Record<string, string>> {
    const { authority, mosquitto, users } = this.#parts;
    const issued = await authority.issue({ commonName: "consumer", usage: "client" });
    const { certificateFile, keyFile } = writeIdentity(this.#folder, "mqtt", issued);
    const bindings = users.flatMap(({ user, vehicles }) =>
      vehicles.map(({ id, thing, name, role }) => ({ user, id, binding: { thing, name, role } })),
    );
    return {
      COMPANION_ORIGIN: this.origin,
      COMPANION_PORT: new URL(this.origin).port,
      COMPANION_ISSUER: this.issuer,
      COMPANION_CLIENT_ID: CLIENT_ID,
      COMPANION_API_CLIENTS: API_CLIENT_ID,
      COMPANION_SIGNING_KEY: `file:${join(this.#folder, "signing.key")}`,
      COMPANION_SIGNING_KEY_ID: KEY_ID,
      COMPANION_ROAD: "mqtt",
      COMPANION_BINDINGS_FILE: this.#write("bindings.json", JSON.stringify(bindings)),
      COMPANION_MQTT_HOST: mosquitto.host,
      COMPANION_MQTT_PORT: String(mosquitto.port),
      COMPANION_MQTT_CLIENT_ID: "companion",
      COMPANION_MQTT_CA_FILE: mosquitto.caFile,
      COMPANION_MQTT_CERTIFICATE_FILE: certificateFile,
      COMPANION_MQTT_KEY_FILE: keyFile,
      COMPANION_DESCRIPTOR_FILE: DESCRIPTOR,
    };
  }

  #write(name: string, text: string): string {
    const file = join(this.#folder, name);
    writeFileSync(file, text, { mode: 0o600 });
    return file;
  }
}
