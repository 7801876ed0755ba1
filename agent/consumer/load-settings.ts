import { dirname, resolve } from "node:path";
import { problemLines } from "../../config/schema-problems.ts";
import { locateIn, readYamlFile, type YamlFile } from "../../config/yaml-file.ts";
import { AgentError } from "../core/errors.ts";
import { type ConsumerConfig, consumerConfig } from "./settings.ts";
import { withSinkPaths } from "./sinks.ts";

const REMEDY = "correct the settings file of the worker, and start it again";

/**
 * The checked settings in `file`; relative paths are taken from its folder. Throws `config.missing`, or `config.invalid` with every problem on
 * a line of its own as "file:line:col field: message".
 */
export async function loadSettings(file: string): Promise<ConsumerConfig> {
  const yaml = await fileOf(file);
  const parsed = consumerConfig.safeParse(yaml.value ?? {});
  if (parsed.success) return withPaths(parsed.data, dirname(resolve(file)));
  const lines = problemLines(parsed.error, consumerConfig, (at, offset) => locateIn([yaml], at, offset));
  throw new AgentError("config.invalid", { what: lines.join("\n"), remedy: REMEDY });
}

/** The remedies of the reader are those of a vehicle's configuration. */
async function fileOf(file: string): Promise<YamlFile> {
  try {
    return await readYamlFile(file);
  } catch (thrown) {
    if (!(thrown instanceof AgentError)) throw thrown;
    const remedy = thrown.code === "config.missing" ? "name the settings file with --config" : REMEDY;
    throw new AgentError(thrown.code, { what: thrown.message, remedy, cause: thrown });
  }
}

function withPaths(config: ConsumerConfig, folder: string): ConsumerConfig {
  const from = (path: string): string => resolve(folder, path);
  const { broker, decrypt, refused, sink } = config;
  const given = (name: "caFile" | "certificateFile" | "keyFile" | "passwordFile"): object =>
    broker[name] === undefined ? {} : { [name]: from(broker[name]) };
  return {
    ...config,
    broker: {
      ...broker,
      ...given("caFile"),
      ...given("certificateFile"),
      ...given("keyFile"),
      ...given("passwordFile"),
    },
    sink: withSinkPaths(sink, from),
    ...(decrypt?.privateKeyFile === undefined ? {} : { decrypt: { privateKeyFile: from(decrypt.privateKeyFile) } }),
    ...(refused === undefined ? {} : { refused: { ...refused, dir: from(refused.dir) } }),
  };
}
