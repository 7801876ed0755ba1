/** What the broker is told: who may do what, and the limits it announces. */
export type MosquittoSettings = {
  readonly folder: string;
  readonly port: number;
  readonly caFile: string;
  readonly certificateFile: string;
  readonly keyFile: string;
  /** Thing names; each is the common name of one certificate. */
  readonly things: readonly string[];
  /** Common names of those that may subscribe to every thing's records. */
  readonly consumers: readonly string[];
  /** Common names of claim certificates: they may enrol a device and nothing else. */
  readonly claims: readonly string[];
  /** Common names of the cloud's own sessions. */
  readonly clouds: readonly string[];
  /** Certificate revocation list, PEM; read at the start. */
  readonly crlFile: string | undefined;
  readonly receiveMaximum: number;
  readonly maximumPacketBytes: number;
  readonly topicAliasMaximum: number;
  readonly runsAsRoot: boolean;
  /** Whether each packet is a line of the log. */
  readonly logsPackets: boolean;
};

/** One rule of the dynamic security plugin. */
export type AccessRule = {
  readonly acltype: string;
  readonly topic: string;
  readonly allow: boolean;
  readonly priority?: number;
};

const LOG_TYPES = ["error", "warning", "notice", "information"];
/** Dynamic security plugin of the Debian package. */
const PLUGIN_FILE = "mosquitto_dynamic_security.so";

/** Text of mosquitto.conf. Receive maximum, alias maximum, packet size and QoS are those of AWS IoT Core's CONNACK; see the README beside this file. */
export function mosquittoConfigOf(settings: MosquittoSettings, pluginFolder: string): string {
  const { folder } = settings;
  const lines = [
    "per_listener_settings false",
    "persistence true",
    `persistence_location ${folder}/`,
    "autosave_interval 5",
    "allow_anonymous false",
    `plugin ${pluginFolder}/${PLUGIN_FILE}`,
    `plugin_opt_config_file ${folder}/dynsec.json`,
    `max_packet_size ${settings.maximumPacketBytes}`,
    `max_inflight_messages ${settings.receiveMaximum}`,
    // A slow consumer must not look like a gap: the broker never drops what it has acknowledged. Not 0, which is "no maximum" too:
    // with it mosquitto before 2.0.22 ends the connection of whoever publishes what is forbidden, and its PUBACK may be lost (issue 3244).
    "max_queued_messages 10000000",
    "max_keepalive 1200",
    "persistent_client_expiration 1h",
    // Without it the 40 ms of a delayed TCP acknowledgement show up in every tail latency.
    "set_tcp_nodelay true",
    ...(settings.logsPackets ? ["log_type all"] : LOG_TYPES.map((type) => `log_type ${type}`)),
    "log_timestamp_format %Y-%m-%dT%H:%M:%S",
    `log_dest file ${folder}/mosquitto.log`,
    `listener ${settings.port} 127.0.0.1`,
    `cafile ${settings.caFile}`,
    `certfile ${settings.certificateFile}`,
    `keyfile ${settings.keyFile}`,
    "require_certificate true",
    "use_identity_as_username true",
    `max_topic_alias ${settings.topicAliasMaximum}`,
    "max_qos 1",
  ];
  if (settings.crlFile !== undefined) lines.push(`crlfile ${settings.crlFile}`);
  // Started as root, mosquitto would change to a user that cannot read keys of mode 0600.
  if (settings.runsAsRoot) lines.unshift("user root");
  return `${lines.join("\n")}\n`;
}

/** Configuration of the dynamic security plugin: one role a thing, one for all consumers, and nothing for anybody else. */
export function accessRulesOf(settings: MosquittoSettings): string {
  const clients = [
    ...settings.things.map((thing) => ({ username: thing, roles: [{ rolename: `thing-${thing}` }] })),
    ...settings.consumers.map((consumer) => ({ username: consumer, roles: [{ rolename: "consumer" }] })),
    ...settings.claims.map((claim) => ({ username: claim, roles: [{ rolename: "claim" }] })),
    ...settings.clouds.map((cloud) => ({ username: cloud, roles: [{ rolename: "cloud" }] })),
  ];
  const roles = [
    ...settings.things.map((thing) => ({ rolename: `thing-${thing}`, acls: thingRules(thing) })),
    { rolename: "consumer", acls: consumerRules() },
    { rolename: "claim", acls: provisioningRules() },
    { rolename: "cloud", acls: cloudRules() },
  ];
  const defaultACLAccess = {
    publishClientSend: false,
    publishClientReceive: true,
    subscribe: false,
    unsubscribe: true,
  };
  return JSON.stringify({ defaultACLAccess, clients, groups: [], roles }, undefined, 2);
}

