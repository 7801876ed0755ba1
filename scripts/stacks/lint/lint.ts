import { Resolver } from "../resolve.ts";
import { readTemplate, type Template } from "../template.ts";
import type { TemplateFile } from "../template-files.ts";
import { type Problem, type TemplateNode, walk } from "../template-node.ts";
import { houseProblems } from "./house-check.ts";
import { outlineProblems } from "./outline-check.ts";
import { PolicyCheck } from "./policy-check.ts";
import { PropertyCheck } from "./property-check.ts";
import { referenceProblems } from "./reference-check.ts";
import { loadResourceSchemas, type ResourceSchemas } from "./resource-schemas.ts";
import { sizeProblems } from "./size-check.ts";

/** Something that is wrong in a file. */
export type FileProblem = Problem & { readonly file: string };

type Checked = {
  readonly text: string;
  readonly template: Template | undefined;
  readonly problems: readonly FileProblem[];
};

/** Checks templates against the provider's published schemas, and against each other. */
export class TemplateLint {
  readonly #schemas: ResourceSchemas = loadResourceSchemas();
  readonly #last = new Map<string, Checked>();

  /** Everything that is wrong, in the order of files and lines. What has not changed since the last call is not checked again by itself. */
  async check(files: readonly TemplateFile[]): Promise<readonly FileProblem[]> {
    const checked: Checked[] = [];
    for (const file of files) {
      const before = this.#last.get(file.file);
      const now = before?.text === file.text ? before : await this.#checkFile(file);
      this.#last.set(file.file, now);
      checked.push(now);
    }
    const templates = checked.flatMap(({ template }) => (template === undefined ? [] : [template]));
    const between = [...exchangeProblems(templates), ...sameNames(templates)];
    const problems = [...checked.flatMap((one) => one.problems), ...between];
    return problems.toSorted((a, b) => a.file.localeCompare(b.file) || a.line - b.line || a.column - b.column);
  }

  async #checkFile({ file, text }: TemplateFile): Promise<Checked> {
    const { template, problems: outline } = readTemplate(file, text);
    const more = template === undefined ? [] : await this.#checkTemplate(template);
    return { text, template, problems: [...outline, ...more].map((problem) => ({ file, ...problem })) };
  }

  async #checkTemplate(template: Template): Promise<readonly Problem[]> {
    const properties = new PropertyCheck(template, this.#schemas);
    const policies = new PolicyCheck();
    for (const resource of template.resources.values()) {
      properties.check(resource);
      await policies.check(resource);
    }
    return [
      ...properties.problems,
      ...policies.problems,
      ...outlineProblems(template),
      ...referenceProblems(template, this.#schemas),
      ...sizeProblems(template),
      ...houseProblems(template),
    ];
  }
}

/** What is imported must be exported by another stack, once; a stack that waits for itself cannot be made. */
function exchangeProblems(templates: readonly Template[]): readonly FileProblem[] {
  const exported = new Map<string, string>();
  const problems: FileProblem[] = [];
  for (const template of templates) {
    for (const { exportName, place } of template.outputs) {
      const name = exportName === undefined ? "" : textIn(template, exportName);
      const other = exported.get(name);
      if (other !== undefined)
        problems.push({ file: template.file, ...place, message: `${name} is exported by ${other} too` });
      else exported.set(name, template.file);
    }
  }
  for (const template of templates) {
    for (const node of walk(template.root)) {
      if (node.kind !== "function" || node.name !== "ImportValue") continue;
      const name = textIn(template, node.argument);
      const from = exported.get(name);
      if (from !== undefined && from !== template.file) continue;
      const message = from === undefined ? `no template exports ${name}` : `${name} is its own export`;
      problems.push({ file: template.file, ...node.place, message });
    }
  }
  return problems;
}

/** Two resources of one type and name: the second stack would fail in its middle. */
function sameNames(templates: readonly Template[]): readonly FileProblem[] {
  const taken = new Map<string, string>();
  const problems: FileProblem[] = [];
  for (const template of templates) {
    const resolver = new Resolver(template);
    for (const resource of template.resources.values()) {
      const name = resolver.nameOf(resource);
      // A permission has the name of the function that it is for.
      if (name === resource.logicalId || resource.type === "AWS::Lambda::Permission") continue;
      const key = `${resource.type} ${name}`;
      const other = taken.get(key);
      if (other === undefined) taken.set(key, template.file);
      else
        problems.push({
          file: template.file,
          ...resource.place,
          message: `${name} is the name of another in ${other} too`,
        });
    }
  }
  return problems;
}

function textIn(template: Template, node: TemplateNode): string {
  return new Resolver(template).text(node);
}
