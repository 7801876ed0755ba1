import { execFile, spawnSync } from "node:child_process";
import { symlinkSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type AwsAnswer, FakeCli } from "../../fakes/cloud/aws-cli.ts";

const ROOT = join(import.meta.dirname, "../../..");
const REGION = "eu-central-1";
const KEY = "-----BEGIN RSA PRIVATE KEY-----\nnobody may see this\n-----END RSA PRIVATE KEY-----\n";
const ARN = `arn:aws:iot:${REGION}:123456789012:cert/${"c".repeat(64)}`;
const SECRET = `arn:aws:secretsmanager:${REGION}:123456789012:secret:causeway-dev-worker-identity-AbCdEf`;

const ACCOUNT: AwsAnswer = {
  begins: "aws sts get-caller-identity",
  answer: { UserId: "u", Account: "123456789012", Arn: "a" },
};
const ENDPOINT: AwsAnswer = {
  begins: "aws iot describe-endpoint",
  answer: { endpointAddress: `abc-ats.iot.${REGION}.amazonaws.com` },
};
const CERTIFICATE: AwsAnswer = {
  begins: "aws iot create-keys-and-certificate",
  answer: {
    certificateArn: ARN,
    certificateId: "c".repeat(64),
    certificatePem: "PEM",
    keyPair: { PublicKey: "p", PrivateKey: KEY },
  },
};
const EMPTY_ACCOUNT: readonly AwsAnswer[] = [
  ACCOUNT,
  ENDPOINT,
  CERTIFICATE,
  {
    begins: "aws secretsmanager describe-secret",
    failure:
      "An error occurred (ResourceNotFoundException) when calling the DescribeSecret operation: Secrets Manager can't find the specified secret.",
  },
  { begins: "aws secretsmanager create-secret", answer: { ARN: SECRET, Name: "causeway-dev-worker-identity" } },
  {
    begins: "aws ecr describe-images",
    failure:
      "An error occurred (ImageNotFoundException) when calling the DescribeImages operation: The image does not exist",
  },
  { begins: "aws ecr get-login-password", answer: "a-password-of-an-hour" },
];

type End = { readonly code: number; readonly stdout: string; readonly stderr: string };

