import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import type { EncodedDraft } from "../../../../agent/telemetry/record/encode/record-sealer.ts";
import { readDescriptor } from "../../../../config/proto/descriptor.ts";
import type { ProtobufForm, RuleMessage } from "../../../bench/cloud/rules/rule-sql.ts";
import { RuleSql } from "../../../bench/cloud/rules/rule-sql.ts";
import { RulesEngine } from "../../../bench/cloud/rules/rules-engine.ts";
import { DeployedTemplate } from "../../../bench/cloud/rules/template-rules.ts";
import { MemoryRuleServices } from "../../../fakes/bench/rule-services.ts";
import { encoderOf, idOf, logOf } from "../../../fakes/telemetry/samples.ts";
import { tableOf } from "../../../fakes/telemetry/table.ts";

const TEMPLATE = join(import.meta.dirname, "../../../../config/aws/records.yaml");
const THING = "truck-1";
const NOW_MS = 1_767_225_600_000;
const table = tableOf([{ name: "Engine", signals: [{ name: "Speed", factor: 0.1, unit: "km/h" }, { name: "Load" }] }]);
const encoder = encoderOf(table, { compression: "zstd" });

/** Each way in which decode may write protobuf as JSON. */
const FORMS: readonly ProtobufForm[] = [true, false].flatMap((keepsCase) =>
  [true, false].map((longsAsText) => ({ keepsCase, longsAsText })),
);
const FORM: ProtobufForm = { keepsCase: false, longsAsText: true };

function message(topic: string, payload: Uint8Array | string, change: Partial<RuleMessage> = {}): RuleMessage {
  const bytes = typeof payload === "string" ? Buffer.from(payload) : payload;
  return { topic, payload: bytes, clientId: THING, principal: "a".repeat(64), userProperties: [], ...change };
}

const sent = (draft: EncodedDraft, seq = 7): RuleMessage =>
  message(`dt/causeway/${THING}/${draft.stream}`, draft.seal(idOf(seq, draft.stream)));

let services: MemoryRuleServices;
function engine(form: ProtobufForm = FORM, parameters: Readonly<Record<string, string>> = {}): RulesEngine {
  const files = new Map([["causeway-dev-artifact-bucket/descriptors/telemetry.desc", readDescriptor()]]);
  const rules = new DeployedTemplate(TEMPLATE, parameters).rules();
  return new RulesEngine(rules, { files, nowMs: () => NOW_MS, form }, services);
}

beforeEach(() => {
  services = new MemoryRuleServices();
});

/** A record of form rows or json, of 42.7 km/h and 3. */
function rows(form: "rows" | "json"): EncodedDraft {
  const campaign = { id: "speed", version: 1, digest: "0".repeat(16) };
  const lane = encoder.lane({ schema: table, campaign, stream: "telemetry", form });
  const samples = [
    { signal: 0, timeUs: NOW_MS * 1000, raw: 427 },
    { signal: 1, timeUs: NOW_MS * 1000 + 5, raw: 3 },
  ];
  const [draft] = lane.encode(logOf(table, samples), []);
  if (draft === undefined) throw new Error("no record");
  return draft;
}

