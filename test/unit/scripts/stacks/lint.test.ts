import { beforeAll, describe, expect, it } from "vitest";
import { type FileProblem, TemplateLint } from "../../../../scripts/stacks/lint/lint.ts";
import { type TemplateFile, templateFiles } from "../../../../scripts/stacks/template-files.ts";
import { seededRandom } from "../../../bench/core/seeded-random.ts";

const SEED = 15;
/** Places that each kind of mistake is made at, in all templates together. */
const PLACES = 8;

/** A kind of mistake: where it can be made, what it makes of the line, and what is to be told of it. */
type Mistake = {
  readonly name: string;
  readonly at: RegExp;
  readonly becomes: string;
  readonly told: RegExp;
  /** What is told stands at the head of what the line belongs to; where the line was its first, one lower. */
  readonly isAbove?: boolean;
};

const MISTAKES: readonly Mistake[] = [
  {
    name: "a property that is not there",
    at: /^( +)(BillingMode|AttributeDefinitions|PolicyName|Runtime|Handler|RoleName|SSESpecification|Period|Statistic|KeyUsage|KeySpec|Sql|Actions|Export|RetentionInDays|BucketEncryption|TargetArn|Protocol|TemplateBody|Namespace):/,
    becomes: "$1$2x:",
    told: /has no property|is not exported/,
  },
  {
    name: "a property that is needed and missing",
    at: /^ +(Role|ProvisioningRoleArn|Principal|KeySchema|TargetKeyId|CertificateAuthorityArn|Code|TopicRulePayload): .+$/,
    becomes: "",
    told: /needs|has no/,
    isAbove: true,
  },
  {
    name: "a text for a number",
    at: /^( +)(Timeout|MemorySize|Period|Threshold|PendingWindowInDays|EvaluationPeriods): \d+$/,
    becomes: "$1$2: soon",
    told: /must be a (whole )?number/,
  },
  {
    name: "a number for yes or no",
    at: /^( +.*\b)(Enabled|SSEEnabled|BlockPublicAcls|PointInTimeRecoveryEnabled): true/,
    becomes: "$1$2: 7",
    told: /must be true or false/,
  },
  {
    name: "a text for a list",
    at: /^( +)(Architectures|AccountDefaultForOperations): \[(\w+)\]$/,
    becomes: "$1$2: $3",
    told: /must be a list/,
  },
  {
    name: "a list for a text",
    at: /^( +)(Handler|Description|MetricName|Statistic|PolicyName): ([^!].*)$/,
    becomes: "$1$2: [$3]",
    told: /must be a text|names begin/,
  },
  {
    name: "a map for a text",
    at: /^( +)(Runtime|TableName|FunctionName|Namespace): [^,]+$/,
    becomes: "$1$2: { a: b }",
    told: /must be a text/,
  },
  {
    name: "a choice that is none",
    at: /^( +)(KeySpec|KeyUsage|TemplateType|CertificateMode|AutoRegistrationStatus|LogFormat): ([A-Z0-9_a-z]+)$/,
    becomes: "$1$2: $3X",
    told: /takes/,
  },
  {
    name: "a type that is none",
    at: /^( {4}Type: AWS::\w+::\w+)$/,
    becomes: "$1s",
    told: /is no resource type/,
    isAbove: true,
  },
  {
    name: "a Ref to nothing",
    at: /^(.*)!Ref ([A-Z][a-zA-Z]+)\b(?!::)/,
    becomes: "$1!Ref $2s",
    told: /is no parameter or resource/,
  },
  {
    name: "an attribute that is not there",
    at: /^(.*)!GetAtt (\w+)\.(Arn|Certificate)\b/,
    becomes: "$1!GetAtt $2.$3s",
    told: /has no attribute/,
  },
  { name: "GetAtt of nothing", at: /^(.*)!GetAtt (\w+)\./, becomes: "$1!GetAtt $2s.", told: /is no resource/ },
  {
    name: "a variable that is not there",
    at: /^(.*!Sub.*)\$\{Environment\}/,
    becomes: "$1${Environments}",
    told: /is no parameter or resource/,
  },
  { name: "a condition that is not there", at: /^( {4}Condition: \w+)$/, becomes: "$1s", told: /is no condition/ },
  {
    name: "an action that is none",
    at: /^( +Action: (?:\[.*)?)(iot|s3|dynamodb|logs|acm-pca):([A-Z]\w+)/,
    becomes: "$1$2:$3s",
    told: /is no action of/,
  },
  {
    name: "a condition on what a request does not have",
    at: /^(.*\b(?:aws|kms|cloudwatch):[A-Za-z]+)("?: )/,
    becomes: "$1s$2",
    told: /is no condition of/,
  },
  {
    name: "every action of a service",
    at: /^( +Action: )(dynamodb|iot):\w+$/,
    becomes: "$1$2:*",
    told: /name each action/,
  },
  {
    name: "a resource of another kind",
    at: /^( +(?:Resource: |- )!Sub arn:.*):(topic|topicfilter)\//,
    becomes: "$1:thing/",
    told: /takes arn:/,
  },
  {
    name: "an export that nobody imports so",
    at: /^(.*!ImportValue.*-)(arn|bucket|table)\b/,
    becomes: "$1$2s",
    told: /no template exports/,
  },
  { name: "no default", at: /^ {4}Default: .*$/, becomes: "", told: /has no default/, isAbove: true },
  {
    name: "a rule that is not well formed",
    at: /^( {4})(Assertions|RuleCondition):/,
    becomes: "$1$2s:",
    told: /has no property/,
  },
  {
    name: "data that goes with its stack",
    at: /^ {4}DeletionPolicy: Retain$/,
    becomes: "",
    told: /has no DeletionPolicy/,
    isAbove: true,
  },
  {
    name: "the SQL of 2015",
    at: /^( +AwsIotSqlVersion:) "2016-03-23"$/,
    becomes: '$1 "2015-10-08"',
    told: /must be "2016-03-23"/,
  },
  {
    name: "a policy of another age",
    at: /^( +Version:) "2012-10-17"$/,
    becomes: '$1 "2008-10-17"',
    told: /Version must be/,
  },
  { name: "a dependency on nothing", at: /^( +DependsOn: \[\w+)/, becomes: "$1s", told: /is no resource/ },
  { name: "an alias", at: /^( +)(Description): .+$/, becomes: "$1$2: &text x", told: /takes no aliases/ },
  {
    name: "a name that another region takes too",
    at: /^( +)(RoleName|BucketName): (.*)-\$\{AWS::Region\}/,
    becomes: "$1$2: $3",
    told: /hold \$\{AWS::Region\}/,
  },
  {
    name: "a name without its environment",
    at: /^( +)(PolicyName|FunctionName|RoleName|TableName|TopicName|TemplateName): !Sub causeway-\$\{Environment\}/,
    becomes: "$1$2: !Sub causeway",
    told: /names begin/,
  },
];

describe("scripts/cloud lint", () => {
  const files = templateFiles();
  let lint: TemplateLint;
  beforeAll(() => {
    lint = new TemplateLint();
  });

  const problemsOf = async (changed: TemplateFile): Promise<readonly FileProblem[]> =>
    await lint.check(files.map((file) => (file.file === changed.file ? changed : file)));
  const problemsIn = async (text: string): Promise<readonly string[]> =>
    (await lint.check([{ file: "t.yaml", text }])).map(({ line, column, message }) => `${line}:${column} ${message}`);
  const resource = (body: string): string =>
    `Description: d\nParameters:\n  Environment: { Type: String, Default: dev }\nResources:\n  T:\n    Type: AWS::SNS::Topic\n    Properties: { TopicName: !Sub "causeway-\${Environment}-t" }\n${body}`;

  it("finds nothing wrong with the templates of this project", async () => {
    expect(await lint.check(files)).toEqual([]);
  });

  it.each(MISTAKES)(`finds $name, wherever it is made (seed ${SEED})`, async ({ at, becomes, told, isAbove }) => {
    const random = seededRandom(SEED);
    const places = files.flatMap((file) =>
      file.text.split("\n").flatMap((line, index) => (at.test(line) ? [{ file, index }] : [])),
    );
    expect(places.length).toBeGreaterThan(0);
    const chosen = places.map((place) => ({ place, order: random() })).toSorted((a, b) => a.order - b.order);
    for (const { place } of chosen.slice(0, PLACES)) {
      const lines = place.file.text.split("\n");
      const before = lines[place.index] ?? "";
      lines[place.index] = before.replace(at, becomes);
      const problems = await problemsOf({ file: place.file.file, text: lines.join("\n") });
      const found = problems.filter(({ message, line, file }) => {
        const isNear = isAbove === true ? line <= place.index + 2 : line === place.index + 1;
        return told.test(message) && isNear && file === place.file.file;
      });
      expect(found, `${place.file.file}:${place.index + 1} ${before} -> ${lines[place.index] ?? ""}`).not.toEqual([]);
    }
  });

  it("says file, line, column and what was meant", async () => {
    const text = resource(
      "  Hook:\n    Type: AWS::Lambda::Function\n    Properties:\n      Rolle: x\n      Code: {}\n",
    );
    expect(await problemsIn(text)).toEqual(
      [
        "11:7 Hook (AWS::Lambda::Function): needs Role",
        "11:7 Hook (AWS::Lambda::Function): has no property Rolle; Role?",
      ].toSorted(),
    );
  });

  it("finds resources that wait for each other", async () => {
    const queue = (name: string, other: string): string =>
      `  ${name}:\n    Type: AWS::SNS::Topic\n    Properties: { DisplayName: !Ref ${other} }\n`;
    expect((await problemsIn(resource(queue("A", "B") + queue("B", "C") + queue("C", "A")))).join()).toContain(
      "waits for itself: A -> B -> C -> A",
    );
  });

  it("finds a parameter that is empty unless given, where nothing says what that means", async () => {
    const text = (section: string): string =>
      `${resource("  A:\n    Type: AWS::SNS::Topic\n    Properties: { DisplayName: !Ref Host }\n").replace("Parameters:\n", 'Parameters:\n  Host: { Type: String, Default: "" }\n')}${section}`;
    const told = '3:3 parameter Host: no condition or rule compares it with ""';
    const rule = (name: string): string =>
      `Rules:\n  Given:\n    Assertions:\n      - { Assert: !Not [!Equals [!Ref ${name}, ""]], AssertDescription: d }\n`;
    expect(await problemsIn(text(""))).toEqual([told]);
    expect(await problemsIn(text(rule("Environment")))).toEqual([told]);
    expect(await problemsIn(text(rule("Host")))).toEqual([]);
  });

  it("finds two of one name, in two templates", async () => {
    const [one, other] = [resource(""), resource("")].map((text, at) => ({ file: `${at}.yaml`, text }));
    expect(await lint.check([one, other])).toEqual([
      { file: "1.yaml", line: 5, column: 3, message: "causeway-dev-t is the name of another in 0.yaml too" },
    ]);
  });

  it("finds what is named although it is only there under a condition", async () => {
    const conditions =
      "Conditions:\n  Given: !Equals [!Ref Environment, dev]\n  Both: !And [!Condition Given, !Equals [!Ref Environment, x]]\n";
    const users = (text: string): string =>
      `${resource(`  A:\n    Type: AWS::SNS::Topic\n    Condition: Given\n    Properties: { TopicName: !Sub "causeway-\${Environment}-a" }\n  B:\n    Type: AWS::SNS::Topic\n${text}`)}${conditions}`;
    expect((await problemsIn(users("    Condition: Both\n    Properties: { DisplayName: !Ref A }\n"))).join()).toBe("");
    expect(
      (
        await problemsIn(users('    Properties: { DisplayName: !If [Given, !Ref A, ""] }\n    Condition: Both\n'))
      ).join(),
    ).toBe("");
    const bare = users('    Properties: { DisplayName: !Sub "x${A.TopicName}" }\n    Condition: Both\n').replace(
      "Condition: Both\n",
      "Metadata: {}\n",
    );
    expect((await problemsIn(bare)).join("\n")).toContain("A is only there under Given");
  });

  it("measures a policy of AWS IoT without white space, with the longest names", async () => {
    const policy = (count: number): string =>
      resource(
        `  P:\n    Type: AWS::IoT::Policy\n    Properties:\n      PolicyName: !Sub causeway-\${Environment}-p\n      PolicyDocument:\n        Version: "2012-10-17"\n        Statement:\n          - Effect: Allow\n            Action: iot:Publish\n            Resource:\n${"              - !Sub arn:${AWS::Partition}:iot:${AWS::Region}:${AWS::AccountId}:topic/x\n".repeat(count)}`,
      );
    // {"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iot:Publish","Resource":[ ... ]}]} without ARNs, which are parted by commas.
    const around = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iot:Publish","Resource":[]}]}'
      .length;
    const each = '"arn:aws-us-gov:iot:ap-southeast-1:123456789012:topic/x",'.length;
    const characters = (count: number): number => around + count * each - 1;
    const most = Math.floor((2048 + 1 - around) / each);
    expect(characters(most)).toBeLessThanOrEqual(2048);
    expect(await problemsIn(policy(most))).toEqual([]);
    expect((await problemsIn(policy(most + 1))).join()).toContain(
      `${characters(most + 1)} characters of policy; the limit is 2048`,
    );
  });
});
