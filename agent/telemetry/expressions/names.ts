import type { ASTNode } from "@marcbachmann/cel-js";

/** The name that a node is: an identifier, or several with dots between; undefined for anything else. */
export function pathOf(node: ASTNode): string | undefined {
  if (node.op === "id") return node.args;
  if (node.op !== ".") return undefined;
  const above = pathOf(node.args[0]);
  return above === undefined ? undefined : `${above}.${node.args[1]}`;
}

/** Every name in an expression. */
export function namesOf(node: ASTNode): readonly string[] {
  const path = pathOf(node);
  return path === undefined ? childrenOf(node).flatMap(namesOf) : [path];
}

function childrenOf(node: ASTNode): readonly ASTNode[] {
  switch (node.op) {
    case "value":
    case "id":
      return [];
    case ".":
    case ".?":
      return [node.args[0]];
    case "!_":
    case "-_":
      return [node.args];
    case "call":
      return node.args[1];
    case "rcall":
      return [node.args[1], ...node.args[2]];
    case "map":
      return node.args.flat();
    default:
      return node.args;
  }
}
