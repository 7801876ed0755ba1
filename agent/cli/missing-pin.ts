import { existsSync } from "node:fs";
import { makePinFile } from "../../drivers/os/pin.ts";
import { AgentError } from "../core/errors.ts";
import { type CliContext, note } from "./context.ts";
import type { Token } from "./open-token.ts";

/**
 * Writes a random PIN into the file that the configuration names, where there is neither that file nor a token. Throws
 * `identity.pin-missing` where the token exists: no PIN that is made now could be its own.
 */
export async function makeMissingPin(
  { identity, keys }: Pick<Token, "identity" | "keys">,
  context: CliContext,
): Promise<void> {
  const { pinFile, tokenLabel, storeDir } = identity;
  if (pinFile === undefined || existsSync(pinFile)) return;
  const { token } = await keys.inspect();
  if (token.isPresent) {
    throw new AgentError("identity.pin-missing", {
      what: `the PIN file ${pinFile} does not exist, and the token "${tokenLabel}" in ${storeDir} has a PIN already`,
      remedy: `write the PIN of that token into the file, mode 0600; where it is lost, the keys of the token are of no use any more: mv ${storeDir} ${storeDir}.lost, then causeway key create makes all anew`,
    });
  }
  if (makePinFile(pinFile) === "made") note(context, `PIN: a random one, in ${pinFile}`);
}
