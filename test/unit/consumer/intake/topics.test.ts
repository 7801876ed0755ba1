import { describe, expect, it } from "vitest";
import { createTopicReader } from "../../../../agent/consumer/intake/topics.ts";

const usual = createTopicReader({ record: "dt/causeway/{thing}/{stream}", schema: "dt/causeway/{thing}/schema/{id}" });

describe("createTopicReader", () => {
  it("filters by a level for each placeholder", () => {
    expect(usual.filters).toEqual({ records: ["dt/causeway/+/+"], schema: "dt/causeway/+/schema/+" });
  });

  it("knows whose record a topic holds", () => {
    expect(usual.ownerOf("dt/causeway/truck-1/telemetry")).toEqual({
      kind: "record",
      thing: "truck-1",
      stream: "telemetry",
    });
    expect(usual.ownerOf("dt/causeway/truck-1/schema/00aa.1")).toEqual({
      kind: "schema",
      thing: "truck-1",
      key: "00aa.1",
    });
    expect(usual.ownerOf("dt/causeway/truck-1")).toBeUndefined();
    expect(usual.ownerOf("dt/causewayx/truck-1/telemetry")).toBeUndefined();
    expect(usual.ownerOf("dt/causeway/truck-1/telemetry/more")).toBeUndefined();
  });

  it("names the topic of a record and of a part of a table", () => {
    expect(usual.recordTopic("truck-1", "event")).toBe("dt/causeway/truck-1/event");
    expect(usual.schemaTopic("truck-1", "00aa.0")).toBe("dt/causeway/truck-1/schema/00aa.0");
  });

  it("knows whose record in the form of another cloud a topic holds", () => {
    const foreign = ["cms/vehicles/{thing}/signals", "$aws/other/vehicles/{thing}/states/data"];
    const both = createTopicReader({
      record: "dt/causeway/{thing}/{stream}",
      schema: "dt/causeway/{thing}/schema/{id}",
      foreign,
    });
    expect(both.filters.records).toEqual([
      "dt/causeway/+/+",
      "cms/vehicles/+/signals",
      "$aws/other/vehicles/+/states/data",
    ]);
    expect(both.ownerOf("cms/vehicles/truck-1/signals")).toEqual({ kind: "foreign", thing: "truck-1" });
    expect(both.ownerOf("$aws/other/vehicles/truck-2/states/data")).toEqual({ kind: "foreign", thing: "truck-2" });
    expect(both.ownerOf("dt/causeway/truck-1/event")).toMatchObject({ kind: "record" });
    expect(both.ownerOf("cms/vehicles/truck-1/checkins")).toBeUndefined();
    expect(usual.ownerOf("cms/vehicles/truck-1/signals")).toBeUndefined();
  });

  it("takes a template by the letter", () => {
    const odd = createTopicReader({ record: "fleet.(a)/{stream}/v-{thing}", schema: "t/{thing}/{id}" });
    expect(odd.filters.records).toEqual(["fleet.(a)/+/+"]);
    expect(odd.ownerOf("fleet.(a)/event/v-7")).toEqual({ kind: "record", thing: "7", stream: "event" });
    expect(odd.ownerOf("fleetx(a)/event/v-7")).toBeUndefined();
  });
});
