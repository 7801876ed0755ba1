import type { AgentConfig } from "../../config/schema.ts";
import { AgentError, EXIT } from "../core/errors.ts";
import { type CliContext, note } from "./context.ts";
import { EndedElsewhere } from "./own-process.ts";

/**
 * Root is not the user whose identity it is, and what root writes there the service cannot read: from here on this process is the service's
 * user. Where the PIN, or what the proxy asks for, is a systemd credential and the verb `wantsPin`, systemd runs the verb anew, with the
 * credentials of the service; then it throws `EndedElsewhere`. Does nothing for other users, nor where the state is root's own.
 */
export async function asServiceUser(
  { stateDir, identity, proxy }: Pick<AgentConfig, "stateDir" | "identity" | "proxy">,
  context: CliContext,
  wantsPin: boolean,
): Promise<void> {
  const root = context.process?.root;
  if (root === undefined || identity.mode === "file") return;
  const uid = root.ownerOf([stateDir, `${stateDir}/identity`]);
  if (uid === undefined || uid === 0) return;
  const hasFiles = identity.pinFile !== undefined && (proxy === undefined || proxy.credentialsFile !== undefined);
  if (wantsPin && !hasFiles && context.environment.CREDENTIALS_DIRECTORY === undefined) {
    const settings = await root.unitSettings();
    if (settings.some((setting) => /^(?:Load|Set|Import)Credential/.test(setting))) {
      const code = await root.runInUnit(uid, settings, context.signal);
      // A unit that was stopped has ended well for systemd.
      throw new EndedElsewhere(context.signal.aborted ? EXIT.interrupted : code);
    }
  }
  root.becomeUser(uid);
  if (context.options().verbose) note(context, `as user id ${uid}, whose state ${stateDir} is`);
}

/**
 * Runs the verb in a process of its own, so that nothing that a library prints reaches the terminal and none can keep it from ending at
 * `timeoutMs`. Gives true when that is done; false in that process itself, with --verbose, which shows what libraries say, and in tests.
 */
export async function ranQuietly(context: CliContext, timeoutMs: number | undefined): Promise<boolean> {
  const { process } = context;
  if (process?.runQuietly === undefined || context.options().verbose) return false;
  const { code, noise, isLate } = await process.runQuietly(context.signal, timeoutMs);
  if (code === undefined && !context.signal.aborted) throw notLetGo(isLate, noise);
  context.finish(code ?? EXIT.interrupted);
  return true;
}

function notLetGo(isLate: boolean, noise: string): AgentError {
  if (isLate) {
    return new AgentError("identity.tpm-timeout", {
      what: "the verb did not end in the time that --timeout gives",
      remedy:
        "give a longer --timeout; where a TPM holds the key, see what stands before it and restart that: a resource manager that hangs (systemctl status tpm2-abrmd), or another program that keeps the TPM busy",
    });
  }
  return new AgentError("internal.bug", {
    what: `a library has ended the verb: ${noise.trim().split("\n").slice(-3).join("; ")}`,
    remedy: "report it with the output of --verbose",
  });
}
