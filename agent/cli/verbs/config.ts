import type { Command } from "commander";
import { stringify } from "yaml";
import { configJsonSchema, exampleConfig, shortExample } from "../../../config/example.ts";
import { type LoadedConfig, loadConfigFile } from "../../../config/load.ts";
import { formatCounted } from "../../core/quantity.ts";
import { checkedConfig } from "../checked-config.ts";
import { configInForce } from "../config-in-force.ts";
import { type CliContext, note, printJson, printLine } from "../context.ts";
import { registerConfigGet } from "./config-get.ts";
import { registerConfigSet } from "./config-set.ts";
import { registerConfigUnset } from "./config-unset.ts";

/** `causeway config validate|show|get|set|unset|example|schema`: works with the daemon down. */
export function registerConfig(program: Command, context: CliContext): void {
  const config = program.command("config").description("check, show and write the configuration");

  config
    .command("validate")
    .description(
      "check all that a start looks at: settings, DBC files, certificates, policy, catalogues, conditions, campaigns; change nothing",
    )
    .addHelpText("after", "\nExample:\n  causeway config validate --config /etc/causeway/agent.yaml")
    .action(async () => {
      const loaded = await loadConfigFile(context.options().config);
      const { counts, warnings } = await checkedConfig(loaded, context);
      for (const warning of warnings) note(context, `warning: ${warning}`);
      noteIgnored(context, loaded);
      if (context.options().json)
        printJson(context, { schemaVersion: 1, file: loaded.path, valid: true, ...counts, warnings });
      else
        printLine(
          context,
          `${loaded.path}: valid (${formatCounted(counts.buses, "bus", "buses")}, ${formatCounted(counts.messages, "message")}, ${formatCounted(counts.signals, "signal")}, ${formatCounted(counts.campaigns, "campaign")})`,
        );
    });

  config
    .command("show")
    .description(
      "the configuration in force: files merged, what updates, jobs and commands have set, defaults filled in, paths absolute",
    )
    .addHelpText("after", "\nExample:\n  causeway config show --json")
    .action(async () => {
      const loaded = await configInForce(context);
      if (context.options().json) printJson(context, { schemaVersion: 1, file: loaded.path, config: loaded.config });
      else context.terminal.stdout.write(stringify(loaded.config, { lineWidth: 0 }));
    });

  registerConfigGet(config, context);
  registerConfigSet(config, context);
  registerConfigUnset(config, context);

  config
    .command("example")
    .description("an agent.yaml to begin with, or with every setting that exists")
    .option("--all", "every setting with its default and meaning; those without a default are commented out", false)
    .addHelpText(
      "after",
      "\nExamples:\n  causeway config example > /etc/causeway/agent.d/vehicle.yaml\n  causeway config example --all | less",
    )
    .action(({ all }: { readonly all: boolean }) =>
      context.terminal.stdout.write(all ? exampleConfig() : shortExample()),
    );

  config
    .command("schema")
    .description("JSON Schema of agent.yaml, for editors")
    .addHelpText("after", "\nExample:\n  causeway config schema > agent.schema.json")
    .action(() => context.terminal.stdout.write(`${JSON.stringify(configJsonSchema(), null, 2)}\n`));
}

function noteIgnored(context: CliContext, { ignored }: LoadedConfig): void {
  if (ignored !== undefined) note(context, `warning: what commands have set is not in force: ${ignored}`);
}