/** What the role of one thing allows. */
export function thingRules(thing: string): AccessRule[] {
  const own = [
    `cmd/causeway/${thing}/#`,
    `cms/commands/things/${thing}/#`,
    `$aws/things/${thing}/#`,
    `$aws/commands/things/${thing}/#`,
  ];
  const publishOnly = [`dt/causeway/${thing}/#`, `$aws/rules/+/dt/causeway/${thing}/#`];
  // What only the cloud may say (a device that says it gets PUBACK 135).
  const answers = [
    `$aws/things/${thing}/jobs/+/accepted`,
    `$aws/things/${thing}/jobs/+/rejected`,
    `$aws/things/${thing}/jobs/notify`,
    `$aws/things/${thing}/jobs/notify-next`,
    `$aws/things/${thing}/tunnels/notify`,
    `$aws/things/${thing}/shadow/+/accepted`,
    `$aws/things/${thing}/shadow/+/rejected`,
    `$aws/things/${thing}/shadow/update/delta`,
    `$aws/things/${thing}/shadow/name/+/+/accepted`,
    `$aws/things/${thing}/shadow/name/+/+/rejected`,
    `$aws/things/${thing}/shadow/name/+/update/delta`,
    `$aws/things/${thing}/shadow/name/+/update/documents`,
    `$aws/things/${thing}/defender/metrics/+/accepted`,
    `$aws/things/${thing}/defender/metrics/+/rejected`,
  ];
  return [
    ...provisioningRules(),
    ...fleetwiseRules(thing),
    ...[...own, ...publishOnly].map((topic) => ({ acltype: "publishClientSend", topic, allow: true })),
    ...own.map((topic) => ({ acltype: "subscribePattern", topic, allow: true })),
    ...answers.map((topic) => ({ acltype: "publishClientSend", topic, allow: false, priority: 10 })),
  ];
}

/** What FleetWise Edge says and hears, as the thing or as the VIN that its name begins with. */
function fleetwiseRules(thing: string): AccessRule[] {
  const names = [...new Set([thing, thing.replace(/-\d{10,}$/, "")])];
  const vehicles = names.flatMap((name) => [`$aws/iotfleetwise/vehicles/${name}`, `cms/fleetwise/vehicles/${name}`]);
  const said = ["signals", "checkins", "last_known_states/data"];
  const heard = ["decoder_manifests", "collection_schemes", "last_known_states/config"];
  return vehicles.flatMap((vehicle) => [
    ...said.map((topic) => ({ acltype: "publishClientSend", topic: `${vehicle}/${topic}`, allow: true })),
    ...heard.map((topic) => ({ acltype: "subscribePattern", topic: `${vehicle}/${topic}`, allow: true })),
  ]);
}

/** The two provisioning flows. A device needs them to renew its certificate; a claim certificate has nothing else. */
function provisioningRules(): AccessRule[] {
  const asked = ["$aws/certificates/create-from-csr/+", "$aws/provisioning-templates/+/provision/+"];
  return asked.flatMap((topic) => [
    { acltype: "publishClientSend", topic, allow: true },
    { acltype: "subscribePattern", topic: `${topic}/+`, allow: true },
  ]);
}

/** The services behind the reserved topics, and the rights of an administrator. */
function cloudRules(): AccessRule[] {
  const everything = ["#", "$aws/#", "$CONTROL/dynamic-security/#"];
  return [
    ...everything.flatMap((topic) => [
      { acltype: "publishClientSend", topic, allow: true },
      { acltype: "subscribePattern", topic, allow: true },
    ]),
    // What is received is free by default, but for the answers of the plugin.
    { acltype: "publishClientReceive", topic: "$CONTROL/dynamic-security/#", allow: true },
  ];
}

function consumerRules(): AccessRule[] {
  // The rules engine of the bench is one.
  const shared = ["$share/+/dt/causeway/#", "$share/+/cms/fleetwise/vehicles/#"];
  const readable = ["dt/causeway/#", ...shared, "cmd/causeway/#", "$aws/rules/#"];
  return [
    ...readable.map((topic) => ({ acltype: "subscribePattern", topic, allow: true })),
    { acltype: "publishClientSend", topic: "cmd/causeway/#", allow: true },
  ];
}
