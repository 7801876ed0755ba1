import { describe, expect, it } from "vitest";
import { fleetwiseTopics } from "../../../agent/fleetwise/topics.ts";

describe("the topics of a vehicle", () => {
  // TopicConfig.h of AWS IoT FleetWise Edge.
  it("are those of FleetWise Edge below the prefix", () => {
    const base = "$aws/iotfleetwise/vehicles/veh-001";
    expect(fleetwiseTopics("$aws/iotfleetwise/", "veh-001")).toEqual({
      signals: `${base}/signals`,
      checkins: `${base}/checkins`,
      states: `${base}/last_known_states/data`,
      manifests: [`${base}/decoder_manifests`],
      schemes: [`${base}/collection_schemes`],
      templates: [`${base}/last_known_states/config`],
    });
  });

  it("are heard without the number too that the Connected Mobility guidance leaves out of a thing's name", () => {
    const { manifests, signals } = fleetwiseTopics("cms/fleetwise/", "1HGCM82633A004352-1764374400");
    expect(manifests).toEqual([
      "cms/fleetwise/vehicles/1HGCM82633A004352-1764374400/decoder_manifests",
      "cms/fleetwise/vehicles/1HGCM82633A004352/decoder_manifests",
    ]);
    expect(signals).toBe("cms/fleetwise/vehicles/1HGCM82633A004352-1764374400/signals");
    expect(fleetwiseTopics("cms/fleetwise/", "truck-17").manifests).toHaveLength(1);
  });
});
