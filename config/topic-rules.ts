import { isAwsBroker } from "../agent/core/aws-host.ts";

/** Bytes of a topic, and slashes in it, that AWS IoT Core takes (AWS IoT Core quotas); what Basic Ingest puts before it does not count. */
const AWS_MAX_BYTES = 256;
const AWS_MAX_SLASHES = 7;
/** Bytes of a UTF-8 string in a packet (MQTT 5.0, 1.5.4). */
const MQTT_MAX_BYTES = 65_535;
const BASIC_INGEST = /^\$aws\/rules\/[A-Za-z0-9_]+\//;

/** The longest that stands for a placeholder: a stream, and the number of a part of a signal table. */
const LONGEST = { stream: "telemetry", id: `${"0".repeat(16)}.999` } as const;

type Template = {
  readonly path: readonly string[];
  readonly text: string;
  readonly placeholders: readonly string[];
  /** Must be there: without it one thing would overwrite another. */
  readonly needed?: string;
  readonly isRetained: boolean;
};

export type TopicSettings = {
  readonly thingName: string;
  readonly broker: { readonly host: string; readonly pacing: string; readonly alpn: string };
  readonly topics: Readonly<Record<"record" | "schema" | "presence" | "identity", string>>;
  readonly commands?: { readonly companion: Companion; readonly sovd?: Sovd | undefined } | undefined;
  readonly fleetwise?: { readonly topicPrefix: string; readonly vehicle?: string | undefined } | undefined;
};
type Sovd = {
  readonly enabled: boolean;
  readonly prefix: string;
  readonly thing?: string | undefined;
  readonly level: string;
};
type Companion = { readonly enabled: boolean; readonly request: string; readonly responsePrefix: string };

/** Something that is wrong with a topic, and where it stands. */
type TopicProblem = { readonly path: readonly string[]; readonly message: string };

/** What the broker would refuse, or nobody could receive, of the topics as they are filled for this thing. */
export function topicProblems(settings: TopicSettings): readonly TopicProblem[] {
  const isAws = isAwsBroker(settings.broker);
  return templatesOf(settings)
    .flatMap((template) => {
      const messages = [...placeholderProblems(template), ...prefixProblems(template, isAws)];
      const limits = messages.length > 0 ? [] : sizeProblems(filled(template, settings.thingName), isAws);
      return [...messages, ...limits].map((message) => ({ path: template.path, message }));
    })
    .concat(fleetwiseProblems(settings, isAws));
}

/** The prefix of the service itself is reserved for it: its topics count no slashes. */
function fleetwiseProblems({ fleetwise, thingName }: TopicSettings, isAws: boolean): readonly TopicProblem[] {
  if (fleetwise === undefined || fleetwise.topicPrefix === "$aws/iotfleetwise/") return [];
  const { topicPrefix, vehicle = thingName } = fleetwise;
  const path = ["fleetwise", "topicPrefix"];
  if (isAws && /^\$aws\//i.test(topicPrefix)) {
    return [{ path, message: "is reserved by AWS IoT Core; below $aws/ there is $aws/iotfleetwise/ alone" }];
  }
  const longest = `${topicPrefix}vehicles/${vehicle}/last_known_states/config`;
  return sizeProblems(longest, isAws).map((message) => ({ path, message }));
}

function templatesOf({ topics, commands }: TopicSettings): readonly Template[] {
  const own = (
    name: keyof TopicSettings["topics"],
    placeholders: readonly string[],
    isRetained: boolean,
  ): Template => ({
    path: ["topics", name],
    text: topics[name],
    placeholders,
    isRetained,
  });
  const companion = commands?.companion;
  const at = (name: "request" | "responsePrefix"): readonly Template[] =>
    companion === undefined || !companion.enabled
      ? []
      : [{ path: ["commands", "companion", name], text: companion[name], placeholders: ["thing"], isRetained: false }];
  return [
    own("record", ["thing", "stream"], false),
    { ...own("schema", ["thing", "id"], true), needed: "id" },
    own("presence", ["thing"], true),
    own("identity", ["thing"], true),
    ...at("request"),
    ...at("responsePrefix"),
    ...sovdTemplates(commands?.sovd),
  ];
}

/** The longest topic of an execution. */
function sovdTemplates(sovd: Sovd | undefined): readonly Template[] {
  if (sovd === undefined || !sovd.enabled) return [];
  const { prefix, thing = "{thing}", level } = sovd;
  const text = `${prefix}/things/${thing}/executions/${"x".repeat(64)}/${level}/response`;
  return [{ path: ["commands", "sovd", "prefix"], text, placeholders: ["thing"], isRetained: false }];
}

function placeholderProblems({ text, placeholders, needed }: Template): readonly string[] {
  const known = placeholders.map((name) => `{${name}}`);
  const left = known.reduce((rest, name) => rest.replaceAll(name, ""), text);
  const strange = /\{[^{}]*\}|[{}]/.exec(left)?.[0];
  if (strange !== undefined) return [`${strange} is no placeholder of this topic; it may hold ${known.join(" and ")}`];
  if (needed === undefined || text.includes(`{${needed}}`)) return [];
  return [`must hold {${needed}}: parts of one table would take each other's place`];
}

function prefixProblems({ text, isRetained }: Template, isAws: boolean): readonly string[] {
  if (!/^\$aws(\/|$)/i.test(text)) return [];
  if (isRetained) return ["is retained, which AWS IoT Core does not take below $aws/"];
  if (BASIC_INGEST.test(text) || !isAws) return [];
  return ["is reserved by AWS IoT Core; below $aws/ only $aws/rules/RULE/ takes records"];
}

function filled({ text }: Template, thing: string): string {
  return text.replaceAll("{thing}", thing).replaceAll("{stream}", LONGEST.stream).replaceAll("{id}", LONGEST.id);
}

function sizeProblems(topic: string, isAws: boolean): readonly string[] {
  const counted = isAws ? topic.replace(BASIC_INGEST, "") : topic;
  const [bytes, maxBytes] = [Buffer.byteLength(counted), isAws ? AWS_MAX_BYTES : MQTT_MAX_BYTES];
  if (bytes > maxBytes) return [`becomes ${counted}, ${bytes} bytes; the broker takes ${maxBytes}`];
  const slashes = counted.split("/").length - 1;
  if (!isAws || slashes <= AWS_MAX_SLASHES) return [];
  return [`becomes ${counted}, with ${slashes} slashes; AWS IoT Core takes ${AWS_MAX_SLASHES}`];
}
