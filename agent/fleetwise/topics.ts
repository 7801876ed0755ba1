/** Topics of one vehicle (AWS IoT FleetWise Edge, TopicConfig.h). */
export type FleetwiseTopics = {
  /** Of what the vehicle sends. */
  readonly signals: string;
  readonly checkins: string;
  readonly states: string;
  /** Of the documents that it is sent. */
  readonly manifests: string;
  readonly schemes: string;
  readonly templates: string;
};

/** `prefix` ends with a slash: "$aws/iotfleetwise/" of the service, "cms/fleetwise/" of the Connected Mobility guidance. */
export function fleetwiseTopics(prefix: string, vehicle: string): FleetwiseTopics {
  const base = `${prefix}vehicles/${vehicle}`;
  return {
    signals: `${base}/signals`,
    checkins: `${base}/checkins`,
    states: `${base}/last_known_states/data`,
    manifests: `${base}/decoder_manifests`,
    schemes: `${base}/collection_schemes`,
    templates: `${base}/last_known_states/config`,
  };
}
