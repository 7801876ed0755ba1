import { createPublicKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { type StoredToken, TokenStore } from "../../../drivers/tpm/store/store.ts";
import { STORE_FILE } from "../../../drivers/tpm/store/store-check.ts";
import { ATTRIBUTE, attributesText, CLASS, keyRows } from "../../../drivers/tpm/store/store-objects.ts";
import type { PublicArea } from "../../../drivers/tpm/tools/public-area.ts";
import { newSecret, sealAuth, wrapAuth } from "../../../drivers/tpm/tools/seal.ts";
import type { Tpm } from "./tpm.ts";
import { runTool } from "./tpm-tools.ts";

type Blobs = { readonly publicBlob: Uint8Array; readonly privateBlob: Uint8Array };

/**
 * Takes an EC P-256 key that was made outside the TPM into the token, as an integrator might: it works, but a copy of it may be anywhere.
 * Gives its public key as PEM.
 */
export async function adoptForeignKey(tpm: Tpm, label: string): Promise<string> {
  return await inFolder(tpm, async (folder, parent) => {
    const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
    writeFileSync(join(folder, "key.pem"), privateKey.export({ type: "sec1", format: "pem" }), { mode: 0o600 });
    const auth = newSecret();
    const what = ["-G", "ecc", "-i", "key.pem", "-a", "userwithauth|noda|sign", "-p", auth];
    const blobs = await made(tpm, folder, "tpm2_import", ["-C", parent, ...what]);
    using store = new TokenStore(tpm.storeDir);
    const token = store.token(tpm.tokenLabel);
    if (token === undefined) throw new Error("the bench has no token");
    const encryptedAuth = wrapAuth(auth, await unsealedWrappingKey(tpm, folder, token));
    const id = Buffer.from(label);
    insert(tpm, token.id, keyRows({ label, id, area: areaOf(publicKey), ...blobs, encryptedAuth }).map(attributesText));
    return publicKey.export({ type: "spki", format: "pem" }).toString();
  });
}

/** Makes a key of a kind that no device connects with, such as "rsa1024", and takes it into the token for listing alone. */
export async function adoptOddKey(tpm: Tpm, label: string, kind: string): Promise<void> {
  await inFolder(tpm, async (folder, parent) => {
    const { publicBlob, privateBlob } = await made(tpm, folder, "tpm2_create", ["-C", parent, "-G", kind]);
    using store = new TokenStore(tpm.storeDir);
    insert(tpm, store.token(tpm.tokenLabel)?.id ?? 0, [
      attributesText([
        [ATTRIBUTE.class, CLASS.privateKey],
        [ATTRIBUTE.label, hex(Buffer.from(label))],
        [ATTRIBUTE.publicBlob, hex(publicBlob)],
        [ATTRIBUTE.privateBlob, hex(privateBlob)],
      ]),
    ]);
  });
}

/** Gives all keys labelled `from` the label `to`, which the agent's own driver would refuse. */
export function relabel(storeDir: string, from: string, to: string): void {
  using database = new DatabaseSync(join(storeDir, STORE_FILE), { enableDoubleQuotedStringLiterals: true });
  const [before, after] = [from, to].map((label) => `"${hex(Buffer.from(label))}"`);
  database.prepare("UPDATE tobjects SET attrs = replace(attrs, ?, ?)").run(before ?? "", after ?? "");
}

async function inFolder<T>(tpm: Tpm, work: (folder: string, parent: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tpm.storeDir, "..", "adopted-"));
  try {
    using store = new TokenStore(tpm.storeDir);
    const parent = join(folder, "parent.tr");
    writeFileSync(parent, store.token(tpm.tokenLabel)?.parent ?? new Uint8Array(0));
    return await work(folder, parent);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function made(tpm: Tpm, folder: string, command: string, args: readonly string[]): Promise<Blobs> {
  await runTool({
    command,
    args: ["-Q", ...args, "-u", "new.pub", "-r", "new.priv"],
    environment: tpm.environment,
    folder,
  });
  return { publicBlob: readFileSync(join(folder, "new.pub")), privateBlob: readFileSync(join(folder, "new.priv")) };
}

/** The key under which the token keeps the authorisations of its keys. */
async function unsealedWrappingKey(tpm: Tpm, folder: string, { user }: StoredToken): Promise<string> {
  if (user === undefined) throw new Error("the bench's token has no user PIN");
  writeFileSync(join(folder, "user.pub"), user.publicBlob);
  writeFileSync(join(folder, "user.priv"), user.privateBlob);
  const tools = { environment: tpm.environment, folder };
  const load = ["-Q", "-C", "parent.tr", "-u", "user.pub", "-r", "user.priv", "-c", "user.ctx"];
  await runTool({ command: "tpm2_load", args: load, ...tools });
  const auth = sealAuth(readFileSync(tpm.pinFile, "utf8").trim(), user.salt);
  return await runTool({ command: "tpm2_unseal", args: ["-c", "user.ctx", "-p", auth], ...tools });
}

function areaOf(publicKey: KeyObject): PublicArea {
  const { x, y } = publicKey.export({ format: "jwk" });
  const [left, right] = [x, y].map((value) => Buffer.from(value ?? "", "base64url"));
  return {
    algorithm: "ec-p256",
    attributes: ["userwithauth", "noda", "sign"],
    publicKeyPem: createPublicKey(publicKey.export({ type: "spki", format: "pem" }))
      .export({ type: "spki", format: "pem" })
      .toString(),
    numbers: { kind: "ec", x: left ?? Buffer.alloc(32), y: right ?? Buffer.alloc(32) },
  };
}

function insert(tpm: Tpm, tokenId: number, rows: readonly string[]): void {
  using database = new DatabaseSync(join(tpm.storeDir, STORE_FILE), { enableDoubleQuotedStringLiterals: true });
  const statement = database.prepare("INSERT INTO tobjects (tokid, attrs) VALUES (?, ?)");
  for (const row of rows) statement.run(tokenId, row);
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
