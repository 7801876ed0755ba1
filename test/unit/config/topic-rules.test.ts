import { describe, expect, it } from "vitest";
import { topicProblems } from "../../../config/topic-rules.ts";

const AWS = { host: "a1b2-ats.iot.eu-central-1.amazonaws.com", pacing: "auto", alpn: "auto" };
const OTHER = { ...AWS, host: "broker.example.com" };
const TOPICS = {
  record: "dt/causeway/{thing}/{stream}",
  schema: "dt/causeway/{thing}/schema/{id}",
  presence: "dt/causeway/{thing}/presence",
  identity: "dt/causeway/{thing}/identity",
} as const;
const COMPANION = { enabled: true, request: "cmd/causeway/{thing}/+/request", responsePrefix: "cmd/causeway/{thing}/" };

/** "path: message" of each problem of these topics. */
function told(topics: Readonly<Record<string, string>>, broker = AWS, thing = "veh-1") {
  const settings = { thingName: thing, broker, topics: { ...TOPICS, ...topics }, commands: { companion: COMPANION } };
  return topicProblems(settings).map(({ path, message }) => `${path.join(".")}: ${message}`);
}

describe("the rules for topics", () => {
  it("take the defaults, on AWS and elsewhere", () => {
    expect([told({}), told({}, OTHER)]).toEqual([[], []]);
  });

  it("count the slashes on AWS alone, beyond what Basic Ingest puts before them", () => {
    const eight = "1/2/3/4/5/6/{thing}/{stream}";
    expect(told({ record: eight })).toEqual([]);
    expect(told({ record: `$aws/rules/to_lake/${eight}` })).toEqual([]);
    expect(told({ record: `a/b/c/d/${eight}` })).toEqual([
      "topics.record: becomes a/b/c/d/1/2/3/4/5/6/veh-1/telemetry, with 11 slashes; AWS IoT Core takes 7",
    ]);
    expect(told({ record: `$aws/rules/to_lake/0/${eight}` })).toHaveLength(1);
    expect(told({ record: `a/b/c/d/${eight}` }, OTHER)).toEqual([]);
    expect(told({ record: `a/b/c/d/${eight}` }, { ...OTHER, pacing: "aws" })).toHaveLength(1);
  });

  it("count the levels of the topics of SOVD, where it is enabled", () => {
    const sovd = (prefix: string, enabled = true) =>
      topicProblems({
        thingName: "veh-1",
        broker: AWS,
        topics: TOPICS,
        commands: { companion: COMPANION, sovd: { enabled, prefix, level: "sovd" } },
      }).map(({ path, message }) => `${path.join(".")}: ${message}`);
    expect(sovd("cms/commands")).toEqual([]);
    expect(sovd("a/cms/commands")).toEqual([expect.stringMatching(/^commands\.sovd\.prefix: .* with 8 slashes/)]);
    expect(sovd("a/cms/commands", false)).toEqual([]);
  });

  it("count the bytes of the topic as it is filled for this thing", () => {
    const record = `${"r".repeat(200)}/{thing}/{stream}`;
    expect(told({ record }, AWS, "t".repeat(45))).toEqual([]);
    expect(told({ record }, AWS, "t".repeat(46))).toEqual([
      expect.stringMatching(/^topics\.record: .* 257 bytes; the broker takes 256$/),
    ]);
    expect(told({ record }, OTHER, "t".repeat(128))).toEqual([]);
  });

  it("take no retained topic below $aws, and records only where Basic Ingest takes them", () => {
    const retained = "is retained, which AWS IoT Core does not take below $aws/";
    expect(
      told({ presence: "$aws/rules/r/{thing}/presence", schema: "$aws/x/{id}", identity: "$aws/i" }, OTHER),
    ).toEqual(["schema", "presence", "identity"].map((name) => `topics.${name}: ${retained}`));
    expect(told({ record: "$aws/things/{thing}/{stream}" })).toEqual([
      "topics.record: is reserved by AWS IoT Core; below $aws/ only $aws/rules/RULE/ takes records",
    ]);
  });

  it.each([
    ["record", "dt/{thnig}/{stream}", "{thnig} is no placeholder of this topic; it may hold {thing} and {stream}"],
    ["presence", "dt/{thing}/{stream}", "{stream} is no placeholder of this topic; it may hold {thing}"],
    ["identity", "dt/{thing", "{ is no placeholder of this topic; it may hold {thing}"],
    ["schema", "dt/{thing}/schema", "must hold {id}: parts of one table would take each other's place"],
  ])("name what is not filled in: %s as %s", (name, template, problem) => {
    for (const broker of [AWS, OTHER])
      expect(told({ [name]: template }, broker)).toEqual([`topics.${name}: ${problem}`]);
  });

  it("look at the topics of companions where they are in use", () => {
    const at = (enabled: boolean) =>
      topicProblems({
        thingName: "veh-1",
        broker: AWS,
        topics: TOPICS,
        commands: {
          companion: { enabled, request: "cmd/{vin}/+/request", responsePrefix: "a/b/c/d/e/f/g/h/{thing}/" },
        },
      }).map(({ path }) => path.join("."));
    expect(at(true)).toEqual(["commands.companion.request", "commands.companion.responsePrefix"]);
    expect(at(false)).toEqual([]);
  });
});