describe("scripts/cloud deploy, drive and delete, with a stand-in for the AWS CLI", { timeout: 60_000 }, () => {
  let folder: string;
  let cli: FakeCli;
  /** A PATH with what the stand-ins themselves need. */
  let path: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "causeway-deploy-"));
    cli = new FakeCli(join(folder, "bin"));
    const tools = new FakeCli(join(folder, "tools"), []).folder;
    symlinkSync(process.execPath, join(tools, "node"));
    path = `${cli.folder}:${tools}:/usr/bin:/bin`;
  });
  afterAll(async () => await rm(folder, { recursive: true }));

  const cloud = (
    args: readonly string[],
    environment: Readonly<Record<string, string>> = { PATH: path },
  ): Promise<End> =>
    new Promise((resolve) => {
      execFile(
        process.execPath,
        [join(ROOT, "scripts/cloud.ts"), ...args],
        { env: { ...process.env, ...environment } },
        (error, stdout, stderr) => {
          resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
        },
      );
    });
  /** The name of a file that is only there meanwhile is another every time. */
  const called = (): readonly string[] =>
    cli.calls().map(({ program, args }) => [program, ...args].join(" ").replace(/file:\/\/\S+/, "file://file"));
  /** Commands of a dry run: what is no remark. */
  const commandsIn = (text: string): readonly string[] =>
    text
      .split("\n")
      .filter((line) => line !== "" && !line.trim().startsWith("#"))
      .map((line) =>
        line
          .trim()
          .replace(/ < \{\w+\}$/, "")
          .replaceAll("'", ""),
      );

  it("goes from an empty account to the stacks, by the commands that a dry run prints", async () => {
    cli.answer(EMPTY_ACCOUNT);
    const dry = await cloud(["deploy", "--region", REGION, "--alarm-email", "ops@example.com", "--dry-run"]);
    expect([dry.code, dry.stderr, cli.calls()]).toEqual([0, "", []]);
    const end = await cloud(["deploy", "--region", REGION, "--alarm-email", "ops@example.com"]);
    expect([end.code, end.stderr]).toEqual([0, ""]);
    const head = spawnSync("git", ["-C", ROOT, "rev-parse", "--short=12", "HEAD"], { encoding: "utf8" }).stdout.trim();
    const zip = /functions\/(companion-[0-9a-f]{12}\.zip)/.exec(called().join("\n"))?.[1] ?? "";
    const values: Readonly<Record<string, string>> = {
      account: "123456789012",
      endpoint: `abc-ats.iot.${REGION}.amazonaws.com`,
      certificateArn: ARN,
      secret: SECRET,
      tag: head,
      functionKey: `functions/${zip}`,
      zip: join(ROOT, "build/cloud", zip),
    };
    const expected = commandsIn(dry.stdout).filter((line) => !line.startsWith("git "));
    expect(called()).toEqual(
      expected.map((line) => line.replace(/\{(\w+)\}/g, (_, name: string) => values[name] ?? name)),
    );
    expect(
      called()
        .filter((line) => line.includes("cloudformation deploy"))
        .map((line) => /--stack-name (\S+)/.exec(line)?.[1]),
    ).toEqual(["base", "iot", "records", "consumer", "app"].map((name) => `causeway-dev-${name}`));
    expect(called().every((line) => !/\{\w+\}/.test(line))).toBe(true);
  });

  it("keeps the workers' key out of arguments and output, and hands it over whole", async () => {
    cli.answer(EMPTY_ACCOUNT);
    const { stdout, stderr } = await cloud(["deploy", "--region", REGION, "--stack", "consumer"]);
    expect(`${stdout}${stderr}${called().join("\n")}`).not.toMatch(/nobody may see this|a-password-of-an-hour/);
    const request: unknown = JSON.parse(cli.calls().find(({ args }) => args.includes("create-secret"))?.stdin ?? "");
    expect(request).toMatchObject({
      Name: "causeway-dev-worker-identity",
      SecretString: JSON.stringify({ certificate: "PEM", privateKey: KEY }),
    });
    expect(cli.calls().find(({ program }) => program === "docker")?.args[0]).toBe("build");
    expect(cli.calls().find(({ args }) => args.includes("--password-stdin"))?.stdin).toBe("a-password-of-an-hour");
  });

  it("makes nothing twice", async () => {
    const there = [
      { begins: "aws secretsmanager describe-secret", answer: { ARN: SECRET } },
      { begins: "aws ecr describe-images", answer: { imageDetails: [{ imageTags: ["x"] }] } },
    ];
    cli.answer([...there, ...EMPTY_ACCOUNT]);
    expect((await cloud(["deploy", "--region", REGION, "--stack", "consumer"])).code).toBe(0);
    expect(called().filter((line) => /create-keys|create-secret|attach-policy|docker/.test(line))).toEqual([]);
    expect(called().at(-1)).toContain(`WorkerSecretArn=${SECRET}`);
  });

  it("says what is missing where there is no AWS CLI, and which command was refused and why", async () => {
    const bare = await cloud(["deploy", "--region", REGION], { PATH: join(folder, "nothing") });
    expect([bare.code, bare.stderr]).toEqual([
      65,
      "cloud: there is no program aws on the PATH\n  remedy: install the AWS CLI, version 2, and sign in (aws sts get-caller-identity must work); --dry-run needs neither\n",
    ]);
    const failure =
      "An error occurred (ExpiredToken) when calling the GetCallerIdentity operation: The security token included in the request is expired";
    cli.answer([{ begins: "aws sts", failure }]);
    const refused = await cloud(["deploy", "--region", REGION]);
    expect(refused.code).toBe(77);
    expect(refused.stderr).toContain(`aws sts get-caller-identity --output json\n  ended with 254: ${failure}`);
    expect(called()).toHaveLength(1);
    for (const args of [
      ["--region", "moon"],
      [],
      ["--region", REGION, "--environment", "Dev_1"],
      ["--region", REGION, "--set", "other.A=1"],
    ]) {
      expect((await cloud(["deploy", ...args, "--dry-run"])).code).toBe(64);
    }
  });

  it("deletes the last stack first, once no certificate has a policy of it any more", async () => {
    cli.answer([
      {
        begins: `aws iot list-targets-for-policy --region ${REGION} --output json --policy-name causeway-dev-vehicle-records`,
        answer: { targets: [ARN, `${ARN}2`] },
      },
    ]);
    const { code, stdout } = await cloud(["delete", "--region", REGION]);
    expect(code).toBe(0);
    const order = called()
      .filter((line) => /delete-stack|detach-policy/.test(line))
      .map((line) => /--(?:stack-name|target) (\S+)/.exec(line)?.[1]);
    expect(order).toEqual([
      "causeway-dev-app",
      "causeway-dev-consumer",
      "causeway-dev-records",
      ARN,
      `${ARN}2`,
      "causeway-dev-iot",
      "causeway-dev-base",
    ]);
    expect(stdout).toContain("What holds data is left");
  });

  it("drives a vehicle and shows its rows decoded", async () => {
    const columns = [{ axis: 0, message: "Engine", signal: "Speed", unit: "km/h", values: [1.5, 2] }];
    const content = gzipSync(JSON.stringify({ axes: [[0, 10]], columns })).toString("base64");
    const items = { Items: [{ thing: { S: "bench-1" }, content: { B: content } }] };
    cli.answer([
      { ...ENDPOINT, answer: { endpointAddress: "127.0.0.1" } },
      CERTIFICATE,
      { begins: "aws dynamodb query", answer: items },
    ]);
    const { code, stdout, stderr } = await cloud([
      "drive",
      "--region",
      REGION,
      "--seconds",
      "5",
      "--folder",
      join(folder, "vehicle"),
    ]);
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toMatch(/Engine\.Speed\t1\.5 2 km\/h\n$/);
    expect(stdout).not.toContain("nobody may see this");
    expect(called().filter((line) => line.includes("attach-policy"))).toHaveLength(9);
  });
});
