import { describe, expect, it } from "vitest";
import { child, textOf, walk } from "../../../scripts/stacks/template-node.ts";
import { allows, type IotPolicy, type Requester } from "../../bench/cloud/iot-policy.ts";
import { DeployedTemplate } from "../../bench/cloud/rules/template-rules.ts";
import { sourceFiles } from "../../fakes/cloud/source-files.ts";
import { grantsOf, policiesNamed } from "../../fakes/cloud/template-policies.ts";
import {
  ASKED_FILES,
  type Use,
  usedByClaim,
  usedByDefender,
  usedByFleetwise,
  usedByShadow,
  usedBySovd,
  usedTopics,
} from "../../fakes/cloud/used-topics.ts";

/** Granted although the agent does not ask for it at the broker: credentials for the upload bucket go by HTTPS. */
const BESIDE_THE_BROKER = ["iot:AssumeRoleWithCertificate rolealias/causeway-dev-vehicle"];

/** What may come of shadows is granted in one line: it is what may be subscribed to, where each topic is named. */
const SHADOWS = "iot:Receive topic/$aws/things/THING/shadow/name/";
const inOneLine = (use: Use): Use => (use.startsWith(SHADOWS) ? `${SHADOWS}ANY` : use);
const sorted = (uses: Iterable<Use>): readonly Use[] => [...new Set([...uses].map(inOneLine))].toSorted();
/** Those that are attached where FleetWise is not. */
const vehicle = (parameters: Readonly<Record<string, string>> = {}): readonly IotPolicy[] =>
  policiesNamed("-vehicle-", parameters);
const claim = policiesNamed("-claim");

