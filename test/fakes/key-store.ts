import { createPrivateKey, generateKeyPairSync, sign } from "node:crypto";
import { AgentError, type FaultCode } from "../../agent/core/errors.ts";
import type { CsrSubject, KeyAlgorithm, KeyFacts, KeyStore, KeyTest } from "../../agent/ports.ts";
import { certificationRequest } from "../../drivers/tpm/csr.ts";

const ATTRIBUTES = ["fixedtpm", "fixedparent", "sensitivedataorigin", "userwithauth", "noda", "sign"];

type Held = { readonly facts: KeyFacts; readonly privateKeyPem: string };

/** A key store in memory, with keys of node:crypto, whose requests and signatures are real. */
export class FakeKeyStore implements KeyStore {
  readonly #keys = new Map<string, Held>();
  readonly #faults: AgentError[] = [];
  /** Names of the calls, in order: "create device". */
  readonly calls: string[] = [];

  /** The next call rejects with this instead, and changes nothing; several are taken in order. */
  failNext(fault: AgentError): void {
    this.#faults.push(fault);
  }

  /** A label whose key has flaws from now on. */
  spoil(label: string, flaw: string): void {
    const held = this.#held(label);
    this.#keys.set(label, { ...held, facts: { ...held.facts, flaws: [...held.facts.flaws, flaw] } });
  }

  /** PKCS #8, for a connection with this key. A real store can never give it. */
  privateKeyPem(label: string): string {
    return this.#held(label).privateKeyPem;
  }

  async create(label: string, algorithm: KeyAlgorithm): Promise<KeyFacts> {
    await this.#enter(`create ${label}`);
    if (this.#keys.has(label)) throw fault("identity.key-exists", `there is a key labelled "${label}" already`);
    const { privateKey, publicKey } = newPair(algorithm);
    const publicKeyPem = publicKey.export({ type: "spki", format: "pem" }).toString();
    const facts = { label, algorithm, publicKeyPem, attributes: ATTRIBUTES, flaws: [] };
    this.#keys.set(label, {
      facts,
      privateKeyPem: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    });
    return facts;
  }

  async list(): Promise<readonly KeyFacts[]> {
    await this.#enter("list");
    return [...this.#keys.values()]
      .map(({ facts }) => facts)
      .sort((left, right) => (left.label < right.label ? -1 : 1));
  }

  async delete(label: string): Promise<void> {
    await this.#enter(`delete ${label}`);
    this.#held(label);
    this.#keys.delete(label);
  }

  async test(label: string): Promise<KeyTest> {
    await this.#enter(`test ${label}`);
    const { facts } = this.#held(label);
    if (facts.flaws.length > 0) throw fault("identity.key-unfit", `key "${label}": ${facts.flaws.join("; ")}`);
    return { key: facts, loginMs: 1, signMs: 1 };
  }

  async request(label: string, subject: CsrSubject): Promise<string> {
    await this.#enter(`request ${label}`);
    const { facts, privateKeyPem } = this.#held(label);
    const key = createPrivateKey(privateKeyPem);
    return certificationRequest(subject, { ...facts, sign: (toBeSigned) => sign("sha256", toBeSigned, key) });
  }

  /** As in the real store, nothing happens within the call itself. */
  async #enter(call: string): Promise<void> {
    await Promise.resolve();
    this.calls.push(call);
    const next = this.#faults.shift();
    if (next !== undefined) throw next;
  }

  #held(label: string): Held {
    const held = this.#keys.get(label);
    if (held === undefined) throw fault("identity.key-missing", `no private key labelled "${label}"`);
    return held;
  }
}

function newPair(algorithm: KeyAlgorithm) {
  return algorithm === "ec-p256"
    ? generateKeyPairSync("ec", { namedCurve: "prime256v1" })
    : generateKeyPairSync("rsa", { modulusLength: 2048 });
}

function fault(code: FaultCode, what: string): AgentError {
  return new AgentError(code, { what, remedy: "none: this is a fake" });
}
