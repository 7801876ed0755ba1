import type { Command } from "commander";
import type { CliContext } from "../context.ts";
import { registerMqttPub } from "./mqtt-pub.ts";
import { registerMqttSub } from "./mqtt-sub.ts";

/** `causeway mqtt pub|sub`: messages over the identity of the device, in a session of their own. */
export function registerMqtt(program: Command, context: CliContext): void {
  const mqtt = program.command("mqtt").description("raw messages over the device's identity, beside the running agent");
  registerMqttPub(mqtt, context);
  registerMqttSub(mqtt, context);
}