describe("the rules of records.yaml", () => {
  it.each(FORMS)(
    "write rows as an item a record, its lists and floats whole, whatever decode makes of names and integers (%o)",
    async (form) => {
      expect(await engine(form).publish(sent(rows("rows")))).toEqual(["causeway_dev_records"]);
      const [{ table: name, item } = { table: "", item: {} }] = services.items;
      expect(name).toBe("causeway-dev-rows");
      expect(item).toMatchObject({
        thing: THING,
        record: `telemetry#${0xa1b2_c3d4_e5f6}#7`,
        rows: {
          rows: [
            { name: "Engine.Speed", number: 42.7, unit: "km/h" },
            { name: "Engine.Load", number: 3 },
          ],
        },
        expires_at: NOW_MS / 1000 + 90 * 86_400,
      });
    },
  );

  it("write the same of json, and the same record by Basic Ingest", async () => {
    expect(await engine().publish(sent(rows("json")))).toEqual(["causeway_dev_records_json"]);
    const direct = sent(rows("rows"));
    expect(await engine().publish({ ...direct, topic: `$aws/rules/causeway_dev_records/${direct.topic}` })).toEqual([
      "causeway_dev_records",
    ]);
    expect(services.items.map(({ item }) => item["record"])).toEqual(
      Array.from({ length: 2 }, () => `telemetry#${0xa1b2_c3d4_e5f6}#7`),
    );
    expect(services.items.map(({ item }) => JSON.stringify(item["rows"]).includes("42.7"))).toEqual([true, true]);
  });

  it("take no record under another vehicle's topic, nor one that is compressed, nor what is no record", async () => {
    const foreign = { ...sent(rows("rows")), topic: "dt/causeway/truck-2/telemetry" };
    const [columns] = encoder.samples(logOf(table, [{ signal: 0, timeUs: 1, raw: 1 }]), []);
    const others = [foreign, sent(columns), message(`dt/causeway/${THING}/telemetry`, new Uint8Array([0xff, 0xff]))];
    for (const one of others) expect(await engine().publish(one)).toEqual([]);
    expect(services.items).toEqual([]);
  });

  it.each(FORMS)("make metrics of losses, notices, buses that are down and updates that failed (%o)", async (form) => {
    const range = { epoch: 1, stream: "telemetry", first: 11, last: 30, detail: "full" } as const;
    const count = { bus: "can0", received: 1, dropped: 0, errorFrames: 0 };
    const phase = {
      number: 1,
      repeated: false,
      digest: "d".repeat(64),
      component: "agent",
      versionFrom: "1",
      versionTo: "2",
      reason: "",
      detail: "",
      job: "",
      execution: 0,
      bytes: 1,
      totalBytes: 1,
      percent: 1,
      timeUs: 1,
    };
    const drafts = [
      encoder.loss({ ...range, reason: "evicted" }),
      encoder.loss({ ...range, reason: "thinned", thinned: { ratio: 10, keptFirst: 31, keptLast: 32 } }),
      encoder.notice({ event: "config.unusable", detail: "agent.yaml:1:1" }),
      encoder.busEvent({ count, state: "bus-off", detail: "", timeUs: 1 }),
      encoder.busEvent({ count, state: "up", detail: "", timeUs: 1 }),
      encoder.updatePhase({ ...phase, phase: "rollback", reason: "unhealthy" }),
      encoder.updatePhase({ ...phase, phase: "download" }),
    ];
    for (const draft of drafts) await engine(form).publish(sent(draft));
    expect(services.metrics.map(({ name, value }) => `${name} ${value}`)).toEqual([
      "RecordsLost 20",
      "Notices 1",
      "BusesDown 1",
      "UpdatesFailed 1",
    ]);
    expect(new Set(services.metrics.map(({ namespace }) => namespace))).toEqual(new Set(["Causeway/dev"]));
  });

  it("count links that were lost, and keep the answer of a command by its own thing and id", async () => {
    const presence = (state: string): string => JSON.stringify({ schemaVersion: 1, thing: THING, state });
    for (const state of ["online", "lost", "asleep"]) {
      await engine().publish(message(`dt/causeway/${THING}/presence`, presence(state)));
    }
    expect(services.metrics).toMatchObject([{ name: "LinksLost", value: 1 }]);
    const answer = { request: "c-1", status: "REJECTED", reason: { code: "UNSAFE", detail: "moving" } };
    await engine().publish(message(`cmd/causeway/${THING}/c-1/response`, JSON.stringify(answer)));
    await engine().publish(message(`cmd/causeway/${THING}/c-1/response`, JSON.stringify({ status: "INVENTED" })));
    expect(services.items.map(({ item }) => item)).toEqual([
      {
        pk: `answer#${THING}/c-1`,
        sk: "REJECTED",
        reason: answer.reason,
        heardMs: NOW_MS,
        expires: NOW_MS / 1000 + 604_800,
      },
    ]);
  });

  it("hand the certificate that was replaced to the function that retires it, with who said so", async () => {
    const said = { thing: THING, certificateId: "b".repeat(64), previousCertificateId: "c".repeat(64) };
    await engine().publish(message(`dt/causeway/${THING}/identity`, JSON.stringify(said)));
    await engine().publish(message("dt/causeway/truck-2/identity", JSON.stringify(said)));
    await engine().publish(
      message(`dt/causeway/${THING}/identity`, JSON.stringify({ ...said, previousCertificateId: undefined })),
    );
    expect(services.invocations.map(({ functionArn, event }) => [functionArn.split(":").at(-1), event])).toEqual([
      [
        "causeway-dev-retire",
        { thing: THING, current: "b".repeat(64), previous: "c".repeat(64), principal: "a".repeat(64) },
      ],
    ]);
  });

  it("tell an action that failed, with the payload", async () => {
    services.broken.add("causeway-dev-rows");
    const record = sent(rows("rows"));
    await engine().publish(record);
    expect(services.logs).toMatchObject([
      {
        group: "causeway-dev-rule-errors",
        entry: {
          ruleName: "causeway_dev_records",
          base64OriginalPayload: Buffer.from(record.payload).toString("base64"),
          failures: [{ failedAction: "DynamoDBv2Action", failedResource: "causeway-dev-rows" }],
        },
      },
    ]);
  });

  it("archive each payload as it arrived only where it is asked for", async () => {
    const record = sent(rows("rows"));
    await engine(FORM, { ArchivePayloads: "on" }).publish(record);
    expect(services.objects.map(({ key, body }) => [key.split("-")[0] + key.slice(-4), Buffer.from(body)])).toEqual([
      ["truck.bin", Buffer.from(record.payload)],
    ]);
    expect(new DeployedTemplate(TEMPLATE).rules().map(({ RuleName }) => RuleName)).not.toContain(
      "causeway_dev_records_archive",
    );
  });

  it("each name the version of SQL that leaves lists whole, and have an error action", () => {
    const all = new DeployedTemplate(TEMPLATE, { ArchivePayloads: "on" }).rules();
    expect(all.length).toBeGreaterThan(8);
    for (const { TopicRulePayload } of all) {
      expect(TopicRulePayload.AwsIotSqlVersion).toBe("2016-03-23");
      expect(TopicRulePayload.ErrorAction).toBeDefined();
    }
    expect(readFileSync(TEMPLATE, "utf8")).not.toMatch(/: [&*]\w/);
  });
});

