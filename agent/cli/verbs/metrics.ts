import { type Command, Option } from "commander";
import { metricsVerb } from "../../local-api/metrics-schema.ts";
import type { TextFormat } from "../../metrics/metrics-text.ts";
import { type CliContext, printJson } from "../context.ts";
import { runningAgent } from "../running-agent.ts";

/** `causeway metrics`: every counter of the running agent, as Prometheus reads it. */
export function registerMetrics(program: Command, context: CliContext): void {
  program
    .command("metrics")
    .description("every number of the running agent with its name, unit and meaning")
    .addOption(
      new Option("--format <format>", "text format 0.0.4 of Prometheus, or OpenMetrics 1.0")
        .choices(["prometheus", "openmetrics"])
        .default("prometheus"),
    )
    .addHelpText(
      "after",
      "\nWorks with the section metrics of the configuration absent.\n\nExamples:\n  causeway metrics\n  causeway metrics | promtool check metrics\n  causeway metrics --json | jq '.metrics[] | select(.name == \"causeway_records_lost\")'",
    )
    .action(async ({ format }: { readonly format: TextFormat }) => {
      const agent = await runningAgent(context);
      const { answer, raw } = await agent.ask(metricsVerb, {});
      if (context.options().json) return printJson(context, raw);
      const { metricsText } = await import("../../metrics/metrics-text.ts");
      const readings = answer.metrics.map(({ samples, ...metric }) => ({ metric, samples }));
      context.terminal.stdout.write(await metricsText(readings, format));
    });
}
