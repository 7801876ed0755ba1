import { createPublicKey, randomBytes, verify } from "node:crypto";
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { AgentError } from "../../../agent/core/errors.ts";
import { fileTrouble, isDenied } from "../../../agent/core/file-trouble.ts";
import { keyAmbiguous, keyUnfit } from "../../../agent/core/key-faults.ts";
import type { ForeignKey, KeyFacts, KeyTest, SealedSecret, TpmFacts } from "../../../agent/ports/key-store.ts";
import { keyExists, keyMissing, tokenMissing, tpmLockout } from "../faults.ts";
import { type StoredKey, type StoredToken, TokenStore } from "../store/store.ts";
import { checkStore, hasStore } from "../store/store-check.ts";
import { clearLockout, readLockout, setLockout } from "../tools/lockout.ts";
import { createKey, readKey, sealContent, unsealContent, unsealWrappingKey } from "../tools/objects.ts";
import { persistentPrimary, readPrimary } from "../tools/primary.ts";
import { attributesOf, factsOf, foreignFacts, keyProblemsOf, type PublicArea } from "../tools/public-area.ts";
import { newSalt, newSecret, newWrappingKey, sealAuth, wrapAuth } from "../tools/seal.ts";
import { initialiseLibrary, login, type SessionKey } from "./pkcs11.ts";
import { digestOf, ecdsaToDer } from "./signature.ts";
import type { OperationOf, TokenLocation, WorkerRequest } from "./worker-protocol.ts";

const CHALLENGE_BYTES = 32;
const KEY_ID_BYTES = 8;

/** Does one job and gives its result as `OPERATION_RESULTS` describes it. Throws faults `identity.*`. */
export async function runKeyOperation(request: WorkerRequest): Promise<unknown> {
  try {
    return await work(request);
  } catch (error) {
    throw lockoutBehind(error, request.place);
  }
}

async function work(request: WorkerRequest): Promise<unknown> {
  switch (request.job) {
    case "provision":
      return provision(request);
    case "create":
      return create(request);
    case "list":
      return list(request.place);
    case "delete":
      return remove(request);
    case "test":
      return test(request);
    case "request":
      return await sign(request);
    case "inspect":
      return inspect(request.place);
    case "clear-lockout":
      clearLockout(request);
      return null;
    case "seal":
      return seal(request);
    case "unseal":
      return unseal(request);
  }
}

function provision(request: OperationOf<"provision">): "made" | "present" {
  const { place, pin, officerPin, ownerAuth, lockoutAuth, lockout } = request;
  makeStoreFolder(place.storeDir);
  checkStore(place.storeDir);
  if (!hasStore(place.storeDir)) initialiseLibrary(place);
  checkStore(place.storeDir);
  using store = new TokenStore(place.storeDir);
  if (store.token(place.tokenLabel) !== undefined) return "present";
  const parent = persistentPrimary(place, ownerAuth);
  const wrappingKey = newWrappingKey();
  const sealed = (secret: string) => {
    const salt = newSalt();
    return { ...sealContent(place, parent, wrappingKey, sealAuth(secret, salt)), salt };
  };
  const token = { label: place.tokenLabel, parent, user: sealed(pin), officer: sealed(officerPin) };
  if (lockout !== undefined) setLockout(place, lockout, lockoutAuth);
  store.addToken(token);
  return "made";
}

