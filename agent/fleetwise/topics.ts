/** Topics of one vehicle (AWS IoT FleetWise Edge, TopicConfig.h). */
export type FleetwiseTopics = {
  /** Of what the vehicle sends. */
  readonly signals: string;
  readonly checkins: string;
  readonly states: string;
  /** Of the documents that it is sent: by its own name, and where that has a number at its end, by what is before it. */
  readonly manifests: readonly string[];
  readonly schemes: readonly string[];
  readonly templates: readonly string[];
};

/** What the Connected Mobility guidance leaves out of the name of a thing, and then sends documents to. */
const THING_SUFFIX = /-\d{10,}$/;

/** `prefix` ends with a slash: "$aws/iotfleetwise/" of the service, "cms/fleetwise/" of the Connected Mobility guidance. */
export function fleetwiseTopics(prefix: string, vehicle: string): FleetwiseTopics {
  const base = `${prefix}vehicles/${vehicle}`;
  const bases = [...new Set([base, base.replace(THING_SUFFIX, "")])];
  return {
    signals: `${base}/signals`,
    checkins: `${base}/checkins`,
    states: `${base}/last_known_states/data`,
    manifests: bases.map((one) => `${one}/decoder_manifests`),
    schemes: bases.map((one) => `${one}/collection_schemes`),
    templates: bases.map((one) => `${one}/last_known_states/config`),
  };
}
