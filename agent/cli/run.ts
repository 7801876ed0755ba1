import type { Command } from "commander";
import { loadConfigFile } from "../../config/load.ts";
import { composeAgent } from "../compose.ts";
import type { CliContext } from "./context.ts";

/** `causeway run`: the daemon, until SIGTERM or SIGINT; a second signal ends it at once. */
export function registerRun(program: Command, context: CliContext): void {
  program
    .command("run")
    .description("the daemon, in the foreground (what systemd starts)")
    .addHelpText("after", "\nExample:\n  causeway run --config /etc/causeway/agent.yaml")
    .action(async () => {
      const { version, clock, environment, signal } = context;
      const loaded = await loadConfigFile(context.options().config);
      const startedAtMs = clock.monotonicMs() - process.uptime() * 1000;
      const agent = await composeAgent(loaded, { version, clock, environment, startedAtMs });
      await agent.run(signal);
    });
}
