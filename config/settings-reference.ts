import { isRecord, type JsonSchema } from "./json-schema.ts";

/** A constant of an alternative: driver, native. */
type Teller = { readonly key: string; readonly value: string };

/** A setting of a JSON Schema. Where alternatives of a list or section differ in it there is one each. */
type Setting = {
  /** "buses[].name"; "<name>" stands for one of a person's own. */
  readonly path: string;
  readonly type: string;
  readonly fallback: string;
  readonly description: string;
  /** What tells its alternatives apart, for a setting that not each has. */
  readonly of: readonly Teller[];
  /** How many alternatives there are. */
  readonly among: number;
};

/** Where a walk is: the path so far, what tells the alternative apart, and how many of them there are. */
type Place = Pick<Setting, "path" | "of" | "among">;

const HEAD = `# Every setting

Made from the schema by \`npm run fix\`; the program has the same as YAML (\`causeway config example --all\`) and as JSON Schema (\`causeway config schema\`).
Which setting for which task: [configuration by task](integrator.md).

\`[]\` is each item of a list, \`<name>\` a name of your own. "needed": without it the configuration, or the section that it is in, is refused. "-": it may be left out, and nothing stands in for it.
A section that is marked off does nothing, and costs nothing, until it is there. Paths that are not absolute are taken from the folder of the file.
`;

