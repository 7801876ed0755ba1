import { accessSync, constants, copyFileSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { type ClientTlsContext, Pkcs11Lib } from "aws-crt/dist/native/io.js";
import { AgentError, messageOf } from "../../../agent/core/errors.ts";
import { fileTrouble } from "../../../agent/core/file-trouble.ts";
import type { IdentityConfig } from "../../../config/schema.ts";
import { pkcs11Fault } from "./identity-faults.ts";

/** In memory, where even a device whose disks are all read-only can write. */
const COPY_PARENT = "/dev/shm";

type Pkcs11Identity = Extract<IdentityConfig, { mode: "pkcs11" }>;

/** What a token is reached with. `readPin` is called at most once. `verbose` lets the TPM libraries write to stderr. */
export type Pkcs11TokenParts = {
  readonly identity: Pkcs11Identity;
  readonly readPin: () => string;
  readonly checkStore: (storeDir: string) => void;
  readonly verbose: boolean;
  /** Folder for a copy of the library, see `Pkcs11Token.reload`; without it new keys are found by a new process only. */
  readonly copyFolder: string | undefined;
};

/**
 * A PKCS#11 token in this process: the library, loaded once, and the PIN, asked for once.
 *
 * The library is initialised once a process (C_Initialize; "already initialised" is taken for success, C_Finalize is never called,
 * so that other users of the library in this process are left alone). Measured with libtpm2_pkcs11 1.9: a TPM that was absent is
 * found when it comes later; but when a resource manager daemon was there and went, the library does not reconnect in this process.
 */
export class Pkcs11Token {
  readonly #parts: Pkcs11TokenParts;
  #library: Pkcs11Lib | undefined;
  #pin: string | undefined;
  #rejection: AgentError | undefined;
  /** File of the library, to be copied. */
  #source: string | undefined;
  #copies = 0;
  #context: { readonly made: string; readonly context: ClientTlsContext } | undefined;

  constructor(parts: Pkcs11TokenParts) {
    this.#parts = parts;
  }

  /** Asks the token, logged in. Throws a fault `identity.*`; after `identity.pin-wrong` the same again without asking the token. */
  ask<T>(work: (library: Pkcs11Lib, pin: string) => T): T {
    if (this.#rejection !== undefined) throw this.#rejection;
    const { identity } = this.#parts;
    this.#parts.checkStore(identity.storeDir);
    this.#pin ??= this.#parts.readPin();
    const pin = this.#pin;
    try {
      return work(this.#open(), pin);
    } catch (thrown) {
      if (thrown instanceof AgentError) throw thrown;
      const fault = pkcs11Fault(identity, thrown);
      if (fault.code === "identity.pin-wrong") {
        this.#rejection = fault;
        this.#pin = undefined;
      }
      throw fault;
    }
  }

  /**
   * The context that was made last, when it was made of the same. One context for all connections: each that is let go of closes its session
   * with the token when it is collected, on the main thread, which would wait there for a TPM that hangs in another connection's handshake.
   */
  keptContext(made: string): ClientTlsContext | undefined {
    return this.#context?.made === made ? this.#context.context : undefined;
  }

  keepContext(made: string, context: ClientTlsContext): ClientTlsContext {
    this.#context = { made, context };
    return context;
  }

  /** The token failed in a handshake: the next context logs in anew. */
  forgetContext(): void {
    this.#context = undefined;
  }

  /** The PIN was not wrong after all: the next `ask` asks the token again. */
  forgetRejection(): void {
    this.#rejection = undefined;
  }

  /**
   * Makes keys visible that another process made since the library was loaded. libtpm2_pkcs11 reads its store at C_Initialize and never
   * again, and this process must not call C_Finalize under a connection; so a private copy of the library, with a state of its own, is
   * loaded and takes over (measured: 30 ms). Contexts that are in use keep the copy they were made with until they are gone. Gives false
   * where no copy can be made.
   */
  reload(): boolean {
    const { copyFolder } = this.#parts;
    const source = this.#source;
    if (copyFolder === undefined || source === undefined) return false;
    // The dynamic linker takes a name that it has loaded for the same library, whatever the file is now.
    const copy = join(copyFolder, `.library-${process.pid}-${++this.#copies}.so`);
    try {
      mkdirSync(copyFolder, { recursive: true, mode: 0o700 });
      copyFileSync(source, copy);
      setLibraryEnvironment(this.#parts.identity, this.#parts.verbose);
      const fresh = new Pkcs11Lib(copy, Pkcs11Lib.InitializeFinalizeBehavior.STRICT);
      this.#library?.close();
      this.#library = fresh;
      return true;
    } catch (error) {
      throw new AgentError("identity.module-missing", {
        what: `no second copy of the PKCS#11 library can be loaded from ${copyFolder}: ${messageOf(error)}`,
        remedy: "let the file system of stateDir be mounted without noexec, or restart the agent to use a new key",
        cause: error,
      });
    } finally {
      // What is loaded stays loaded.
      rmSync(copy, { force: true });
    }
  }

  #open(): Pkcs11Lib {
    if (this.#library !== undefined) return this.#library;
    const { identity, verbose } = this.#parts;
    setLibraryEnvironment(identity, verbose);
    this.#library = new Pkcs11Lib(identity.module, Pkcs11Lib.InitializeFinalizeBehavior.DEFAULT);
    // Now: it may be unloaded once a copy has taken over and its last context is gone.
    this.#source = loadedFile(identity.module);
    return this.#library;
  }
}

/** The file that the dynamic linker took for a module that is loaded; undefined where /proc does not tell. A bare name was a link to it. */
function loadedFile(module: string): string | undefined {
  if (module.startsWith("/")) return module;
  const files = readFileSync("/proc/self/maps", "utf8")
    .split("\n")
    .map((line) => line.slice(line.indexOf("/")));
  return files.find((file) => file.startsWith("/") && basename(file).startsWith(module));
}

/**
 * The folder that the library is to use. On a read-only file system it could not make the lock that it keeps beside its store and would
 * give up (PKCS11_SQL_LOCK, which is meant for that, leads libtpm2_pkcs11 1.9 to the root folder); there it gets a copy in memory, as
 * safe as the store is: what is in it needs the TPM and the PIN.
 */
function usableStore(storeDir: string): string {
  if (!isReadOnly(storeDir)) return storeDir;
  try {
    const copy = mkdtempSync(join(COPY_PARENT, "causeway-store-"));
    process.once("exit", () => rmSync(copy, { recursive: true, force: true }));
    cpSync(storeDir, copy, { recursive: true });
    return copy;
  } catch (error) {
    throw new AgentError("output.unwritable", {
      what: `${storeDir} is read-only, and no copy of it can be made in ${COPY_PARENT}: ${fileTrouble(error)}`,
      remedy: `let this user write to ${COPY_PARENT}: mount -t tmpfs -o mode=1777 tmpfs ${COPY_PARENT}`,
      cause: error,
    });
  }
}

function isReadOnly(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK);
    return false;
  } catch (error) {
    // Whatever else is wrong with the folder, the check of the store says better.
    return error instanceof Error && "code" in error && error.code === "EROFS";
  }
}

/** The library takes its settings from the environment of the process and from nowhere else. */
function setLibraryEnvironment(identity: Pkcs11Identity, verbose: boolean): void {
  process.env.TPM2_PKCS11_STORE = usableStore(identity.storeDir);
  if (identity.tcti !== undefined) process.env.TPM2_PKCS11_TCTI = identity.tcti;
  if (verbose) return;
  // Level 0 still prints errors; the TSS below it can be silenced altogether. What the operator has set stays.
  process.env.TPM2_PKCS11_LOG_LEVEL ??= "0";
  process.env.TSS2_LOG ??= "all+none";
}