describe("the policies of vehicles", () => {
  it("grant what the agent uses, and nothing else", async () => {
    expect(sorted(grantsOf(vehicle()))).toEqual(sorted([...(await usedTopics()), ...BESIDE_THE_BROKER]));
  });

  it("grant it with Basic Ingest and with other formats too", async () => {
    const parameters = { BasicIngestRule: "rows", ProvisioningFormat: "cbor", CampaignShadow: "plans" };
    const used = await usedTopics({
      topics: { record: "$aws/rules/rows/dt/causeway/{thing}/{stream}" },
      provisioning: { format: "cbor" },
      campaigns: { cloud: { shadow: "plans" } },
    });
    expect(sorted(grantsOf(vehicle(parameters)))).toEqual(sorted([...used, ...BESIDE_THE_BROKER]));
  });

  it("grant what a vehicle of FleetWise uses, where the stack is told its prefix", async () => {
    for (const prefix of ["cms/fleetwise/", "$aws/iotfleetwise/"]) {
      const used = [...(await usedTopics()), ...usedByFleetwise(prefix), ...BESIDE_THE_BROKER];
      expect(sorted(grantsOf(vehicle({ FleetwisePrefix: prefix })))).toEqual(sorted(used));
    }
  });

  it("grant what the shadow of the state uses, where the stack is told its name", async () => {
    const used = [...(await usedTopics()), ...(await usedByShadow("how-it-is")), ...BESIDE_THE_BROKER];
    expect(sorted(grantsOf(vehicle({ StateShadow: "how-it-is" })))).toEqual(sorted(used));
  });

  it("grant what the shadow of the settings uses, where the stack is told its name", async () => {
    const used = [...(await usedTopics()), ...(await usedByShadow("how-to-be")), ...BESIDE_THE_BROKER];
    expect(sorted(grantsOf(vehicle({ ConfigShadow: "how-to-be" })))).toEqual(sorted(used));
  });

  it("are short enough for AWS IoT with all that is optional, and names of some length", () => {
    const prefixes = { FleetwisePrefix: "cms/fleetwise/", SovdPrefix: "cms/commands" };
    const shadows = { StateShadow: "state", ConfigShadow: "config" };
    const lengths = vehicle({ ...prefixes, ...shadows, DefenderReports: "json" }).map(
      (policy) => JSON.stringify(policy).length,
    );
    expect(Math.max(...lengths)).toBeLessThanOrEqual(2048);
  });

  it("grant what diagnostics of SOVD use, where the stack is told their prefix", async () => {
    const used = [...(await usedTopics()), ...(await usedBySovd("cms/commands")), ...BESIDE_THE_BROKER];
    expect(sorted(grantsOf(vehicle({ SovdPrefix: "cms/commands" })))).toEqual(sorted(used));
  });

  it("grant what reports to Device Defender use, where the stack is told their format", async () => {
    for (const format of ["cbor", "json"] as const) {
      const used = [...(await usedTopics()), ...(await usedByDefender(format)), ...BESIDE_THE_BROKER];
      expect(sorted(grantsOf(vehicle({ DefenderReports: format })))).toEqual(sorted(used));
    }
  });

  it("say each thing once", () => {
    expect(grantsOf(vehicle()).length).toBe(new Set(grantsOf(vehicle())).size);
  });

  it("are at most ten, each in the provisioning templates", () => {
    const { template } = new DeployedTemplate("config/aws/iot.yaml");
    const names = [...template.resources].flatMap(([id, { type }]) =>
      type === "AWS::IoT::Policy" && id.startsWith("Vehicle") ? [id] : [],
    );
    expect(names.length).toBeLessThanOrEqual(10);
    for (const id of ["FleetTemplate", "RotationTemplate"]) {
      const body = child(template.resources.get(id)?.properties, "TemplateBody");
      const text = body === undefined ? "" : [...walk(body)].map((node) => textOf(node) ?? "").join();
      expect([...text.matchAll(/\$\{(Vehicle\w+Policy)\}/g)].map(([, name]) => name).toSorted()).toEqual(
        names.toSorted(),
      );
    }
  });

  it("are derived from every file that speaks to the broker", () => {
    const speaking = sourceFiles("agent").filter(
      ({ path, text }) =>
        !/^agent\/(companion|consumer|ports|cli)\/|\/scrape-server\.ts$/.test(path) &&
        /publicationTo\(|\.subscribe\(|\.listen\(/.test(text),
    );
    expect(speaking.map(({ path }) => path).toSorted()).toEqual(ASKED_FILES.toSorted());
  });
});

describe("the claim policy", () => {
  it("grants what enrolment uses, and nothing else", async () => {
    expect(sorted(grantsOf(claim))).toEqual(sorted(await usedByClaim()));
  });
});

describe("attacks", () => {
  const own: Requester = { clientId: "truck-1", thing: "truck-1" };
  const refused = (
    policies: readonly IotPolicy[],
    cases: readonly string[],
    requester: Requester = own,
  ): readonly string[] =>
    cases.filter((one) => {
      const [action = "", resource = ""] = one.split(" ");
      return allows(policies, `iot:${action}`, resource, requester);
    });

  it("on another vehicle's topics are refused, and its own are not", () => {
    const cases = [
      "Publish topic/dt/causeway/T/telemetry",
      "Publish topic/$aws/things/T/jobs/j1/update",
      "Receive topic/cmd/causeway/T/r1/request",
      "Subscribe topicfilter/$aws/commands/things/T/executions/+/request/json",
      "Receive topic/$aws/things/T/shadow/name/campaigns/update/delta",
      "Connect client/T",
    ];
    const as = (thing: string): readonly string[] => cases.map((one) => one.replaceAll("/T", `/${thing}`));
    expect(refused(vehicle(), as("truck-1"))).toEqual(as("truck-1"));
    for (const other of ["truck-2", "truck-11", "truck-", "+", "#", "*", "?ruck-1"]) {
      expect(refused(vehicle(), as(other))).toEqual([]);
    }
  });

  it("by wildcards in filters are refused", () => {
    const filters = [
      "#",
      "+/#",
      "$aws/#",
      "$aws/things/#",
      "$aws/things/+/jobs/notify",
      "$aws/things/truck-1/#",
      "$aws/things/truck-1/jobs/#",
      "$aws/things/truck-1/shadow/#",
      "$aws/things/truck-1/shadow/name/+/get/accepted",
      "$aws/things/truck-1/shadow/name/campaigns/+/accepted",
      "$aws/things/truck-1/shadow/name/campaigns/update/documents",
      "$aws/things/truck-1/shadow/name/other/get/accepted",
      "$aws/things/truck-1/shadow/name/config/get/accepted",
      "$aws/things/truck-1/jobs/+/+/+",
      "dt/causeway/#",
      "dt/causeway/+/telemetry",
      "cmd/causeway/+/+/request",
      "cmd/causeway/truck-1/#",
      "$share/causeway-dev/dt/causeway/+/+",
      "$aws/events/#",
    ];
    expect(
      refused(
        vehicle(),
        filters.map((filter) => `Subscribe topicfilter/${filter}`),
      ),
    ).toEqual([]);
  });

  it("by speaking for the cloud or for a user are refused", () => {
    const topics = [
      "$aws/things/truck-1/jobs/notify",
      "$aws/things/truck-1/jobs/j1/update/accepted",
      "$aws/things/truck-1/jobs/start-next/accepted",
      "$aws/things/truck-1/shadow/update",
      "$aws/things/truck-1/shadow/name/other/update",
      "$aws/things/truck-1/shadow/name/campaigns/delete",
      "$aws/things/truck-1/shadow/name/campaigns/update/delta",
      "$aws/commands/things/truck-1/executions/e1/request/json",
      "$aws/commands/things/truck-1/executions/e1/response/accepted/json",
      "$aws/rules/causeway_dev_retire/dt/causeway/truck-1/identity",
      "$aws/things/truck-1/defender/metrics/json",
      "cmd/causeway/truck-1/r1/request",
      "cmd/causeway/truck-1/campaigns/c1/document",
      "dt/causeway/truck-1/other",
      "dt/causeway/truck-1",
      "$aws/provisioning-templates/causeway-dev-fleet/provision/json",
      "$aws/certificates/create/json",
    ];
    expect(
      refused(
        vehicle(),
        topics.map((topic) => `Publish topic/${topic}`),
      ),
    ).toEqual([]);
    expect(
      refused(vehicle(), ["RetainPublish topic/dt/causeway/truck-1/telemetry", "Connect client/truck-1-2"]),
    ).toEqual([]);
  });

  it("with a certificate that is attached to no thing, or under another's client id, are refused", () => {
    const cases = [
      "Connect client/truck-1",
      "Publish topic/dt/causeway/truck-1/event",
      "Publish topic/dt/causeway//event",
    ];
    expect(refused(vehicle(), cases, { clientId: "truck-1", thing: undefined })).toEqual([]);
    expect(refused(vehicle(), [...cases, "Connect client/truck-2"], { clientId: "truck-2", thing: "truck-1" })).toEqual(
      [],
    );
  });

  it("with a claim certificate are refused", () => {
    const cases = [
      "Publish topic/dt/causeway/truck-1/telemetry",
      "Publish topic/$aws/things/truck-1/jobs/get",
      "Publish topic/$aws/provisioning-templates/causeway-dev-rotation/provision/json",
      "Publish topic/$aws/provisioning-templates/another/provision/json",
      "Publish topic/$aws/certificates/create/json",
      "Subscribe topicfilter/#",
      "Subscribe topicfilter/$aws/certificates/#",
      "Receive topic/dt/causeway/truck-1/telemetry",
      "Connect client/truck-1",
      "AssumeRoleWithCertificate rolealias/causeway-dev-vehicle",
    ];
    expect(refused(claim, cases, { clientId: "claim-truck-1", thing: undefined })).toEqual([]);
    expect(
      refused(claim, ["Connect client/claim-truck-1"], { clientId: "claim-truck-1", thing: undefined }),
    ).toHaveLength(1);
  });

  it("with a worker's certificate that would do more than take records are refused", () => {
    const worker = policiesNamed("-worker");
    const asWorker: Requester = { clientId: "causeway-dev-15", thing: undefined };
    const right = [
      "Connect client/causeway-dev-15",
      "Subscribe topicfilter/$share/causeway-dev/dt/causeway/+/+",
      "Receive topic/dt/causeway/truck-1/event",
    ];
    expect(refused(worker, right, asWorker)).toEqual(right);
    const wrong = [
      "Connect client/truck-1",
      "Connect client/causeway-dev-truck",
      "Publish topic/cmd/causeway/truck-1/r1/request",
      "Publish topic/dt/causeway/truck-1/event",
      "Subscribe topicfilter/#",
      "Subscribe topicfilter/$share/other/dt/causeway/+/+",
      "Receive topic/cmd/causeway/truck-1/r1/request",
    ];
    expect(refused(worker, wrong, asWorker)).toEqual([]);
  });

  it("with a worker's certificate on FleetWise's topics are refused, but for what vehicles send", () => {
    const asWorker: Requester = { clientId: "causeway-dev-0", thing: undefined };
    const right = ["signals", "last_known_states/data"].flatMap((topic) => [
      `Subscribe topicfilter/$share/causeway-dev/cms/fleetwise/vehicles/+/${topic}`,
      `Receive topic/cms/fleetwise/vehicles/truck-1/${topic}`,
    ]);
    const wrong = [
      "Subscribe topicfilter/cms/fleetwise/vehicles/+/signals",
      "Subscribe topicfilter/$share/causeway-dev/cms/fleetwise/vehicles/+/+",
      "Receive topic/cms/fleetwise/vehicles/truck-1/checkins",
      "Receive topic/cms/fleetwise/vehicles/truck-1/decoder_manifests",
      "Publish topic/cms/fleetwise/vehicles/truck-1/decoder_manifests",
      "Publish topic/cms/fleetwise/vehicles/truck-1/signals",
    ];
    const worker = policiesNamed("-worker", { FleetwisePrefix: "cms/fleetwise/" });
    expect(refused(worker, [...right, ...wrong], asWorker)).toEqual(right);
    expect(refused(policiesNamed("-worker"), right, asWorker)).toEqual([]);
  });
});