/** docs/settings.md: what a JSON Schema of a configuration says of each setting, a table for each section. */
export function settingsReference(schema: unknown): string {
  const settings = merged([...settingsOf(schema, { path: "", of: [], among: 0 })]);
  const single = settings.filter(({ path }) => !isSection(path, settings));
  const rest = settings.filter(({ path }) => isSection(path, settings) && !/[.[]/.test(path));
  const tables = rest.map((section) => sectionText(section, settings));
  return [HEAD, tableOf("The top", undefined, single), ...tables].join("\n");
}

function isSection(path: string, settings: readonly Setting[]): boolean {
  const [top = ""] = path.split(/[.[]/, 1);
  return settings.some((one) => one.path.startsWith(`${top}.`) || one.path.startsWith(`${top}[]`));
}

function sectionText(section: Setting, settings: readonly Setting[]): string {
  const { path, fallback, description } = section;
  const below = settings.filter((one) => one.path.startsWith(`${path}.`) || one.path.startsWith(`${path}[]`));
  const state = { needed: "Needed", "-": "Off until it is there" }[fallback];
  const about = [state, description].filter((text) => text !== undefined && text !== "").join(": ");
  return tableOf(path, about === "" ? undefined : `${about}.`, below);
}

function tableOf(title: string, about: string | undefined, settings: readonly Setting[]): string {
  const rows = settings.map(({ path, type, fallback, description, of, among }) => {
    const alone = of.length === among ? "" : `with ${of[0]?.key} ${of.map(({ value }) => value).join(", ")}`;
    const cells = [`\`${path}\``, type, fallback, [alone, description].filter((text) => text !== "").join(": ")];
    return `| ${cells.map((cell) => cell.replaceAll("|", "\\|").replaceAll("\n", " ")).join(" | ")} |`;
  });
  const head = ["| setting | values | default | what it is |", "|---|---|---|---|"];
  return [`## ${title}\n`, ...(about === undefined ? [] : [`${about}\n`]), ...head, ...rows, ""].join("\n");
}

/** Those of one path that say the same are one, which names its alternatives. */
function merged(settings: readonly Setting[]): readonly Setting[] {
  const byText = new Map<string, Setting>();
  for (const setting of settings) {
    const { path, type, fallback, description, of } = setting;
    const key = JSON.stringify([path, type, fallback, description]);
    const before = byText.get(key);
    byText.set(key, before === undefined ? setting : { ...before, of: [...before.of, ...of] });
  }
  return [...byText.values()];
}

function* settingsOf(schema: unknown, place: Place): Generator<Setting> {
  if (!isRecord(schema)) return;
  const choices = alternativesOf(schema);
  yield* tellersOf(choices, place);
  for (const one of choices) {
    const of = tellingOf(one);
    yield* settingsOf(one, { ...place, of, among: of.length === 0 ? 0 : choices.length });
  }
  if (isRecord(schema.items)) yield* settingsOf(schema.items, { ...place, path: `${place.path}[]` });
  if (isRecord(schema.additionalProperties)) {
    const below = { path: joined(place.path, "<name>"), of: [], among: 0 };
    if (alternativesOf(schema.additionalProperties).length === 0)
      yield settingOf(schema.additionalProperties, below, "-");
    yield* settingsOf(schema.additionalProperties, below);
  }
  if (!isRecord(schema.properties)) return;
  const needed = new Set(Array.isArray(schema.required) ? schema.required : []);
  for (const [key, value] of Object.entries(schema.properties)) {
    if (!isRecord(value)) continue;
    const below = { ...place, path: joined(place.path, key) };
    if (value.const === undefined) yield settingOf(value, below, needed.has(key) ? "needed" : "-");
    yield* settingsOf(value, { ...below, of: [], among: 0 });
  }
}

function joined(path: string, key: string): string {
  return path === "" ? key : `${path}.${key}`;
}

/** The constants of an alternative, such as its driver. */
function tellingOf({ properties }: JsonSchema): readonly Teller[] {
  if (!isRecord(properties)) return [];
  return Object.entries(properties).flatMap(([key, one]) =>
    isRecord(one) && one.const !== undefined ? [{ key, value: plain(one.const) }] : [],
  );
}

/** The settings that tell alternatives apart, with all their values. */
function* tellersOf(choices: readonly JsonSchema[], { path }: Place): Generator<Setting> {
  const all = choices.flatMap(tellingOf);
  for (const name of new Set(all.map(({ key }) => key))) {
    const values = all.filter(({ key }) => key === name).map(({ value }) => `\`${value}\``);
    const description = "which of them it is";
    yield { path: joined(path, name), type: values.join(", "), fallback: "needed", description, of: [], among: 0 };
  }
}

function alternativesOf(schema: JsonSchema): readonly JsonSchema[] {
  return [schema.anyOf, schema.oneOf, schema.allOf].flatMap((list: unknown): JsonSchema[] =>
    Array.isArray(list) ? list.filter(isRecord) : [],
  );
}

function settingOf(schema: JsonSchema, place: Place, absent: string): Setting {
  const { default: given, description } = schema;
  const fallback = given === undefined ? absent : isRecord(given) ? "" : `\`${JSON.stringify(given)}\``;
  const about = typeof description === "string" ? description : "";
  return { ...place, type: typeText(schema), fallback, description: about };
}

function typeText(schema: JsonSchema): string {
  if (schema.const !== undefined) return `\`${plain(schema.const)}\``;
  if (Array.isArray(schema.enum)) return schema.enum.map((one) => `\`${String(one)}\``).join(", ");
  const choices = alternativesOf(schema);
  if (choices.some((one) => tellingOf(one).length > 0)) return "section";
  if (choices.length > 0) {
    return [...new Set(choices.map(typeText))].join(choices.every((one) => one.const !== undefined) ? ", " : ", or ");
  }
  switch (schema.type) {
    case "array":
      return listText(schema);
    case "object":
      return "section";
    case "string":
      return `text${boundsText(schema.minLength, schema.maxLength)}`;
    case "boolean":
      return "`true`, `false`";
    case "integer":
      return `whole number${numberBounds(schema)}`;
    case "number":
      return `number${numberBounds(schema)}`;
    default:
      return "any";
  }
}

function listText({ items, minItems, maxItems }: JsonSchema): string {
  const of = isRecord(items) ? typeText(items) : "section";
  return `list${boundsText(minItems, maxItems)}${of === "section" ? "" : `: ${of}`}`;
}

function numberBounds({ minimum, exclusiveMinimum, maximum, exclusiveMaximum }: JsonSchema): string {
  return boundsText(minimum ?? exclusiveMinimum, maximum ?? exclusiveMaximum);
}

/** A text as it is, anything else as JSON. */
function plain(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** " 1 to 64"; bounds that stand for "any" (beyond 2^53) are left out. */
function boundsText(least: unknown, most: unknown): string {
  const isSaid = (bound: unknown): boolean => typeof bound === "number" && Math.abs(bound) < Number.MAX_SAFE_INTEGER;
  if (isSaid(least) && isSaid(most))
    return least === most ? ` ${String(least)}` : ` ${String(least)} to ${String(most)}`;
  if (isSaid(most)) return ` up to ${String(most)}`;
  return isSaid(least) ? ` from ${String(least)}` : "";
}