function makeStoreFolder(storeDir: string): void {
  try {
    mkdirSync(storeDir, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new AgentError(isDenied(error) ? "identity.not-permitted" : "output.unwritable", {
      what: `the folder of the token store ${storeDir} cannot be made: ${fileTrouble(error)}`,
      remedy: `run it as the user of the service, and make the folder above it for that user: install -d -m 0700 -o causeway -g causeway ${dirname(storeDir)}`,
      cause: error,
    });
  }
}

function create({ place, label, algorithm, pin }: OperationOf<"create">): KeyFacts {
  using store = openStore(place);
  const token = tokenOf(store, place);
  if (store.keys(token.id).some((key) => key.label === label)) throw keyExists(label, place.tokenLabel);
  const wrappingKey = unsealWrappingKey(place, token, pin);
  const auth = newSecret();
  const object = createKey(place, token.parent, algorithm, auth);
  const area = readKey(place, token.parent, { label, ...object });
  if (area.algorithm !== algorithm) throw keyUnfit(label, `the TPM made no ${algorithm}`);
  requireFit(label, area);
  const key = { label, area, ...object, id: randomBytes(KEY_ID_BYTES), encryptedAuth: wrapAuth(auth, wrappingKey) };
  const id = store.addKey(token.id, key);
  if (id === undefined) throw keyExists(label, place.tokenLabel);
  return factsOf({ label, id }, area);
}

function list(place: TokenLocation): readonly (KeyFacts | ForeignKey)[] {
  using store = openStore(place);
  const token = tokenOf(store, place);
  return store.keys(token.id).map((key) => factsOrProblem(place, token, key));
}

/** A key that the TPM refuses, such as one of another TPM, must not hide the others; a TPM that does not answer at all does. */
function factsOrProblem(place: TokenLocation, { parent }: StoredToken, key: StoredKey): KeyFacts | ForeignKey {
  try {
    const area = readKey(place, parent, key);
    return area.algorithm === "other" ? foreignFacts(key, area) : factsOf(key, area);
  } catch (error) {
    if (!(error instanceof AgentError) || error.code !== "identity.key-unfit") throw error;
    return { label: key.label, id: key.id, algorithm: "other", attributes: [], problems: [error.message] };
  }
}

function remove({ place, label, id }: OperationOf<"delete">): null {
  using store = openStore(place);
  store.deleteKey(keyOf(store, tokenOf(store, place), label, place, id));
  return null;
}

function test({ place, label, pin }: OperationOf<"test">): KeyTest {
  const { area, facts } = factsByLabel(place, label);
  requireFit(label, area);
  const { loginMs, key } = login(place, pin);
  const sessionKey = key(label);
  requireProtection(label, sessionKey);
  const challenge = randomBytes(CHALLENGE_BYTES);
  const start = performance.now();
  const signature = sessionKey.sign(area.algorithm, challenge);
  const signMs = performance.now() - start;
  const verifier = { key: createPublicKey(area.publicKeyPem), dsaEncoding: "ieee-p1363" as const };
  if (!verify(digestOf(area.algorithm), challenge, verifier, signature)) {
    throw keyUnfit(label, "its signature over a random challenge does not fit its public key");
  }
  return { key: facts, loginMs, signMs };
}

async function sign({ place, label, pin, subject }: OperationOf<"request">): Promise<string> {
  const { algorithm, publicKeyPem } = factsByLabel(place, label).area;
  const key = login(place, pin).key(label);
  // Only this job pays for loading what assembles a request.
  const { certificationRequest } = await import("./csr.ts");
  return certificationRequest(subject, {
    algorithm,
    publicKeyPem,
    sign: (toBeSigned) => {
      const signature = key.sign(algorithm, toBeSigned);
      return algorithm.startsWith("ec-") ? ecdsaToDer(signature) : signature;
    },
  });
}

function inspect(place: TokenLocation): TpmFacts {
  const lockout = readLockout(place);
  if (!hasStore(place.storeDir)) return { lockout, token: { isPresent: false, problems: [] } };
  using store = openStore(place);
  const token = store.token(place.tokenLabel);
  if (token === undefined) return { lockout, token: { isPresent: false, problems: [] } };
  return { lockout, token: { isPresent: true, problems: tokenProblems(place, token) } };
}

function tokenProblems(place: TokenLocation, { parent, user, officer }: StoredToken): readonly string[] {
  const parts = [
    ["its primary", readPrimary(place, parent)],
    ["the seal of its user PIN", user?.publicBlob],
    ["the seal of its SO PIN", officer.publicBlob],
  ] as const;
  return parts
    .filter(([, blob]) => blob !== undefined && !attributesOf(blob).includes("noda"))
    .map(
      ([part]) => `${part} is protected by the TPM's guess limit: each power cut after its use counts as a wrong guess`,
    );
}

function seal({ place, pin, content }: OperationOf<"seal">): SealedSecret {
  using store = openStore(place);
  const { parent } = tokenOf(store, place);
  const salt = newSalt();
  const { publicBlob, privateBlob } = sealContent(place, parent, content, sealAuth(pin, salt));
  const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");
  return { publicBlob: base64(publicBlob), privateBlob: base64(privateBlob), salt };
}

function unseal({ place, pin, sealed }: OperationOf<"unseal">): string {
  using store = openStore(place);
  const { parent } = tokenOf(store, place);
  const { publicBlob, privateBlob, salt } = sealed;
  const bytes = (base64: string): Uint8Array => Buffer.from(base64, "base64");
  const object = { publicBlob: bytes(publicBlob), privateBlob: bytes(privateBlob) };
  const unfit = (problem: string): AgentError => keyUnfit("outbox", `the TPM does not take it (${problem})`);
  return unsealContent(place, parent, object, { auth: sealAuth(pin, salt), unfit });
}

function openStore(place: TokenLocation): TokenStore {
  checkStore(place.storeDir);
  if (!hasStore(place.storeDir)) throw tokenMissing(place.tokenLabel, place.storeDir, []);
  return new TokenStore(place.storeDir);
}

function tokenOf(store: TokenStore, { tokenLabel, storeDir }: TokenLocation): StoredToken {
  const token = store.token(tokenLabel);
  if (token === undefined) throw tokenMissing(tokenLabel, storeDir, store.labels());
  return token;
}

function keyOf(store: TokenStore, token: StoredToken, label: string, place: TokenLocation, id?: number): StoredKey {
  const keys = store.keys(token.id).filter((one) => one.label === label && (id === undefined || one.id === id));
  const [key] = keys;
  if (key === undefined) throw keyMissing(label, place.tokenLabel);
  if (keys.length > 1)
    throw keyAmbiguous(
      label,
      place.tokenLabel,
      keys.map((one) => one.id),
    );
  return key;
}

function factsByLabel(place: TokenLocation, label: string): { readonly area: PublicArea; readonly facts: KeyFacts } {
  using store = openStore(place);
  const token = tokenOf(store, place);
  const key = keyOf(store, token, label, place);
  const area = readKey(place, token.parent, key);
  if (area.algorithm === "other") throw keyUnfit(label, foreignFacts(key, area).problems.join("; "));
  return { area, facts: factsOf(key, area) };
}

function requireFit(label: string, { attributes }: PublicArea): void {
  const problems = keyProblemsOf(attributes);
  if (problems.length > 0) throw keyUnfit(label, problems.join("; "));
}

/** What the library says of the key must not be less than what the TPM says. */
function requireProtection(label: string, { protection }: SessionKey): void {
  const { sensitive, alwaysSensitive, extractable, neverExtractable, local } = protection;
  const isKept = sensitive && alwaysSensitive && extractable === false && neverExtractable && local;
  if (isKept !== true) throw keyUnfit(label, `the library calls it readable: ${JSON.stringify(protection)}`);
}

/** The library calls a TPM in lockout a wrong PIN, and the tools do not say for how long: only the TPM itself can tell. */
function lockoutBehind(error: unknown, place: TokenLocation): unknown {
  const code = error instanceof AgentError ? error.code : undefined;
  if (code !== "identity.pin-wrong" && code !== "identity.tpm-lockout") return error;
  const lockout = readLockout(place);
  return lockout.isLocked || code === "identity.tpm-lockout" ? tpmLockout(lockout) : error;
}
