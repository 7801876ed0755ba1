/**
 * Kinds of keys that a device can connect with; a TPM need not have all of them. EC keys sign with ECDSA (P-384 over SHA-384), RSA keys with
 * PKCS#1 v1.5; over SHA-256 where nothing else is said.
 */
export const KEY_ALGORITHMS = ["ec-p256", "ec-p384", "rsa-2048", "rsa-3072"] as const;
export type KeyAlgorithm = (typeof KEY_ALGORITHMS)[number];

/** A private key of the token. */
export type KeyFacts = {
  readonly label: string;
  /** The store's number of the key: unlike the label no other key has it. */
  readonly id: number;
  readonly algorithm: KeyAlgorithm;
  /** SubjectPublicKeyInfo as PEM. */
  readonly publicKeyPem: string;
  /** TPMA_OBJECT words of the public area that the TPM itself holds (TPM 2.0 part 2, 8.3), in tpm2-tools' spelling: "fixedtpm", "noda". */
  readonly attributes: readonly string[];
  /** What keeps the key from being one that never leaves the TPM and that no power cut locks, one sentence each; empty for a good key. */
  readonly problems: readonly string[];
};

/** A private key of the token that cannot be the device's, since it is of a kind that is not used or the TPM does not take it; `problems` says why. */
export type ForeignKey = Pick<KeyFacts, "label" | "id" | "attributes" | "problems"> & { readonly algorithm: "other" };

/** Subject and names of a certificate request, already filled in from the template. Absent fields are left out. */
export type CsrSubject = {
  readonly commonName: string;
  readonly serialNumber?: string;
  readonly organization?: string;
  readonly organizationalUnit?: string;
  /** Two letters (ISO 3166-1). */
  readonly country?: string;
  /** Subject alternative names, ASCII. */
  readonly uris: readonly string[];
  readonly dnsNames: readonly string[];
};

/** What a self-test of a key found. */
export type KeyTest = {
  readonly key: KeyFacts;
  /** Opening the token and logging in. */
  readonly loginMs: number;
  /** One signature over a random challenge, which the public key verified outside the TPM. */
  readonly signMs: number;
};

/**
 * Keys of the device's token. Each call runs apart from the daemon's own use of the token (in a process of its own), one at a time in
 * the order of the calls, and within a time limit; nothing is half-done when it rejects.
 *
 * Rejects with `identity.*` faults: the TPM absent or in lockout, token or key missing, PIN wrong (not tried again by itself), store
 * exposed, time limit reached. A call that names a label which several keys have rejects with `identity.key-ambiguous`.
 */
export interface KeyStore {
  /**
   * A PKCS#11 library that is loaded already, such as that of the daemon's TLS, reads the token once and never sees keys that are made after that
   * (measured with libtpm2_pkcs11 1.9): they can be used by processes that start later.
   *
   * Rejects with `identity.key-exists` when the label is taken, and `identity.key-unfit` (the key is gone again) when the TPM made another key than was asked for.
   */
  create(label: string, algorithm: KeyAlgorithm): Promise<KeyFacts>;
  /** All private keys, by label. One that cannot be used does not keep the others from being told. */
  list(): Promise<readonly (KeyFacts | ForeignKey)[]>;
  /** Rejects with `identity.key-missing` when there is none. `id` says which, where several have the label. Cannot be undone. */
  delete(label: string, id?: number): Promise<void>;
  /** Signs a random challenge, verifies it, and reads the attributes again. Rejects with `identity.key-unfit` for a key that has problems or that fails. */
  test(label: string): Promise<KeyTest>;
  /** PKCS#10 as PEM, signed in the TPM. */
  request(label: string, subject: CsrSubject): Promise<string>;
}

/** The TPM's own guess limit, which counts for all its users, and what it has counted. */
export type LockoutState = {
  /** No object with dictionary-attack protection can be used now. */
  readonly isLocked: boolean;
  /** Failed authorisations that are not forgiven yet. */
  readonly counter: number;
  readonly maxTries: number;
  /** One failure is forgiven after this time of TPM power, seconds; 0 never. */
  readonly recoverySeconds: number;
  /** How long the lockout authorisation itself is refused after a wrong one, seconds; 0 until the next reset. */
  readonly lockoutRecoverySeconds: number;
  readonly hasOwnerAuth: boolean;
  readonly hasLockoutAuth: boolean;
};

/** The TPM and the token in it, as they are. */
export type TpmFacts = {
  readonly lockout: LockoutState;
  readonly token: {
    readonly isPresent: boolean;
    /** Why a power cut or a wrong PIN brings the TPM nearer to its lockout, one sentence each; empty for a good token. */
    readonly problems: readonly string[];
  };
};

/** A secret that only this TPM opens, and only with the PIN of the token that it was sealed for; it may lie in a file. Base64, `salt` hexadecimal. */
export type SealedSecret = { readonly publicBlob: string; readonly privateBlob: string; readonly salt: string };

/**
 * Secrets that the TPM of the device's token keeps. Calls run like those of `KeyStore`, in one order with them, and reject with the same faults.
 */
export interface SecretSealer {
  /** `secret` is printable text of at most 128 characters, the most that a TPM seals. */
  seal(secret: string): Promise<SealedSecret>;
  /** Rejects with `identity.key-unfit` when this TPM did not seal it, or it was changed. */
  unseal(sealed: SealedSecret): Promise<string>;
}

/** The device's token apart from its keys. Calls run like those of `KeyStore`, in one order with them, and reject with the same faults. */
export interface TokenAdmin {
  /**
   * Makes the store, the token with the user PIN, and what both need in the TPM; "present" when there is a token of the label already, which is
   * left as it is. Nothing of it is protected by the TPM's guess limit, so that no power cut counts: the PIN must be hard to guess.
   * Rejects with `identity.tpm-auth-refused` when the TPM's owner has an authorisation and it was not given.
   */
  provision(): Promise<"made" | "present">;
  /** Needs no PIN. */
  inspect(): Promise<TpmFacts>;
  /** Sets the TPM's count of failed authorisations to 0. Rejects with `identity.tpm-auth-refused`; a wrong authorisation is refused for `lockoutRecoverySeconds`. */
  clearLockout(): Promise<void>;
}