describe("AWS IoT SQL", () => {
  const surroundings = { files: new Map<string, Uint8Array>(), nowMs: () => NOW_MS, form: FORM };
  const payload = JSON.stringify({ a: { b: [1, { c: 2.5 }], d: { e: 0.1 } }, list: [1, 2.5], text: "x" });
  const run = (sql: string, version: { readonly named?: string } = { named: "2016-03-23" }) =>
    new RuleSql(sql, version.named).run(message("one/two", payload), surroundings)?.result;

  it("destroys lists and flattens objects in silence where no version is named", () => {
    expect(run("SELECT * FROM 'one/+'")).toEqual(JSON.parse(payload));
    expect(run("SELECT * FROM 'one/+'", {})).toEqual({ e: 0.1, text: "x" });
    expect(run("SELECT VALUE list FROM 'one/+'", {})).toEqual([]);
  });

  // From the developer guide: "Operators", "Functions", "Case statements".
  it.each([
    ["SELECT 1 + 2 * 3 AS n FROM 't'", { n: 7 }],
    ["SELECT '1' + 2 AS n FROM 't'", { n: "12" }],
    ["SELECT a.d.e AS e, topic(2) AS two, nothing FROM 't'", { e: 0.1, two: "two" }],
    ["SELECT get(list, 1) AS second, concat('a', 1) AS joined FROM 't'", { second: 2.5, joined: "a1" }],
    ["SELECT CASE text WHEN 'y' THEN 1 WHEN 'x' THEN 2 ELSE 3 END AS n FROM 't'", { n: 2 }],
    ["SELECT cast('3.7' AS Int) AS n, isUndefined(nothing) AS u FROM 't'", { n: 3, u: true }],
    ["SET @v = a.d SELECT @v.e AS e FROM 't' WHERE NOT text = 'y'", { e: 0.1 }],
    ["SELECT text FROM 't' WHERE text = 'x' AND 1 < 2", { text: "x" }],
    ["SELECT text FROM 't' WHERE nothing = 1 OR text = 'x'", undefined],
  ])("%s", (sql, expected) => {
    expect(run(sql)).toEqual(expected);
  });

  it.each([
    "SELECT",
    "SELECT a FROM",
    "SELECT a FROM 't' WHERE",
    "SELECT a b FROM 't'",
    "SELECT f( FROM 't'",
    "SELECT a ? b",
  ])("refuses %s", (sql) => {
    expect(() => new RuleSql(sql, "2016-03-23")).toThrow(/ of SQL|no token/);
  });
});
