import { readFileSync } from "node:fs";
import { AgentError, messageOf } from "../../agent/core/errors.ts";

/** The protocols that are described: records, commands in the protobuf flavour, what goes to and from a cloud side of FleetWise Edge, tunnels, and other programs. */
export type Protocol = "telemetry" | "commands" | "fleetwise" | "tunnel" | "program";

/**
 * The FileDescriptorSet of a .proto file in this folder, as protoc made it (`npm run fix` renews it): for any protobuf reader.
 *
 * Throws `input.missing` when the file is not beside the program.
 */
export function readDescriptor(protocol: Protocol = "telemetry"): Uint8Array {
  const file = new URL(`./${protocol}.desc`, import.meta.url);
  try {
    return readFileSync(file);
  } catch (thrown) {
    throw new AgentError("input.missing", {
      what: `cannot read the description ${file.pathname}: ${messageOf(thrown)}`,
      remedy: "Install the program again: the description is a part of it.",
      cause: thrown,
    });
  }
}
