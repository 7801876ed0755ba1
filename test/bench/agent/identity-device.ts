import { execFile } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { openSession } from "../../../agent/cloud/open-session.ts";
import { type IdentityState, identityInUse, identityState } from "../../../agent/identity/identity-state.ts";
import { publicationTo } from "../../../agent/ports/broker.ts";
import { openIdentityFiles } from "../../../drivers/os/identity-files.ts";
import { systemClock } from "../../../drivers/os/time-source.ts";
import { MemoryLog } from "../../fakes/core/log.ts";
import { fileKeyStore } from "../../fakes/ports/file-key-store.ts";
import { createSession } from "../broker/mqtt-session.ts";
import type { CloudBench } from "../cloud/cloud-bench.ts";

const run = promisify(execFile);
const PROGRAM = fileURLToPath(new URL("../processes/identity-process.ts", import.meta.url));

/** What is asked of a device: its first identity, another one by claim, or the renewal of the one it has. */
export type IdentityTask = "enrol" | "again" | "renew";

/** A device with its keys in files, whose every try is a process of its own. */
export type IdentityDevice = {
  readonly thing: string;
  readonly keys: ReturnType<typeof fileKeyStore>;
  /** Throws when there is none. */
  readonly state: () => IdentityState;
  /** One process. `killAt` ("keyed:after") is where it ends itself. `ended` is its outcome, its fault, or the signal. */
  readonly attempt: (
    task?: IdentityTask,
    killAt?: string,
  ) => Promise<{ readonly ended: string; readonly claim: Claim }>;
  /** Whether the identity in use is verified by OpenSSL, and connects and publishes. */
  readonly works: () => Promise<boolean>;
};
type Claim = { readonly certificateFile: string; readonly keyFile: string };

/** A device that the cloud lets in and that has no identity yet. Its files are in `folder`/`thing`. */
export function identityDevice(bench: CloudBench, folder: string, thing: string): IdentityDevice {
  const home = join(folder, thing);
  const { mosquitto, authority, cloud } = bench;
  cloud.provisioning.settings.allowedSerials.add(thing);
  const keys = fileKeyStore(join(home, "keys"));
  const environment = { ...process.env, NODE_COMPILE_CACHE: join(folder, "compile-cache") };
  const state = (): IdentityState => {
    const files = openIdentityFiles({ folder: join(home, "identity"), parse: (value) => identityState.parse(value) });
    const reading = files.read();
    if (reading.kind === "none") throw new Error("no state");
    return reading.state;
  };
  const attempt: IdentityDevice["attempt"] = async (task = "enrol", killAt) => {
    const claim = await cloud.claim(home);
    const place = { folder: home, host: "localhost", port: mosquitto.port, caFile: authority.caFile };
    const args = [PROGRAM, JSON.stringify({ ...place, thing, claim, task, killAt })];
    const ended = await run(process.execPath, args, { env: environment }).then(
      ({ stdout }) => stdout.trim(),
      (error: { readonly signal?: string; readonly stdout?: string }) => error.signal ?? error.stdout?.trim() ?? "",
    );
    return { ended, claim };
  };
  const works = async (): Promise<boolean> => {
    const identity = identityInUse(state());
    if (identity === undefined) return false;
    const { certificateFile, keyLabel } = identity;
    await run("openssl", ["verify", "-CAfile", authority.caFile, certificateFile]);
    const session = createSession({
      clientId: thing,
      identity: { mode: "file", certificateFile, keyFile: keys.fileOf(keyLabel) },
      caFile: authority.caFile,
      broker: { host: "localhost", port: mosquitto.port, sessionExpirySeconds: 0 },
      log: new MemoryLog(),
      once: true,
    });
    await openSession(session, systemClock(), AbortSignal.timeout(10_000)).catch(() => undefined);
    const outcome = await session.publish(publicationTo(`dt/causeway/${thing}/test`, new Uint8Array(1), ""));
    await session.stop();
    return outcome.kind === "acked";
  };
  return { thing, keys, state, attempt, works };
}
