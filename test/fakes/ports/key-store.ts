import { createPrivateKey, generateKeyPairSync, sign } from "node:crypto";
import { AgentError, type FaultCode } from "../../../agent/core/errors.ts";
import { keyAmbiguous } from "../../../agent/core/key-faults.ts";
import type { CsrSubject, KeyAlgorithm, KeyFacts, KeyStore, KeyTest } from "../../../agent/ports/key-store.ts";
import { certificationRequest } from "../../../drivers/tpm/worker/csr.ts";
import { digestOf } from "../../../drivers/tpm/worker/signature.ts";

const ATTRIBUTES = ["fixedtpm", "fixedparent", "sensitivedataorigin", "userwithauth", "noda", "sign"];

type Held = { readonly facts: KeyFacts; readonly privateKeyPem: string };

/** A key store in memory, with keys of node:crypto, whose requests and signatures are real. */
export class FakeKeyStore implements KeyStore {
  #keys: readonly Held[] = [];
  #made = 0;
  readonly #faults: AgentError[] = [];
  /** Names of the calls, in order: "create device". */
  readonly calls: string[] = [];

  /** The next call rejects with this instead, and changes nothing; several are taken in order. */
  failNext(fault: AgentError): void {
    this.#faults.push(fault);
  }

  /** A label whose key has problems from now on. */
  spoil(label: string, flaw: string): void {
    this.#change(label, (facts) => ({ ...facts, problems: [...facts.problems, flaw] }));
  }

  /** Another label for a key, which several keys may have. */
  relabel(from: string, to: string): void {
    this.#change(from, (facts) => ({ ...facts, label: to }));
  }

  /** PKCS #8, for a connection with this key. A real store can never give it. */
  privateKeyPem(label: string): string {
    return this.#held(label).privateKeyPem;
  }

  async create(label: string, algorithm: KeyAlgorithm): Promise<KeyFacts> {
    await this.#enter(`create ${label}`);
    if (this.#keys.some(({ facts }) => facts.label === label)) {
      throw fault("identity.key-exists", `there is a key labelled "${label}" already`);
    }
    const { privateKey, publicKey } = newPair(algorithm);
    const publicKeyPem = publicKey.export({ type: "spki", format: "pem" }).toString();
    const facts = { label, id: ++this.#made, algorithm, publicKeyPem, attributes: ATTRIBUTES, problems: [] };
    const privateKeyPem = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
    this.#keys = [...this.#keys, { facts, privateKeyPem }];
    return facts;
  }

  async list(): Promise<readonly KeyFacts[]> {
    await this.#enter("list");
    return this.#keys
      .map(({ facts }) => facts)
      .sort((left, right) => (left.label === right.label ? left.id - right.id : left.label < right.label ? -1 : 1));
  }

  async delete(label: string, id?: number): Promise<void> {
    await this.#enter(`delete ${label}`);
    const held = this.#held(label, id);
    this.#keys = this.#keys.filter((one) => one !== held);
  }

  async test(label: string): Promise<KeyTest> {
    await this.#enter(`test ${label}`);
    const { facts } = this.#held(label);
    if (facts.problems.length > 0) throw fault("identity.key-unfit", `key "${label}": ${facts.problems.join("; ")}`);
    return { key: facts, loginMs: 1, signMs: 1 };
  }

  async request(label: string, subject: CsrSubject): Promise<string> {
    await this.#enter(`request ${label}`);
    const { facts, privateKeyPem } = this.#held(label);
    const key = createPrivateKey(privateKeyPem);
    return certificationRequest(subject, {
      ...facts,
      sign: (toBeSigned) => sign(digestOf(facts.algorithm), toBeSigned, key),
    });
  }

  /** As in the real store, nothing happens within the call itself. */
  async #enter(call: string): Promise<void> {
    await Promise.resolve();
    this.calls.push(call);
    const next = this.#faults.shift();
    if (next !== undefined) throw next;
  }

  #change(label: string, change: (facts: KeyFacts) => KeyFacts): void {
    const held = this.#held(label);
    this.#keys = this.#keys.map((one) => (one === held ? { ...held, facts: change(held.facts) } : one));
  }

  #held(label: string, id?: number): Held {
    const found = this.#keys.filter(({ facts }) => facts.label === label && (id === undefined || facts.id === id));
    const [held] = found;
    if (held === undefined) throw fault("identity.key-missing", `no private key labelled "${label}"`);
    if (found.length === 1) return held;
    throw keyAmbiguous(
      label,
      "fake",
      found.map(({ facts }) => facts.id),
    );
  }
}

function newPair(algorithm: KeyAlgorithm) {
  return algorithm.startsWith("ec-")
    ? generateKeyPairSync("ec", { namedCurve: algorithm === "ec-p256" ? "prime256v1" : "secp384r1" })
    : generateKeyPairSync("rsa", { modulusLength: algorithm === "rsa-2048" ? 2048 : 3072 });
}

function fault(code: FaultCode, what: string): AgentError {
  return new AgentError(code, { what, remedy: "none: this is a fake" });
}
